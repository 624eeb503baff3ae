"""The server process: start, serve, stop. Layer: faces."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from rag.errors import UsageError
from rag.server.app import create_app
from rag.server.engine import Engine
from rag.settings import ServerSettings, Settings


def serve(folder: Path, settings: Settings, server: ServerSettings, say: Callable[[str], None]) -> int:
    """Serve until told to stop; the exit code. Raises UsageError when the address cannot be used, and as
    `Engine.start` does: the models are loaded before the first request is let in."""
    listening = _listen(server.host, server.port)
    engine = Engine(folder, settings, server, say)
    with listening:
        engine.start()
        try:
            say(f"newsrag serves {folder} at {_url(listening)} (stop with Ctrl-C)")
            _Server(_config(create_app(engine), server), engine).run([listening])
        finally:
            engine.close()
    return 0


def _config(app: object, server: ServerSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(server.trusted_proxies),
        forwarded_allow_ips=server.trusted_proxies,
        timeout_graceful_shutdown=server.shutdown_seconds,
        h11_max_incomplete_event_size=64 * 1024,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self._engine = engine


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as exc:
        raise UsageError(f"cannot listen on {host} port {port}: {exc.strerror}") from exc
    return listening


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
