"""The application put together. Layer: faces."""

from __future__ import annotations

from fastapi import FastAPI

from rag import __version__
from rag.server import articles, health, native, pages, problems
from rag.server.engine import Engine
from rag.server.middleware import BodyLimit, Envelope


def create_app(engine: Engine) -> FastAPI:
    """The ASGI application over a started engine."""
    app = FastAPI(
        title="newsrag",
        version=__version__,
        description="Answers over news articles, every sentence cited to the exact words that support it.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.engine = engine
    for router in (native.router, articles.router, health.router, pages.router):
        app.include_router(router)
    problems.install(app)
    app.add_middleware(BodyLimit, limit=engine.server.body_bytes)
    app.add_middleware(Envelope)
    return app
