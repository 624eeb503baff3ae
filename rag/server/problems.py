"""Errors as RFC 9457 problem documents. Layer: faces.

Under /v1 a problem also carries `error`, where OpenAI's clients look for the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from rag.errors import LockedError, NewsragError, NotReadyError, UsageError
from rag.rendering import Json
from rag.server.observing import LOG
from rag.server.queueing import BusyError, CancelledError, TooSlowError

MEDIA_TYPE = "application/problem+json"
NOT_READY = "no question can be asked yet: the server is starting, or its index is empty; try again in 10 seconds"
CLIENT_CLOSED = 499  # nobody reads it; it tells the log why nothing was sent


class ProblemDocument(BaseModel):
    """An error as RFC 9457 has it. Under /v1 `error` repeats it in OpenAI's shape."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error: dict[str, Any] | None = None


_STATUSES = (400, 401, 403, 404, 405, 409, 413, 415, 421, 422, 429, 500, 503, 504)
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }
    for status in _STATUSES
}
"""What any operation may answer instead, for the OpenAPI document."""


class ProblemError(NewsragError):
    """A request that is refused for a reason of HTTP's own."""

    def __init__(self, status: int, detail: str, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.headers = status, code, dict(headers or {})


def describe(exc: Exception, path: str = "") -> ProblemError:
    """Any exception as the problem a client is told. What the server got wrong itself is not told in detail."""
    match exc:
        case ProblemError():
            return exc
        case BusyError():
            return ProblemError(503, str(exc), "queue_full", {"Retry-After": str(exc.retry_after)})
        case TooSlowError():
            return ProblemError(504, str(exc), "timeout")
        case CancelledError():
            return ProblemError(CLIENT_CLOSED, str(exc), "client_closed")
        case UsageError():
            return ProblemError(400 if path.startswith("/v1/") else 422, str(exc), "invalid_request")
        case RequestValidationError():
            return describe(UsageError(_first(exc)), path)
        case NotReadyError():
            return ProblemError(503, NOT_READY, "not_ready", {"Retry-After": "10"})
        case LockedError():
            detail = "another program writes to the index, and nothing was changed: try again in 10 seconds"
            return ProblemError(503, detail, "index_locked", {"Retry-After": "10"})
        case HTTPException():
            headers = dict(exc.headers or {})
            return ProblemError(exc.status_code, str(exc.detail), HTTPStatus(exc.status_code).name.lower(), headers)
        case _:
            return ProblemError(500, "the server failed: its log says why", "internal_error")


def _first(exc: RequestValidationError) -> str:
    error = exc.errors()[0]
    place = ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path"))
    return f"{place}: {error['msg']}" if place else str(error["msg"])


def document(problem: ProblemError, request_id: str, path: str = "") -> Json:
    """The problem as JSON."""
    status, detail = problem.status, str(problem)
    fields: Json = {
        "type": f"urn:newsrag:problem:{problem.code}",
        "title": HTTPStatus(status).phrase if status != CLIENT_CLOSED else "Client Closed Request",
        "status": status,
        "detail": detail,
        "instance": f"urn:newsrag:request:{request_id}",
    }
    if path.startswith("/v1/"):
        kind = "invalid_request_error" if status < 500 else "server_error"
        fields["error"] = {"message": detail, "type": kind, "code": problem.code, "param": None}
    return fields


def response(problem: ProblemError, request_id: str, path: str = "") -> Response:
    """The whole HTTP response."""
    body = document(problem, request_id, path)
    return JSONResponse(body, problem.status, problem.headers, media_type=MEDIA_TYPE)


def report(exc: Exception, request_id: str) -> None:
    """Log what only the server can be blamed for."""
    if describe(exc).status == 500:
        known = isinstance(exc, NewsragError)
        LOG.error(str(exc) if known else "internal error", exc_info=not known, extra={"request_id": request_id})


def install(app: FastAPI) -> None:
    """Every error of every route leaves as a problem document."""

    async def handle(request: Request, exc: Exception) -> Response:
        request_id = request.state.request_id
        report(exc, request_id)
        return response(describe(exc, request.url.path), request_id, request.url.path)

    for kind in (NewsragError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)
