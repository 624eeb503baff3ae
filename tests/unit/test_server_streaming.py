from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from rag.server import streaming
from rag.server.streaming import EventStream

SCOPE = {"type": "http", "method": "POST", "path": "/ask", "headers": []}


class Client:
    """The other end of a response: collects what is sent, and leaves when it is told to."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.left = asyncio.Event()

    async def receive(self) -> Any:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


class Chunks:
    """Yields what it is given, raises an exception where one stands, and knows whether it was closed."""

    def __init__(self, *items: bytes | Exception | float) -> None:
        self.items = items
        self.closed = False

    async def run(self) -> AsyncGenerator[bytes]:
        try:
            for item in self.items:
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, bytes):
                    yield item
                else:
                    await asyncio.sleep(item)
        finally:
            self.closed = True


def stream(chunks: Chunks, client: Client) -> Any:
    return EventStream(chunks.run(), lambda exc: f"failed: {exc}".encode())(SCOPE, client.receive, client.send)


def test_chunks_are_sent_as_they_come() -> None:
    async def scenario() -> None:
        client, chunks = Client(), Chunks(b"one", b"two")
        await stream(chunks, client)
        assert [m.get("body") for m in client.sent] == [None, b"one", b"two", b""]
        assert client.sent[0]["status"] == 200
        assert (b"content-type", b"text/event-stream; charset=utf-8") in client.sent[0]["headers"]
        assert chunks.closed

    asyncio.run(scenario())


def test_an_error_before_the_first_chunk_is_raised_and_nothing_is_sent() -> None:
    async def scenario() -> None:
        client = Client()
        with pytest.raises(ValueError, match="early"):
            await stream(Chunks(ValueError("early")), client)
        assert client.sent == []

    asyncio.run(scenario())


def test_a_later_error_is_the_last_chunk() -> None:
    async def scenario() -> None:
        client, chunks = Client(), Chunks(b"one ", ValueError("late"))
        await stream(chunks, client)
        assert client.body == b"one failed: late"
        assert client.sent[-1]["more_body"] is False

    asyncio.run(scenario())


def test_a_client_that_leaves_ends_the_stream() -> None:
    async def scenario() -> None:
        client, chunks = Client(), Chunks(b"one", 3600.0, b"two")
        running = asyncio.create_task(stream(chunks, client))
        while not client.body:
            await asyncio.sleep(0)
        client.left.set()
        await asyncio.wait_for(running, 5)
        assert client.body == b"one"
        assert chunks.closed

    asyncio.run(scenario())


def test_a_silent_stream_shows_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        client = Client()
        await stream(Chunks(b"one", 0.2, b"two"), client)
        assert client.body.startswith(b"one: waiting\n\n")
        assert client.body.endswith(b"two")

    monkeypatch.setattr(streaming, "_PING_S", 0.05)
    asyncio.run(scenario())
