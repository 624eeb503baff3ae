"""`rag serve` and `rag keys`. Layer: faces. What loads models or the web framework is imported inside."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rag.options import Index
from rag.server.keys import KEYS_FILE, Key, KeyRing
from rag.settings import ServerSettings, Settings

Config = Annotated[Path | None, typer.Option(metavar="FILE", help="Settings of the server as TOML.")]
keys_app = typer.Typer(add_completion=False, no_args_is_help=False, help="API keys of the server.")


class ScopeName(StrEnum):
    """What a key may do; each includes those before it."""

    read = "read"
    write = "write"
    admin = "admin"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 if left out.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8000 if left out, 0 for any free one.")] = None,
    index: Index = None,
    config: Config = None,
) -> int:
    """Serve the web page, the API and OpenAI-compatible chat completions."""
    settings = Settings.load()
    server = ServerSettings.load(config, host=host, port=port)
    from rag import wiring
    from rag.server import running

    return running.serve(wiring.choose_index(index, settings, _say), settings, server, _say)


def _ring(index: Path | None, config: Path | None) -> KeyRing:
    """The keys that `rag serve` with the same options asks for."""
    from rag import wiring

    server = ServerSettings.load(config)
    if server.keys_file:
        return KeyRing(server.keys_file)
    folder = wiring.choose_index(index, Settings.load(), _say)
    wiring.index_stamp(folder)  # raises NotReadyError where there is no index
    return KeyRing(folder / KEYS_FILE)


@keys_app.command("add")
def add_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who or what will use it.")],
    scope: Annotated[
        ScopeName, typer.Option(help="read: ask and search; write: articles too; admin: metrics too.")
    ] = ScopeName.read,
    index: Index = None,
    config: Config = None,
) -> int:
    """Make a key and print it, once: only its hash is kept."""
    key, token = _ring(index, config).add(name, scope.value)
    _say(f"key {key.id} for {key.name}, scope {key.scope}; it is shown only now:")
    print(token)
    return 0


@keys_app.command("list")
def list_command(
    index: Index = None, config: Config = None, as_json: Annotated[bool, typer.Option("--json")] = False
) -> int:
    """Show the keys, without their secrets."""
    for key in _ring(index, config).all():
        print(json.dumps(key.model_dump(exclude={"sha256"})) if as_json else _line(key))
    return 0


def _line(key: Key) -> str:
    return f"{key.id}  {key.scope:5}  made {key.created}  {f'revoked {key.revoked}  ' if key.revoked else ''}{key.name}"


@keys_app.command("revoke")
def revoke_command(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `rag keys list` shows.")],
    index: Index = None,
    config: Config = None,
) -> int:
    """Make a key useless, for a running server too."""
    key = _ring(index, config).revoke(key_id)
    _say(f"revoked: {_line(key)}")
    return 0
