"""`rag serve`. Layer: faces. What loads models or the web framework is imported inside."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rag.settings import ServerSettings, Settings


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 if left out.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8000 if left out, 0 for any free one.")] = None,
    index: Annotated[
        Path | None, typer.Option("--index", metavar="DIR", help="Folder of the index; indexes/default if left out.")
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings of the server as TOML.")] = None,
) -> int:
    """Serve the web page, the API and OpenAI-compatible chat completions."""
    settings = Settings.load()
    server = ServerSettings.load(config, host=host, port=port)
    from rag import wiring
    from rag.server import running

    return running.serve(wiring.choose_index(index, settings, _say), settings, server, _say)
