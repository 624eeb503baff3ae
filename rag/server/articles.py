"""The articles themselves: list, read, add, delete. Layer: faces."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from rag import batch, wiring
from rag.articles import make_article
from rag.errors import UsageError
from rag.index_report import IndexReport
from rag.rendering import Json, article_json
from rag.server.asking import engine_of
from rag.server.engine import Engine
from rag.server.jobs import Job
from rag.server.native import Since, Source, Until, first
from rag.server.problems import ProblemError
from rag.types import Article, Problem

router = APIRouter()
_JSON_LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/json-lines")


def _reading(request: Request, read: Callable[[Engine], Json]) -> Job[Json]:
    engine = engine_of(request)

    def produce() -> Generator[Json]:
        yield read(engine)

    return Job(produce, engine.ticket(request.state.client, "quote"), engine.readers)


async def _changed(request: Request, change: Callable[[Engine], Json]) -> Json:
    """One change at a time. It is finished also when the client leaves: half of one would help nobody."""
    engine = engine_of(request)
    if engine.folder == wiring.SAMPLE_INDEX:
        detail = "this is the sample corpus, which stays as it is: start `rag serve --index DIR` with your own"
        raise ProblemError(409, detail, "sample_corpus")
    if not engine.started:
        raise engine.states.problem
    ticket = engine.ticket(request.state.client, "quote")
    try:
        return await asyncio.get_running_loop().run_in_executor(engine.changing, change, engine)
    finally:
        ticket.release()


@router.get("/articles", summary="The articles, a page at a time")
async def list_route(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200, description="How many.")] = 50,
    offset: Annotated[int, Query(ge=0, le=2**53, description="How many to pass over.")] = 0,
    since: Since = None,
    until: Until = None,
    source: Source = None,
) -> Response:
    """In the order they were first added, without their texts. `next` is the offset of the next page, or null."""
    filters = batch.filters(since, until, source)

    def read(engine: Engine) -> Json:
        with wiring.open_store(engine.folder) as store, store.snapshot():
            keys = store.matching(filters)
            page = store.load(keys[offset : offset + limit])
        articles = [article_json(page[key], text=False) for key in keys[offset : offset + limit]]
        following = offset + limit if offset + limit < len(keys) else None
        return {"articles": articles, "total": len(keys), "offset": offset, "limit": limit, "next": following}

    return await first(request, _reading(request, read))


@router.get("/articles/{article_id:path}", summary="One article")
async def read_route(request: Request, article_id: str) -> Response:
    """All fields, the text too: every citation's `start` and `end` count its characters (Unicode code points)."""

    def read(engine: Engine) -> Json:
        with wiring.open_store(engine.folder) as store:
            article = store.article(article_id)
        if article is None:
            raise ProblemError(404, "there is no article with this id", "no_such_article")
        return article_json(article)

    return await first(request, _reading(request, read))


_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "title": {"type": "string"},
                    "text": {"type": "string"},
                    "id": {"type": "string", "description": "Kept; else the address or a digest of the content."},
                    "url": {"type": "string"},
                    "source": {"type": "string", "description": "The outlet."},
                    "published": {"type": "string", "description": "ISO 8601."},
                    "authors": {"type": "array", "items": {"type": "string"}},
                    "language": {"type": "string"},
                    "license": {"type": "string"},
                },
                "required": ["title", "text"],
                "examples": [{"title": "A bridge closes", "text": "The bridge closed on Monday.", "source": "Echo"}],
            }
        },
        _JSON_LINES[0]: {"schema": {"type": "string"}},
    },
}


@router.post("/articles", summary="Add or update articles", openapi_extra={"requestBody": _BODY})
async def add_route(request: Request) -> Response:
    """One article object, `{"articles": [...]}`, a list of them, or JSON Lines (`application/x-ndjson`). They are
    checked as `rag index` checks files; one that cannot be used is reported under `problems` and the rest is kept. When
    none can be used the status is 422. They can be asked about when the response arrives."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", *_JSON_LINES):
        accepted = f"application/json or {_JSON_LINES[0]}"
        raise ProblemError(415, f"send articles as {accepted}", "unsupported_media_type", {"Accept-Post": accepted})
    records = _records(await request.body(), kind)
    items = list(_articles(records, engine_of(request).settings.max_article_characters))
    if not any(isinstance(item, Article) for item in items):
        raise UsageError("; ".join(map(str, items[:3])) or "no article in the request")

    def change(engine: Engine) -> Json:
        return _report(engine.add(items), [item.id for item in items if isinstance(item, Article)])

    return JSONResponse(await _changed(request, change))


def _report(report: IndexReport, ids: list[str]) -> Json:
    counts = {"added": report.added, "updated": report.updated, "unchanged": report.unchanged}
    problems = [{"where": problem.where, "reason": problem.reason} for problem in report.problems]
    return {**counts, "ids": list(dict.fromkeys(ids)), "problems": problems}


def _records(body: bytes, kind: str) -> list[tuple[str, Any]]:
    """Each record with its place. Raises UsageError for what is no JSON at all."""
    if kind in _JSON_LINES:
        lines = body.removeprefix(b"\xef\xbb\xbf").splitlines()
        return [(f"line {number}", _loads(line)) for number, line in enumerate(lines, 1) if line.strip()]
    value = _loads(body)
    if isinstance(value, Problem):
        raise UsageError(value.reason)
    if isinstance(value, dict) and isinstance(value.get("articles"), list):
        value = value["articles"]
    if isinstance(value, list):
        return [(f"item {number}", item) for number, item in enumerate(value, 1)]
    return [("the article", value)]


def _loads(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except json.JSONDecodeError as exc:
        return Problem("", f"invalid JSON: {exc.msg} at line {exc.lineno}, column {exc.colno}")
    except UnicodeDecodeError:
        return Problem("", "not UTF-8 text")
    except (ValueError, RecursionError):
        return Problem("", "invalid JSON: a number is too long, or it is nested too deeply")


def _articles(records: list[tuple[str, Any]], max_characters: int) -> Iterator[Article | Problem]:
    for place, fields in records:
        if isinstance(fields, Problem):
            yield Problem(place, fields.reason)
            continue
        if not isinstance(fields, dict):
            yield Problem(place, "expected a JSON object")
            continue
        try:
            article, warnings = make_article(fields, max_characters=max_characters)
        except UsageError as exc:
            yield Problem(place, str(exc))
            continue
        yield article
        yield from (Problem(place, warning) for warning in warnings)


_REMOVED = "removed: no search finds it and no new answer cites it. Its words leave the files of the index as soon as"
_LATER: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "Removed; its words leave the files as soon as nobody reads their old state.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@router.delete("/articles/{article_id:path}", summary="Delete an article for good", status_code=204, responses=_LATER)
async def delete_route(request: Request, article_id: str) -> Response:
    """The article, its passages and its vectors: nothing finds or cites it when the response arrives. 204: none of its
    words is in any file of the index. 202: somebody still reads the old state of the files; the server goes on until
    they are clean, also after a restart. 503: another program writes to the index, and nothing was deleted."""

    def change(engine: Engine) -> Json:
        removal = engine.remove(article_id)
        if removal == "unknown":
            raise ProblemError(404, "there is no article with this id", "no_such_article")
        return {} if removal == "done" else {"status": removal, "detail": f"{_REMOVED} nobody reads their old state."}

    later = await _changed(request, change)
    return JSONResponse(later, 202) if later else Response(status_code=204)
