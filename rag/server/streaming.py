"""Server-sent events that stop when the client goes away. Layer: faces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rag.server.jobs import gone

EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}
"""For the OpenAPI document: a route that may stream."""
_PING = b": waiting\n\n"
_PING_S = 15.0


class EventStream(Response):
    """Sends chunks as they come. Nothing is sent before the first, so that an error until then has its own status; a
    later one becomes a last chunk. A comment now and then keeps proxies from closing a silent connection."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes], failed: Callable[[Exception], bytes]) -> None:
        """`failed` writes the last chunk of a stream that broke."""
        self._chunks, self._failed = chunks, failed
        self.status_code = 200
        self.background = None
        # X-Accel-Buffering: nginx would otherwise collect the events before it passes them on.
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end, or until the client is gone."""
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(gone(Request(scope, receive)))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        started = False
        async with aclosing(self._chunks) as chunks:
            following = asyncio.ensure_future(anext(chunks))
            try:
                while True:
                    done, _ = await asyncio.wait({following}, timeout=_PING_S)
                    try:
                        chunk = following.result() if done else _PING
                    except StopAsyncIteration:
                        break
                    except Exception as exc:
                        if not started:
                            raise
                        chunk = self._failed(exc)
                        done = set()
                    if not started:
                        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
                        await send(start)
                        started = True
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    if done:
                        following = asyncio.ensure_future(anext(chunks))
                    elif following.done():
                        break
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
