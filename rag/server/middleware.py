"""What surrounds every request: its id, the headers every response gets, limits. Layer: faces."""

from __future__ import annotations

import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.server import problems
from rag.server.observing import LOG, Metrics
from rag.server.problems import ProblemError
from rag.server.tracing import Note, Tracing

_REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
# The page needs nothing but its own files and this server; an article's own HTML could do nothing even if it got in.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Envelope:
    """The outermost layer: request id, security headers, metrics, log and trace, and a problem document for what nobody
    caught."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing) -> None:
        self.app, self._metrics, self._tracing = app, metrics, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with self._tracing.span("request", Headers(scope=scope)) as note:
            await self._serve(scope, receive, send, note)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, note: Note) -> None:
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        client = scope.get("client")
        scope.setdefault("state", {}).update(request_id=request_id, client=client[0] if client else "local")
        began, status = time.perf_counter(), 0

        async def enveloped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/") and scope["path"] not in ("/", "/eval"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self.app(scope, receive, enveloped)
        except Exception as exc:
            problems.report(exc, request_id)
            if status:
                raise
            failure = problems.response(problems.describe(exc), request_id, scope["path"])
            await failure(scope, receive, enveloped)
        finally:
            self._report(scope, status or problems.CLIENT_CLOSED, time.perf_counter() - began, note)

    def _report(self, scope: Scope, status: int, seconds: float, note: Note) -> None:
        """The route's pattern stands for the path: a path can hold what was searched for."""
        route = getattr(scope.get("route"), "path", "none")
        self._metrics.request(route, status, seconds)
        state = scope["state"]
        fields = {"method": scope["method"], "route": route, "status": status, "ms": round(1000 * seconds)}
        LOG.info("request", extra={**fields, "request_id": state["request_id"], "client": state["client"]})
        note("name", f"{scope['method']} {route}")
        note("http.request.method", scope["method"])
        note("http.route", route)
        note("http.response.status_code", status)
        note("newsrag.request_id", state["request_id"])


class BodyLimit:
    """Refuses a body that is too large, as soon as that is known."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        problem = ProblemError(
            413, f"the body is larger than {self.limit} bytes: send less at a time", "body_too_large"
        )
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > self.limit:
            raise problem
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.limit:
                raise problem
            return message

        await self.app(scope, counted, send)
