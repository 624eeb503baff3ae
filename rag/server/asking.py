"""What the routes that ask a question share. Layer: faces."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal, cast

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from rag import batch, chronicle
from rag.rendering import Json
from rag.server.engine import Engine
from rag.server.jobs import Job
from rag.server.observing import LOG
from rag.server.states import StaleError
from rag.types import Done, Event, Filters, Mode, Retrieved


class Turn(BaseModel):
    """One earlier turn of a conversation."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["user", "assistant"]
    content: str
    citations: list[dict[str, Any]] = Field(
        default=[], max_length=100, description="Those of the Answer that this turn was; for questions about sources."
    )


@dataclass(frozen=True, slots=True)
class Undated:
    """Event: so many articles have no date, and the dates asked for leave them out."""

    articles: int


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
    explain: bool = Field(False, description="Also say what decided on the answer, in `explain` (docs/explain.md).")
    mode: Mode = Field("answer", description="`quote` answers with quotations alone, without the language model.")
    timeline: bool = Field(False, description="Tell a topic in dated quotations, oldest first, without the model.")

    def filters(self) -> Filters:
        """Raises UsageError naming the first that cannot be used."""
        return batch.filters(self.since, self.until, self.source)


def engine_of(request: Request) -> Engine:
    """The engine of the application."""
    return cast(Engine, request.app.state.engine)


def ask(request: Request, asked: Question) -> Job[Event | Undated]:
    """Start answering. Raises UsageError, BusyError."""
    engine, filters = engine_of(request), asked.filters()
    mode: Mode = "quote" if asked.timeline else asked.mode
    ticket = engine.ticket(request.state.client, mode)
    if engine.server.log_content:
        LOG.info("question", extra={"request_id": request.state.request_id, "question": asked.question})

    as_it_is = getattr(request.state, "as_it_is", False)

    def events() -> Generator[Event | Undated]:
        with engine.rag(ticket) as rag:
            if (filters.since or filters.until) and (left := rag.retriever.undated(filters)):
                yield Undated(left)
            history = [turn.model_dump(exclude_unset=True) for turn in asked.history]
            if asked.timeline:
                answering = chronicle.stream(rag, asked.question, engine.settings, filters=filters, history=history)
            else:
                answering = rag.stream(asked.question, filters=filters, mode=mode, history=history)
            with closing(answering) as events:  # type: ignore[type-var]
                with engine.tracing.span("retrieve") as note, engine.searching(ticket):
                    found = next(events)
                    note("newsrag.evidence", len(found.evidence) if isinstance(found, Retrieved) else 0)
                yield found
                found_ns = time.time_ns()
                with engine.tracing.span("answer") as note:
                    note("newsrag.mode", mode)
                    if engine.server.log_content:
                        note("newsrag.question", asked.question)
                    for event in events:
                        if isinstance(event, Done):
                            engine.tracing.record("verify", ticket.model_left_ns or found_ns)
                            request.app.state.metrics.answer(event, mode, ticket)
                            note("newsrag.answered", event.answer.answered)
                            note("newsrag.dropped", event.dropped)
                        yield event

    def produce() -> Generator[Event | Undated]:
        if as_it_is:
            engine.reload()
        yield from _as_often_as_it_takes(events)

    return Job(produce, ticket, engine.pool(mode))


def _as_often_as_it_takes(events: Callable[[], Generator[Event | Undated]]) -> Generator[Event | Undated]:
    """The events of one answer. Where the index changed while it waited for the model it begins again: what was found
    is told once more if it is something else."""
    told: list[object] = []
    while True:
        try:
            with closing(events()) as produced:
                for event in produced:
                    if isinstance(event, Retrieved | Undated):
                        what = event if isinstance(event, Undated) else [(e.article, e.span) for e in event.evidence]
                        if what in told:
                            continue
                        told.append(what)
                    yield event
            return
        except StaleError:
            continue


def sse(data: Json | str, event: str | None = None) -> bytes:
    """One server-sent event; its data is one line."""
    line = data if isinstance(data, str) else batch.dumps(data)
    return (f"event: {event}\n" if event else "").encode() + f"data: {line}\n\n".encode()
