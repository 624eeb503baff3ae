"""Who may do what, and how often. Layer: faces.

With keys every request but the pages, their files, the documentation and the health checks needs one. Without keys the
server listens on this machine only, and answers only to this machine's names and its own page: otherwise any page in
a browser here could ask it (by its address, or by a name that it makes point here).
"""

from __future__ import annotations

import hmac
import math
import time
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.server import keys
from rag.server.keys import Key, KeyRing
from rag.server.problems import ProblemError
from rag.settings import ServerSettings

_OPEN_PATHS = {"/", "/eval", "/favicon.ico", "/docs", "/openapi.json"}
_OPEN_FOLDERS = ("/static/", "/health/")
_LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}
_LOCAL_ADDRESSES = {"127.0.0.1", "::1"}
_MOST_CLIENTS = 10_000


def needed(method: str, path: str, *, metrics_open: bool = False) -> keys.Scope | None:
    """The scope that a request needs; None for what everybody may see."""
    if path == "/metrics":
        return None if metrics_open else "admin"
    if path in _OPEN_PATHS or path.startswith(_OPEN_FOLDERS):
        return None
    asking = path == "/ask" or path.startswith("/v1/")
    return "read" if method in ("GET", "HEAD") or asking else "write"


class RateLimit:
    """So many requests of one client at once, and so many in a minute in the long run (a token bucket for each)."""

    def __init__(self, per_minute: int, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = per_minute / 60, burst, clock
        self._buckets: dict[str, tuple[float, float]] = {}  # what is left, and when that was counted

    def take(self, client: str) -> None:
        """Count one request. Raises ProblemError 429 when the client has none left."""
        if not self._rate:
            return
        now = self._clock()
        left = self._left(client, now)
        if left < 1:
            wait = math.ceil((1 - left) / self._rate)
            detail = f"too many requests: try again in {wait} seconds"
            raise ProblemError(429, detail, "rate_limited", {"Retry-After": str(wait)})
        self._buckets.pop(client, None)
        self._buckets[client] = (left - 1, now)
        if len(self._buckets) > _MOST_CLIENTS:  # the one that has been away longest
            del self._buckets[next(iter(self._buckets))]

    def _left(self, client: str, now: float) -> float:
        left, counted = self._buckets.get(client, (float(self._burst), now))
        return min(self._burst, left + (now - counted) * self._rate)


class Gate:
    """Refuses what may not pass before anything of it is read."""

    def __init__(
        self, app: ASGIApp, ring: KeyRing, server: ServerSettings, *, local: bool, token: str | None = None
    ) -> None:
        """`local`: the server can be reached from this machine only, so it may do without keys. `token` is a key of the
        scope `read` for commands of this machine."""
        self.app, self._ring, self._server, self._local = app, ring, server, local
        self._token = token
        self._limit = RateLimit(server.rate_per_minute, server.rate_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            self._admit(scope)
        await self.app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        wanted = needed(scope["method"], scope["path"], metrics_open=self._server.metrics_open)
        headers = Headers(scope=scope)
        keyed = not self._local or self._ring.exists()
        if not keyed:
            self._require_local(headers)
        if wanted is None:
            return
        state = scope["state"]
        if self._of_command(headers, state["client"]) and wanted == "read":
            state.update(client="rag ask", as_it_is=True)
            self._limit.take(state["client"])
            return
        key = self._key(headers, state["client"], wanted) if keyed else None
        if key:
            state["client"] = f"key {key.id}"
        self._limit.take(state["client"])

    def _of_command(self, headers: Headers, address: str) -> bool:
        """Whether a command on this machine asks, which read the token of this run."""
        if self._token is None or address not in _LOCAL_ADDRESSES:
            return False
        sent = headers.get("authorization", "").encode("utf-8", errors="replace")
        return hmac.compare_digest(sent, f"Bearer {self._token}".encode())

    def _key(self, headers: Headers, address: str, wanted: keys.Scope) -> Key:
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        token = bearer.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")
        key = self._ring.check(token)
        if key is None:
            self._limit.take(address)  # guessing is limited too
            detail = "an API key is needed: send it as `Authorization: Bearer KEY`"
            raise ProblemError(401, detail, "invalid_api_key", {"WWW-Authenticate": "Bearer"})
        if not key.allows(wanted):
            raise ProblemError(403, f"this key may not do that: it takes the scope {wanted}", "insufficient_scope")
        return key

    def _require_local(self, headers: Headers) -> None:
        host = headers.get("host", "")
        if (_split(f"//{host}").hostname or "") not in _LOCAL_NAMES | set(self._server.allowed_hosts):
            raise ProblemError(421, "without API keys the server answers to this machine's names only", "wrong_host")
        origin = headers.get("origin")
        if origin is not None and _split(origin).netloc != host and origin not in self._server.cors_origins:
            raise ProblemError(403, "another site's page may not call this server", "cross_site")


def _split(address: str) -> SplitResult:
    """The parts of an address; empty ones of what is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
