"""The application put together. Layer: faces."""

from __future__ import annotations

import time

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from rag import __version__
from rag.rendering import Json
from rag.server import articles, chat, docs, evaluations, health, native, observing, pages, problems
from rag.server.access import Gate, needed
from rag.server.engine import Engine
from rag.server.keys import KeyRing
from rag.server.middleware import BodyLimit, Envelope
from rag.server.observing import Metrics


def create_app(engine: Engine, ring: KeyRing, *, local: bool, token: str | None = None) -> FastAPI:
    """The ASGI application over a started engine. `local` and `token`: see `Gate`."""
    app = FastAPI(
        title="newsrag",
        version=__version__,
        description="Answers over news articles, every sentence cited to the exact words that support it.",
        docs_url=None,
        redoc_url=None,
        responses=problems.RESPONSES,
    )
    app.state.engine = engine
    app.state.started = time.time()
    app.state.metrics = metrics = Metrics(engine)
    for router in (
        chat.router,
        native.router,
        articles.router,
        docs.router,
        evaluations.router,
        health.router,
        observing.router,
        pages.router,
    ):
        app.include_router(router)
    problems.install(app)
    app.openapi_schema = _described(app.openapi())
    server = engine.server
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, limit=server.body_bytes)
    app.add_middleware(Gate, ring=ring, server=server, local=local, token=token)
    app.add_middleware(Envelope, metrics=metrics, tracing=engine.tracing)
    if server.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=server.cors_origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "X-API-Key", "X-Request-ID"),
            expose_headers=("Retry-After", "X-Request-ID"),
        )
    return app


def _described(document: Json) -> Json:
    """The OpenAPI document with what the routes do not say themselves: problems and keys."""
    components = document["components"]
    components["schemas"]["ProblemDocument"] = problems.ProblemDocument.model_json_schema()
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            scope = needed(method.upper(), path)
            operation["security"] = [{"key": []}] if scope else []
            if scope:
                operation["description"] += f"\n\nWith API keys it takes the scope `{scope}`."
    return document
