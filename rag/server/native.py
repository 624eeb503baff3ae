"""POST /ask and GET /search. Layer: faces."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from rag import batch
from rag.rendering import Json, answer_json, retrieved_json, search_json, sentence_json
from rag.server import problems
from rag.server.asking import Question, Undated, ask, engine_of, sse
from rag.server.jobs import Job, Queued, attended
from rag.server.streaming import EVENTS, EventStream
from rag.types import Done, Event, Retrieved, SentenceReady

router = APIRouter()
Since = Annotated[str | None, Query(description="Only articles from this day, month or year on.")]
Until = Annotated[str | None, Query(description="Only articles up to this day, month or year.")]
Source = Annotated[str | None, Query(description="Only articles of this outlet.")]


@router.post("/ask", summary="One cited answer", responses=EVENTS)
async def ask_route(request: Request, asked: Question) -> Response:
    """The whole Answer as JSON; with `Accept: text/event-stream` its events as they happen: `queued` {position},
    `undated` {articles} where dates leave articles without one out, `retrieved`, `sentence` for each checked sentence,
    `done` with the whole Answer, `error` with a problem document."""
    job = ask(request, asked)
    if wants_events(request):
        request_id = request.state.request_id

        def failed(exc: Exception) -> bytes:
            problems.report(exc, request_id)
            return sse(problems.document(problems.describe(exc), request_id), "error")

        return EventStream(_events(job), failed)
    items = await attended(request, job)
    answer = next(item.answer for item in items if isinstance(item, Done))
    return JSONResponse(answer_json(answer))


def wants_events(request: Request) -> bool:
    """Whether the client asks for server-sent events."""
    return "text/event-stream" in request.headers.get("accept", "")


async def _events(job: Job[Event | Undated]) -> AsyncGenerator[bytes]:
    async for item in job.items():
        yield sse(*event_json(item))


def event_json(event: Event | Queued | Undated) -> tuple[Json, str]:
    """The data of an event and its name."""
    match event:
        case Queued(position):
            return {"position": position}, "queued"
        case Undated(articles):
            return {"articles": articles}, "undated"
        case Retrieved():
            return retrieved_json(event), "retrieved"
        case SentenceReady():
            return sentence_json(event), "sentence"
        case Done(answer):
            return answer_json(answer), "done"


@router.get("/search", summary="The articles that match")
async def search_route(
    request: Request,
    q: Annotated[str, Query(description="What to look for, by meaning and by words.")],
    k: Annotated[int, Query(ge=1, le=200, description="How many hits.")] = 10,
    since: Since = None,
    until: Until = None,
    source: Source = None,
) -> Response:
    """The k best articles, each with its best passage; best first."""
    engine, filters = engine_of(request), batch.filters(since, until, source)

    def produce() -> Generator[Json]:
        with engine.rag() as rag:
            yield search_json(q, rag.search(q, k, filters))

    return await first(request, Job(produce, engine.ticket(request.state.client, "quote"), engine.readers))


async def first(request: Request, job: Job[Any]) -> Response:
    """The one result of a job, as JSON."""
    return JSONResponse((await attended(request, job))[0])
