"""The web page and its files, from inside the package. Layer: faces."""

from __future__ import annotations

import hashlib
import mimetypes
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rag.server.problems import ProblemError

router = APIRouter(include_in_schema=False)
# Windows takes types from its registry, where programs leave wrong ones.
_TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css",
          ".svg": "image/svg+xml", ".json": "application/json", ".woff2": "font/woff2"}  # fmt: skip


@router.get("/")
async def page(request: Request) -> Response:
    """The page."""
    return _file(request, "index.html")


@router.get("/eval")
async def evaluation(request: Request) -> Response:
    """The page of the reports of `rag eval`; it holds none of them, so it needs no key."""
    return _file(request, "eval.html")


@router.get("/static/report.css")
async def report_style(request: Request) -> Response:
    """How a report looks: the same as in the page that `rag eval --html` writes."""
    return _file(request, "page.css", files("rag.evaluation"))


@router.get("/favicon.ico")
async def icon(request: Request) -> Response:
    """Browsers ask for it unasked."""
    return _file(request, "favicon.svg")


@router.get("/static/{name:path}")
async def static(request: Request, name: str) -> Response:
    """A file of the page."""
    return _file(request, name)


def _file(request: Request, name: str, folder: Traversable | None = None) -> Response:
    found = folder or files("rag.server") / "static"
    for part in name.split("/"):
        if part in ("", ".", "..") or "\\" in part or ":" in part:
            raise ProblemError(404, "there is no such file", "not_found")
        found = found / part
    if not found.is_file():
        raise ProblemError(404, "there is no such file", "not_found")
    body = found.read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    suffix = "." + found.name.rpartition(".")[2]
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    return Response(body, headers=headers, media_type=media_type)
