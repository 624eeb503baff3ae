"""A real server on a free port, in this process: the tests' models are loaded once for all of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from rag.server import running
from rag.server.tracing import Tracing
from rag.settings import ServerSettings, Settings


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """Name and data of each server-sent event."""
        blocks = [block.splitlines() for block in self.body.decode().split("\n\n") if block.startswith("event:")]
        return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


class Served(NamedTuple):
    """Where a server is."""

    host: str
    port: int
    notices: list[str]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def open(self, timeout: float = 600) -> HTTPConnection:
        return HTTPConnection(self.host, self.port, timeout=timeout)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request: `server("POST", "/ask", {"question": ...}, authorization="Bearer ...")`."""
        connection = self.open()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("content-type", "application/json")
        try:
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()


@contextmanager
def serving(index: Path, traced: Tracing | None = None, **server: Any) -> Iterator[Served]:
    """The server of `rag serve --index INDEX` with these server settings."""
    notices: list[str] = []
    options = {
        "port": 0,
        "log": "off",
        "rate_per_minute": 0,
        "reload_seconds": 0.2,
        "shutdown_seconds": 5,
        "request_seconds": 600,
        **server,
    }
    settings = ServerSettings.load(**options)
    with running.prepared(index, Settings.load(), settings, notices.append, traced) as (web, listening, engine):
        engine.start()
        host, port = listening.getsockname()[:2]
        thread = threading.Thread(target=web.run, args=([listening],), name="web")
        thread.start()
        try:
            until = time.monotonic() + 30
            while not web.started and time.monotonic() < until:
                time.sleep(0.01)
            yield Served("127.0.0.1" if host == "0.0.0.0" else host, port, notices)
        finally:
            web.should_exit = True
            thread.join()
