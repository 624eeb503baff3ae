"""What an operator sees: Prometheus metrics and a line of JSON per request. Layer: faces.

Neither holds a question, an article's text or a path with them in it, unless `log_content` asks for questions.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TextIO

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from rag.server.engine import Engine
from rag.server.queueing import Ticket
from rag.types import Done, Mode

LOG = logging.getLogger("newsrag.server")
router = APIRouter()
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_FIELDS = ("request_id", "method", "route", "status", "ms", "client", "question")


class Metrics:
    """The counters of one server."""

    def __init__(self, engine: Engine) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_EngineCollector(engine))
        own = self.registry
        self._requests = Counter("newsrag_requests", "Requests by route and status.", ("route", "status"), registry=own)
        self._seconds = Histogram(
            "newsrag_request_seconds", "Whole requests by route.", ("route",), buckets=_SECONDS, registry=own
        )
        self._answers = Counter("newsrag_answers", "Questions by mode and outcome.", ("mode", "outcome"), registry=own)
        self._stages = Histogram(
            "newsrag_stage_seconds", "Stages of an answer, from its start.", ("stage",), buckets=_SECONDS, registry=own
        )
        self._sentences = Counter("newsrag_sentences", "Sentences shown, by their support.", ("support",), registry=own)
        self._dropped = Counter("newsrag_drafts_dropped", "Drafted sentences that no article supported.", registry=own)
        self._tokens = Counter("newsrag_tokens", "Tokens through the language model.", ("kind",), registry=own)

    def request(self, route: str, status: int, seconds: float) -> None:
        """One request is done."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answer(self, done: Done, mode: Mode, ticket: Ticket) -> None:
        """One question is answered or refused."""
        answer = done.answer
        self._answers.labels(mode, "answered" if answer.answered else "refused").inc()
        for sentence in answer.sentences:
            self._sentences.labels(sentence.support).inc()
        self._dropped.inc(done.dropped)
        for stage, milliseconds in answer.timings_ms.items():
            self._stages.labels(stage).observe(milliseconds / 1000)
        if ticket.prompt_tokens:
            self._stages.labels("queue").observe(ticket.waited)
            self._tokens.labels("prompt").inc(ticket.prompt_tokens)
            self._tokens.labels("answer").inc(ticket.answer_tokens)


class _EngineCollector(Collector):
    """Reads the engine when it is asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """The state of the queue and the index."""
        queue = self._engine.queue
        gauges = {
            "newsrag_queue_places": ("Requests for a written answer that hold a place.", queue.places),
            "newsrag_queue_waiting": ("Requests that wait for the language model.", queue.waiting),
            "newsrag_model_running": ("Whether the language model writes.", queue.running),
            "newsrag_reading": ("Searches and quotations in progress.", self._engine.reading.places),
            "newsrag_index_states": ("States of the index that are open.", self._engine.states.open),
            "newsrag_removal_unfinished": ("Whether files hold words of removed articles.", self._engine.unwiped),
            "newsrag_ready": ("Whether questions can be asked.", self._engine.ready is None),
        }
        for name, (description, value) in gauges.items():
            yield GaugeMetricFamily(name, description, float(value))
        yield CounterMetricFamily("newsrag_index_reloads", "Changed indexes opened.", self._engine.reloads)


@router.get("/metrics", summary="Metrics for Prometheus", response_class=PlainTextResponse)
async def metrics_route(request: Request) -> Response:
    """The text format of Prometheus."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level and message, the fields of ours that it has, and a traceback where there is one."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": record.levelname.lower(), "message": record.getMessage()}
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_to(stream: TextIO) -> None:
    """Send our log and the web server's to a stream, as lines of JSON."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    for name, level in (("newsrag.server", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
