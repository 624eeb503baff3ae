"""Traces of the real server: what they hold, and that nothing of OpenTelemetry is loaded where none are asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from rag import settings
from rag.errors import UsageError
from rag.server import tracing
from tests.end_to_end.conftest import QUESTION
from tests.serving import serving

ROOT = Path(__file__).resolve().parents[2]
TRACE = "0af7651916cd43dd8448eb211c80319c"


def children(spans: Sequence[ReadableSpan], parent: ReadableSpan) -> dict[str, ReadableSpan]:
    return {s.name: s for s in spans if s.parent and s.parent.span_id == parent.context.span_id}


def test_a_request_is_traced_from_its_arrival_to_its_checks(index: Path) -> None:
    exporter = InMemorySpanExporter()
    with serving(index, traced=tracing.OpenTelemetry(exporter, at_once=True)) as server:
        parent = f"00-{TRACE}-b7ad6b7169203331-01"
        assert server("POST", "/ask", {"question": QUESTION}, traceparent=parent).json["answered"]
        assert server("POST", "/ask", {"question": QUESTION, "mode": "quote"}).json["answered"]
        assert server("POST", "/ask", {"question": QUESTION + "?" * 3000}).status == 422
    spans = exporter.get_finished_spans()
    asked, quoted, refused = (s for s in spans if s.name == "POST /ask")
    assert f"{asked.context.trace_id:032x}" == TRACE
    assert dict(asked.attributes or {})["http.response.status_code"] == 200
    parts = children(spans, asked)
    assert set(parts) == {"retrieve", "answer"}
    answer = parts["answer"]
    inner = children(spans, answer)
    assert set(inner) == {"queue", "read", "verify"}
    assert dict(inner["read"].attributes or {})["newsrag.prompt_tokens"]
    assert dict(answer.attributes or {})["newsrag.answered"] is True
    for span in (*parts.values(), *inner.values()):
        assert span.start_time
        assert asked.start_time
        assert asked.end_time
        assert span.end_time
        assert asked.start_time <= span.start_time <= span.end_time <= asked.end_time
    assert set(children(spans, children(spans, quoted)["answer"])) == {"verify"}
    assert dict(refused.attributes or {})["http.response.status_code"] == 422
    told = "".join(span.to_json() for span in spans)
    assert "Tarva" not in told  # a word of the question, of the answer and of the article


def test_questions_are_in_traces_only_when_asked_for(index: Path) -> None:
    exporter = InMemorySpanExporter()
    with serving(index, traced=tracing.OpenTelemetry(exporter, at_once=True), log_content=True) as server:
        server("POST", "/ask", {"question": QUESTION, "mode": "quote"})
    (answer,) = (s for s in exporter.get_finished_spans() if s.name == "answer")
    assert dict(answer.attributes or {})["newsrag.question"] == QUESTION


def test_a_failure_is_named_without_its_words() -> None:
    exporter = InMemorySpanExporter()
    traced = tracing.OpenTelemetry(exporter, at_once=True)
    with pytest.raises(UsageError), traced.span("answer"):
        raise UsageError("no 'Tarva' here")
    (span,) = exporter.get_finished_spans()
    assert span.status.description == "UsageError"
    assert "Tarva" not in span.to_json()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, None),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, None),
    ],
)
def test_the_standard_variables_decide(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], wanted: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert settings.trace_exporter() == wanted


def test_an_exporter_we_have_not_is_a_bad_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(UsageError, match="zipkin"):
        tracing.configured()


def test_the_server_loads_no_opentelemetry_unless_it_is_asked_for(index: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.serving import serving\n"
        "with serving(Path(sys.argv[1])) as server:\n"
        "    assert server('POST', '/ask', {'question': sys.argv[2], 'mode': 'quote'}).status == 200\n"
        "print(sorted(name for name in sys.modules if name.startswith(sys.argv[3])))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(index), QUESTION, "opentelemetry.sdk"],  # FastAPI itself imports the bare API
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert run.stdout.strip() == "[]"
