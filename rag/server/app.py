"""The application put together. Layer: faces."""

from __future__ import annotations

import time

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from rag import __version__
from rag.server import articles, chat, docs, health, native, observing, pages, problems
from rag.server.access import Gate
from rag.server.engine import Engine
from rag.server.keys import KeyRing
from rag.server.middleware import BodyLimit, Envelope
from rag.server.observing import Metrics


def create_app(engine: Engine, ring: KeyRing, *, local: bool) -> FastAPI:
    """The ASGI application over a started engine. `local`: see `Gate`."""
    app = FastAPI(
        title="newsrag",
        version=__version__,
        description="Answers over news articles, every sentence cited to the exact words that support it.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.engine = engine
    app.state.started = time.time()
    app.state.metrics = metrics = Metrics(engine)
    for router in (
        chat.router,
        native.router,
        articles.router,
        docs.router,
        health.router,
        observing.router,
        pages.router,
    ):
        app.include_router(router)
    problems.install(app)
    server = engine.server
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, limit=server.body_bytes)
    app.add_middleware(Gate, ring=ring, server=server, local=local)
    app.add_middleware(Envelope, metrics=metrics)
    if server.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=server.cors_origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "X-API-Key", "X-Request-ID"),
            expose_headers=("Retry-After", "X-Request-ID"),
        )
    return app
