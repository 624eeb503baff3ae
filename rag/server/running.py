"""The server process: start, serve, stop. Layer: faces."""

from __future__ import annotations

import ipaddress
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvicorn

from rag import wiring
from rag.errors import UsageError
from rag.server import local, memory, tracing
from rag.server.app import create_app
from rag.server.engine import Engine
from rag.server.keys import KEYS_FILE, KeyRing
from rag.server.observing import log_to
from rag.settings import ServerSettings, Settings

Say = Callable[[str], None]
_BACKLOG = 2048


def serve(folder: Path, settings: Settings, server: ServerSettings, say: Say) -> int:
    """Serve until told to stop; the exit code. Raises as `prepared` does."""
    memory.give_back()
    token = local.new_token()
    with prepared(folder, settings, server, say, token=token) as (web, listening, engine), ExitStack() as told:

        def started() -> None:
            told.enter_context(local.announced(folder, settings, listening, token))
            say(f"newsrag serves {folder} at {url(listening)} (stop with Ctrl-C)")

        if server.log == "json":
            log_to(sys.stderr)
        listening.listen(_BACKLOG)
        with _stopped_by_sigterm(web), _starting(engine, web, started):
            web.run([listening])
    return 0


@contextmanager
def _starting(engine: Engine, web: uvicorn.Server, started: Callable[[], None]) -> Iterator[None]:
    """Start the engine beside what is done inside, and call `started`: until then the server says that it is alive and
    that it is not ready. Ends `web` and raises what kept the engine from starting."""
    failures: list[BaseException] = []

    def start() -> None:
        try:
            engine.start()
            started()
        except BaseException as exc:
            failures.append(exc)
            web.should_exit = True

    thread = threading.Thread(target=start, name="starter")
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failures:
        raise failures[0]


@contextmanager
def _stopped_by_sigterm(web: uvicorn.Server) -> Iterator[None]:
    """Stop in order. Uvicorn does too, but then sends the signal again to whoever handled it before: by default that
    ends the process on the spot, and nothing is closed."""

    def stop(*_: object) -> None:
        web.should_exit = True

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def prepared(
    folder: Path,
    settings: Settings,
    server: ServerSettings,
    say: Say,
    traced: tracing.Tracing | None = None,
    token: str | None = None,
) -> Iterator[tuple[uvicorn.Server, socket.socket, Engine]]:
    """A server, the socket it is to listen on, and the engine that it is to start. Without `traced` the environment
    decides. `token`: what lets commands of this machine in, see `rag.server.local`. Raises UsageError when the address
    cannot be used or may not be without keys, NotReadyError without an index, and as `tracing.configured` does."""
    ring = KeyRing(server.keys_file or folder / KEYS_FILE)
    traced = traced or tracing.configured()
    engine = Engine(folder, settings, server, say, traced)
    with _bound(server.host, server.port) as listening:
        reachable = not ipaddress.ip_address(listening.getsockname()[0]).is_loopback
        if reachable and not ring.active():
            raise UsageError(
                f"to listen on {server.host} the server needs an API key, or anybody could use it: make one with "
                f"`rag keys add NAME --index {folder}`, or listen on 127.0.0.1"
            )
        wiring.index_stamp(folder)  # raises NotReadyError where there is none
        try:
            web = uvicorn.Server(_config(create_app(engine, ring, local=not reachable, token=token), server))
            yield web, listening, engine
        finally:
            engine.close()
            traced.close()


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
    )


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as exc:
        raise UsageError(f"cannot listen on {host} port {port}: {exc.strerror}") from exc
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        return bound
    except OSError as exc:
        bound.close()
        raise UsageError(f"cannot listen on {host} port {port}: {exc.strerror}") from exc


def url(listening: socket.socket) -> str:
    """The address of a server."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
