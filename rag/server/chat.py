"""OpenAI's chat completions over our answers. Layer: faces.

The last user message is the question and the earlier ones its history. What cannot be honoured is refused with 400,
and the few things that clients always send and that only lose their effect are named in `notes`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from rag.articles import published_day
from rag.errors import UsageError
from rag.prompting import estimated_tokens
from rag.rendering import Json, answer_json
from rag.server import problems
from rag.server.asking import Question, Turn, Undated, ask, engine_of, sse
from rag.server.jobs import Job, attended
from rag.server.problems import ProblemError
from rag.server.streaming import EVENTS, EventStream
from rag.types import Answer, Citation, Done, Event, Mode, SentenceReady

router = APIRouter(prefix="/v1")
MODELS: dict[str, Mode] = {"newsrag": "answer", "newsrag-quote": "quote"}
_GREEDY = 0.2  # up to here a sampler picks what greedy decoding picks, nearly always
_MOST_TURNS = 100


class Part(BaseModel):
    """One part of a message."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """One message. Instructions (`system`, `developer`) are not followed: the prompt is newsrag's own."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """All its text."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content or ())


class StreamOptions(BaseModel):
    """What a stream brings beside its content."""

    model_config = ConfigDict(extra="forbid")
    include_usage: bool = False
    include_obfuscation: bool = False


class TextFormat(BaseModel):
    """The only format there is."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text"]


class Completion(BaseModel):
    """The request of a chat completion. Fields that are not here are refused, not ignored."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"model": "newsrag", "messages": [{"role": "user", "content": "How many civilians were executed?"}]}
            ]
        },
    )
    model: str = Field(description="`newsrag`, or `newsrag-quote` for quotations alone.")
    messages: list[ChatMessage] = Field(min_length=1, max_length=500)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    since: str | None = Field(None, description="Only articles from this day, month or year on.")
    until: str | None = Field(None, description="Only articles up to this day, month or year.")
    source: str | None = Field(None, description="Only articles of this outlet.")

    temperature: float | None = Field(None, ge=0, le=_GREEDY, description="Decoding is greedy: more is refused.")
    top_p: float | None = Field(None, gt=0, le=1, description="Any value: greedy decoding takes the likeliest token.")
    seed: int | None = Field(None, description="Any value: answers do not vary.")
    n: Literal[1] | None = None
    max_tokens: int | None = Field(None, ge=1, description="Sentences beyond it are left out.")
    max_completion_tokens: int | None = Field(None, ge=1, description="As `max_tokens`.")
    frequency_penalty: float | None = Field(None, ge=0, le=0)
    presence_penalty: float | None = Field(None, ge=0, le=0)
    response_format: TextFormat | None = None
    stop: list[str] | None = Field(None, max_length=0)
    tools: list[Any] | None = Field(None, max_length=0)
    logprobs: Literal[False] | None = None
    logit_bias: dict[str, float] | None = Field(None, max_length=0)
    store: Literal[False] | None = None

    user: str | None = Field(None, description="Not used.")
    safety_identifier: str | None = Field(None, description="Not used.")
    prompt_cache_key: str | None = Field(None, description="Not used.")
    metadata: dict[str, Any] | None = Field(None, description="Not used.")

    @property
    def limit(self) -> int | None:
        """Most tokens of the answer."""
        limits = [limit for limit in (self.max_tokens, self.max_completion_tokens) if limit is not None]
        return min(limits) if limits else None

    def question(self) -> Question:
        """What is asked. Raises ProblemError for a model that is not here, UsageError for no question."""
        if self.model not in MODELS:
            names = " and ".join(MODELS)
            raise ProblemError(404, f"there is no model {self.model[:80]!r}: there are {names}", "model_not_found")
        turns = [m for m in self.messages if m.role in ("user", "assistant") and m.text.strip()]
        if not turns or turns[-1].role != "user":
            raise UsageError("messages: the last one must be the user's question")
        earlier = [Turn(role=m.role, content=m.text) for m in turns[:-1][-_MOST_TURNS:]]
        return Question(
            question=turns[-1].text, history=earlier, since=self.since, until=self.until, source=self.source,
            mode=MODELS[self.model],
        )  # fmt: skip

    def notes(self) -> list[str]:
        """What of the request had no effect."""
        notes = []
        if any(m.role in ("system", "developer") for m in self.messages):
            notes.append(
                "instructions in system messages are not followed: newsrag answers with checked citations only"
            )
        if self.temperature:
            notes.append(f"temperature {self.temperature:g} is taken as 0: decoding is greedy")
        return notes


@dataclass(slots=True)
class _Written:
    """The content as it grows, cut at the last whole sentence that fits, and where each citation stands in it."""

    limit: int | None
    address: str
    content: str = ""
    tokens: int = 0
    cut: bool = False
    citations: dict[int, Citation] = field(default_factory=dict)

    def add(self, event: SentenceReady) -> tuple[str, list[Json]]:
        """What one more sentence adds to the content, and its annotations; nothing when it does not fit."""
        self.citations.update({c.number: c for c in event.citations})
        self.tokens += estimated_tokens(event.sentence.marked)
        if self.cut or (self.limit is not None and self.tokens > self.limit):
            self.cut = True
            return "", []
        added = f"{' ' if self.content else ''}{event.sentence.marked}"
        annotations = list(self._annotations(added, event.sentence.citations))
        self.content += added
        return added, annotations

    def _annotations(self, added: str, numbers: Sequence[int]) -> Iterator[Json]:
        at = len(added)
        for number in reversed(numbers):
            marker = f"[{number}]"
            at = added.rindex(marker, 0, at)
            start = len(self.content) + at
            cited = self.citations[number]
            place = {"start_index": start, "end_index": start + len(marker)}
            yield {"type": "url_citation", "url_citation": {**place, "url": self.url(cited), "title": cited.title}}

    def url(self, citation: Citation) -> str:
        """The article's own address, or where this server has it."""
        return citation.url or f"{self.address}/articles/{quote(citation.article_id, safe='')}"

    def results(self, answer: Answer) -> list[Json]:
        """`search_results`: what is cited, or came closest to an answer."""
        cited = answer.citations if answer.refusal is None else answer.refusal.closest
        return [
            {"title": c.title, "url": self.url(c), "date": _day(c.published), "snippet": c.quote, "source": c.source}
            for c in cited
        ]


def _day(published: str | None) -> str | None:
    """The day in UTC, as every face shows it and the filters count it."""
    return published_day(published).isoformat() if published else None


@router.get("/models", summary="The models: ways to answer")
async def models_route(request: Request) -> Response:
    """`newsrag` writes answers, `newsrag-quote` quotes alone."""
    created = int(request.app.state.started)
    models = [{"id": name, "object": "model", "created": created, "owned_by": "newsrag"} for name in MODELS]
    return JSONResponse({"object": "list", "data": models})


@router.get("/models/{name}", summary="One model")
async def model_route(request: Request, name: str) -> Response:
    """404 for a model that is not here."""
    if name not in MODELS:
        raise ProblemError(404, f"there is no model {name[:80]!r}: there are {' and '.join(MODELS)}", "model_not_found")
    created = int(request.app.state.started)
    return JSONResponse({"id": name, "object": "model", "created": created, "owned_by": "newsrag"})


@router.post("/chat/completions", summary="An answer in OpenAI's shape", responses=EVENTS)
async def completions_route(request: Request, asked: Completion) -> Response:
    """`choices[0].message` with `annotations` of type `url_citation` (offsets into the content, in code points),
    `search_results`, and the whole Answer under `newsrag`. Streaming sends a chunk for each checked sentence."""
    job = ask(request, asked.question())
    request_id = request.state.request_id
    written = _Written(asked.limit, address_of(request))
    head = {"id": f"chatcmpl-{request_id}", "created": int(time.time()), "model": asked.model}
    if asked.stream:

        def failed(exc: Exception) -> bytes:
            problems.report(exc, request_id)
            return sse(problems.document(problems.describe(exc), request_id, "/v1/")) + sse("[DONE]")

        return EventStream(_chunks(job, asked, written, head), failed)
    annotations: list[Json] = []
    for item in await attended(request, job):
        if isinstance(item, SentenceReady):
            annotations += written.add(item)[1]
        elif isinstance(item, Done):
            answer = item.answer
    message = {"role": "assistant", "content": _content(written, answer), "refusal": None, "annotations": annotations}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(written)}
    completion = {**head, "object": "chat.completion", "choices": [choice], "usage": _usage(job)}
    return JSONResponse({**completion, **_extras(asked, written, answer)})


def address_of(request: Request) -> str:
    """Where people reach this server, without a final slash."""
    return (engine_of(request).server.public_url or str(request.base_url)).rstrip("/")


async def _chunks(job: Job[Event | Undated], asked: Completion, written: _Written, head: Json) -> AsyncGenerator[bytes]:
    def chunk(delta: Json, reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return sse({**head, "object": "chat.completion.chunk", "choices": [choice], **usage, **more})

    options = asked.stream_options or StreamOptions()
    usage: Json = {"usage": None} if options.include_usage else {}
    first = True
    async for item in job.items():
        if first:
            yield chunk({"role": "assistant", "content": ""})
            first = False
        match item:
            case SentenceReady():
                added, annotations = written.add(item)
                if added:
                    yield chunk({"content": added, "annotations": annotations})
            case Done(answer):
                if not written.content and not written.cut:
                    yield chunk({"content": answer.answer})
                yield chunk({}, _reason(written), **_extras(asked, written, answer))
                if options.include_usage:
                    yield sse({**head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(job)})
    yield sse("[DONE]")


def _content(written: _Written, answer: Answer) -> str:
    """What was written; the refusal where nothing was."""
    return written.content if written.content or written.cut else answer.answer


def _reason(written: _Written) -> str:
    return "length" if written.cut else "stop"


def _usage(job: Job[Event | Undated]) -> Json:
    """Tokens that went through the language model; searching and quoting take none."""
    prompt, answer = job.ticket.prompt_tokens, job.ticket.answer_tokens
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _extras(asked: Completion, written: _Written, answer: Answer) -> Json:
    notes = asked.notes()
    return {
        "search_results": written.results(answer),
        "newsrag": answer_json(answer),
        **({"notes": notes} if notes else {}),
    }
