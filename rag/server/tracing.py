"""Traces for OpenTelemetry, where its standard variables ask for them. Layer: faces.

Nothing of OpenTelemetry is imported otherwise. A span holds names, numbers and durations; no word of a question, an
answer or an article, unless `log_content` asks for questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from rag import __version__
from rag.errors import NotReadyError
from rag.settings import trace_exporter

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

Note = Callable[[str, str | int | float | bool], None]
"""Adds one fact to a span."""
_MISSING = (
    "the environment asks for traces (OTEL_*), but OpenTelemetry is not installed: pip install 'newsrag[otel]', or set "
    "OTEL_SDK_DISABLED=true"
)


class Tracing(Protocol):
    """Makes spans: a piece of work with its duration, inside the piece that it is a part of."""

    def span(self, name: str, headers: Mapping[str, str] | None = None) -> AbstractContextManager[Note]:
        """A span for as long as it is open. `headers` are a request's: the trace that they name goes on."""

    def record(self, name: str, began_ns: int) -> None:
        """A span that began at this time (Unix, nanoseconds) and ends now."""

    def close(self) -> None:
        """Send what is left."""


class Off:
    """`Tracing` that makes none."""

    def span(self, name: str, headers: Mapping[str, str] | None = None) -> AbstractContextManager[Note]:
        """See `Tracing`."""
        return nullcontext(lambda name, value: None)

    def record(self, name: str, began_ns: int) -> None:
        """See `Tracing`."""

    def close(self) -> None:
        """See `Tracing`."""


class OpenTelemetry:
    """`Tracing` by the SDK, which reads the rest of its variables itself: service name, sampling, headers, limits."""

    def __init__(self, exporter: SpanExporter, *, at_once: bool = False) -> None:
        """`at_once` sends each span when it ends, and not many together in the background. Raises ImportError where the
        SDK is not installed."""
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

        about = Resource.create({"service.version": __version__})
        if about.attributes["service.name"] == "unknown_service":
            about = about.merge(Resource({"service.name": "newsrag"}))
        self._provider = TracerProvider(resource=about)
        self._provider.add_span_processor(SimpleSpanProcessor(exporter) if at_once else BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("newsrag", __version__)

    @contextmanager
    def span(self, name: str, headers: Mapping[str, str] | None = None) -> Iterator[Note]:
        """See `Tracing`. A failure is noted by the name of its exception alone: its message may quote a question."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind, StatusCode

        kind = SpanKind.INTERNAL if headers is None else SpanKind.SERVER
        context = None if headers is None else extract(headers)
        opened = self._tracer.start_as_current_span(
            name, context, kind, record_exception=False, set_status_on_exception=False
        )
        with opened as span:

            def note(name: str, value: str | int | float | bool) -> None:
                if name == "name":
                    span.update_name(str(value))
                else:
                    span.set_attribute(name, value)

            try:
                yield note
            except Exception as exc:
                span.set_status(StatusCode.ERROR, type(exc).__name__)
                raise

    def record(self, name: str, began_ns: int) -> None:
        """See `Tracing`."""
        self._tracer.start_span(name, start_time=began_ns).end()

    def close(self) -> None:
        """See `Tracing`."""
        self._provider.shutdown()


def configured() -> Tracing:
    """As the environment says. Raises UsageError for an exporter that is not known, and NotReadyError where traces are
    asked for and OpenTelemetry is not installed."""
    wanted = trace_exporter()
    if wanted is None:
        return Off()
    try:
        return OpenTelemetry(_exporter(wanted))
    except ImportError as exc:
        raise NotReadyError(_MISSING) from exc


def _exporter(name: str) -> SpanExporter:
    if name == "console":
        import sys

        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
