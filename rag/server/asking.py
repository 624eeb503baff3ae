"""What the routes that ask a question share. Layer: faces."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any, Literal, cast

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from rag import batch, chronicle
from rag.rendering import Json
from rag.server.engine import Engine
from rag.server.jobs import Job
from rag.server.observing import LOG
from rag.types import Done, Event, Filters, Mode


class Turn(BaseModel):
    """One earlier turn of a conversation."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["user", "assistant"]
    content: str
    citations: list[dict[str, Any]] = Field(
        default=[], max_length=100, description="Those of the Answer that this turn was; for questions about sources."
    )


class Question(BaseModel):
    """One question with what limits its answer."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"question": "How many civilians were executed?", "since": "2025-03", "mode": "answer"}]
        },
    )
    question: str = Field(description="In words; any language the embedder knows.")
    history: list[Turn] = Field(default=[], max_length=100, description="Earlier turns, the oldest first.")
    since: str | None = Field(None, description="Only articles from this day (2025-03-08), month or year on.")
    until: str | None = Field(None, description="Only articles up to this day, month or year.")
    source: str | None = Field(None, description="Only articles of this outlet.")
    mode: Mode = Field("answer", description="`quote` answers with quotations alone, without the language model.")

    timeline: bool = Field(False, description="Tell a topic in dated quotations, oldest first, without the model.")

    def filters(self) -> Filters:
        """Raises UsageError naming the first that cannot be used."""
        return batch.filters(self.since, self.until, self.source)


def engine_of(request: Request) -> Engine:
    """The engine of the application."""
    return cast(Engine, request.app.state.engine)


def ask(request: Request, asked: Question) -> Job[Event]:
    """Start answering. Raises UsageError, BusyError."""
    engine, filters = engine_of(request), asked.filters()
    mode: Mode = "quote" if asked.timeline else asked.mode
    ticket = engine.ticket(request.state.client, mode)
    if engine.server.log_content:
        LOG.info("question", extra={"request_id": request.state.request_id, "question": asked.question})

    def produce() -> Generator[Event]:
        with engine.rag() as rag:
            history = [turn.model_dump(exclude_unset=True) for turn in asked.history]
            if asked.timeline:
                answering = chronicle.stream(rag, asked.question, engine.settings, filters=filters, history=history)
            else:
                answering = rag.stream(asked.question, filters=filters, mode=mode, history=history)
            with closing(answering) as events:  # type: ignore[type-var]
                with engine.searching(ticket):
                    found = next(events)
                yield found
                for event in events:
                    if isinstance(event, Done):
                        request.app.state.metrics.answer(event, mode, ticket)
                    yield event

    return Job(produce, ticket, engine.pool(mode))


def sse(data: Json | str, event: str | None = None) -> bytes:
    """One server-sent event; its data is one line."""
    line = data if isinstance(data, str) else batch.dumps(data)
    return (f"event: {event}\n" if event else "").encode() + f"data: {line}\n\n".encode()
