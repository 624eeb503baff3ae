"""Whether the server lives and can answer. Layer: faces."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from rag.server.asking import engine_of

router = APIRouter(prefix="/health")


@router.get("/live", summary="The process answers")
async def live() -> Response:
    """Always 200 while the process can answer at all."""
    return JSONResponse({"status": "live"})


@router.get("/ready", summary="Questions can be asked")
async def ready(request: Request) -> Response:
    """200 when the models are loaded and an index is open, else 503."""
    if why := engine_of(request).ready:
        raise why
    return JSONResponse({"status": "ready"})
