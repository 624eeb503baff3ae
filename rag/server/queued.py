"""The language model as the requests of a server see it: it waits for its turn. Layer: faces."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Generic, TypeVar

from rag.errors import ModelError
from rag.ports import Bounded, Interruptible, LanguageModel, Reader
from rag.server.queueing import TICKET, Ticket
from rag.server.tracing import Off, Tracing
from rag.types import Message, Reading

_NUMBER_TOKENS = 2  # after a reader's words: a bracket and a number
_Model = TypeVar("_Model", bound=Bounded)


@contextmanager
def _traced_turn(ticket: Ticket, tracing: Tracing, work: str) -> Iterator[None]:
    """Hold the model: a span for the wait, one for the work."""
    with ExitStack() as turn:
        with tracing.span("queue"):
            turn.enter_context(ticket.turn())
        with tracing.span(work) as note:
            yield
            note("newsrag.prompt_tokens", ticket.prompt_tokens)
            note("newsrag.answer_tokens", ticket.answer_tokens)
    ticket.model_left_ns = time.time_ns()


class _Queued(Generic[_Model]):
    """A model that waits for its turn: only running it does, so everything else goes on meanwhile."""

    def __init__(self, model: _Model, tracing: Tracing | None = None) -> None:
        self._model, self._tracing = model, tracing or Off()
        self.name, self.context_tokens = model.name, model.context_tokens

    def count_tokens(self, text: str) -> int:
        """See `rag.ports.Bounded`."""
        return self._model.count_tokens(text)

    @contextmanager
    def _turn(self, messages: Sequence[Message], work: str) -> Iterator[Ticket]:
        """Hold the model for this prompt; the ticket of the request that does. `work` names the span."""
        ticket = TICKET.get()
        model: object = self._model
        interrupt = model.interrupt if isinstance(model, Interruptible) else lambda: None
        with _traced_turn(ticket, self._tracing, work), ticket.interrupting(interrupt):
            ticket.prompt_tokens += sum(self._model.count_tokens(m.content) for m in messages)
            yield ticket


class QueuedModel(_Queued[LanguageModel]):
    """`rag.ports.LanguageModel` that waits for its turn."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """See `rag.ports.LanguageModel`. Raises CancelledError and TooSlowError between two pieces."""
        with self._turn(messages, "draft") as ticket:
            pieces = self._model.stream(messages, max_tokens=max_tokens)
            with closing(pieces):  # type: ignore[type-var]  # every adapter's stream is a generator
                for piece in pieces:
                    ticket.check()
                    ticket.answer_tokens += 1
                    yield piece
            ticket.check()  # an interrupted model ends without an error


class QueuedReader(_Queued[Reader]):
    """`rag.ports.Reader` that waits for its turn."""

    def read(self, messages: Sequence[Message], opening: str, sentences: Sequence[str], none: str) -> Reading:
        """See `rag.ports.Reader`. Raises CancelledError and TooSlowError when it was interrupted for them."""
        with self._turn(messages, "read") as ticket:
            try:
                reading = self._model.read(messages, opening, sentences, none)
                ticket.answer_tokens += self._model.count_tokens(reading.words) + _NUMBER_TOKENS
                return reading
            except ModelError:
                ticket.check()  # says why it was interrupted
                raise
