"""One language model, many people: a bounded fair queue. Layer: faces.

A request for a written answer takes a `Ticket` before anything else (`FairQueue.reserve`): a full queue says so at
once. The ticket stands in line only while a draft is wanted, so searching never waits, and clients take turns: one
with ten questions does not hold up another with one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

from rag.errors import ModelError, NewsragError
from rag.ports import Bounded, Interruptible, LanguageModel, Reader
from rag.server.tracing import Off, Tracing
from rag.types import Message, Reading

_FIRST_GUESS_S = 3.0
_LATE = 0.5  # of the time limit: who would likely have to wait for longer gets no place
_NUMBER_TOKENS = 2  # after a reader's words: a bracket and a number


class BusyError(NewsragError):
    """Too many requests are waiting already."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooSlowError(NewsragError):
    """The request ran into its time limit."""


class CancelledError(NewsragError):
    """Nobody waits for this any more."""


class Ticket:
    """One request's right to go on, until it is cancelled or its time is up. Used by one worker thread; `cancel` may
    come from any."""

    def __init__(self, queue: FairQueue, client: str, seconds: float, before: int = 0) -> None:
        """`seconds` is the time limit of the whole request, `before` how many held a place when it came."""
        self.client, self.before = client, before
        self.began = time.monotonic()
        self.deadline = self.began + seconds
        self.on_position: Callable[[int], None] = lambda _: None
        self.prompt_tokens = self.answer_tokens = 0
        self.waited = 0.0
        self.model_left_ns: int | None = None  # when the model's last work for it ended, Unix time
        self._seconds = seconds
        self._queue = queue
        self._cancelled = threading.Event()
        self._stopping = threading.Lock()
        self._interrupt: Callable[[], None] | None = None

    def cancel(self) -> None:
        """Stop waiting and writing, now."""
        self._cancelled.set()
        with self._stopping:
            if self._interrupt:
                self._interrupt()
        self._queue.wake()

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """While it is open, `cancel` calls this too; afterwards never, for by then it would hit somebody else."""
        with self._stopping:
            self._interrupt = interrupt
        try:
            self.check()
            yield
        finally:
            with self._stopping:
                self._interrupt = None

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for this any more."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise CancelledError or TooSlowError when the request must not go on."""
        if self.cancelled:
            raise CancelledError("the client went away")
        if time.monotonic() >= self.deadline:
            raise TooSlowError(
                f"the answer was not ready within {self._seconds:g} seconds: try again, or ask for quotes"
            )

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the model. Waits in line and tells `on_position`; raises as `check` does."""
        asked = time.monotonic()
        self._queue.enter(self)
        self.waited += time.monotonic() - asked
        try:
            yield
        finally:
            self._queue.leave(self)

    def release(self) -> None:
        """Give the place back; more than once does no harm."""
        self._queue.release(self)


class FairQueue:
    """At most `limit` requests hold a place, and at most one of them the model. Beyond the first few a request gets a
    place only if it will likely be done well within its time limit: else it learns at once that all are busy."""

    def __init__(self, limit: int, few: int = 2) -> None:
        self._limit, self._few = limit, few
        self._each_s = 0.0  # from one request that is done to the next, of late
        self._changed = threading.Condition()
        self._places: set[Ticket] = set()
        self._lines: dict[str, deque[Ticket]] = {}  # by client, the one to be served next first
        self._running: Ticket | None = None
        self._since = 0.0
        self._usual_s = _FIRST_GUESS_S

    def reserve(self, client: str, seconds: float) -> Ticket:
        """A place. Raises BusyError when all are taken, or it would come too late."""
        with self._changed:
            before = len(self._places)
            late = before >= self._few and self._each_s * (before + 1) > _LATE * seconds
            if late or before >= self._limit:
                wait = max(1, round((self._each_s if late else self._usual_s) * before / 2))
                raise BusyError(f"{before} requests are waiting already: try again in {wait} seconds", wait)
            ticket = Ticket(self, client, seconds, before)
            self._places.add(ticket)
            return ticket

    def release(self, ticket: Ticket) -> None:
        """Give a place back."""
        with self._changed:
            if ticket in self._places:
                self._places.remove(ticket)
                each = (time.monotonic() - ticket.began) / (ticket.before + 1)
                self._each_s += 0.2 * (each - self._each_s)

    @property
    def places(self) -> int:
        """How many requests hold a place."""
        return len(self._places)

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        with self._changed:
            return sum(map(len, self._lines.values()))

    @property
    def running(self) -> bool:
        """Whether the model is in use."""
        return self._running is not None

    def wake(self) -> None:
        """Let everybody in line look again."""
        with self._changed:
            self._changed.notify_all()

    def enter(self, ticket: Ticket) -> None:
        """Wait for the model."""
        with self._changed:
            self._lines.setdefault(ticket.client, deque()).append(ticket)
        told = 0
        try:
            while True:
                with self._changed:
                    ticket.check()
                    place = self._place(ticket)
                    if place == 0:
                        self._start(ticket)
                        return
                    if place == told:
                        self._changed.wait(max(0.0, ticket.deadline - time.monotonic()))
                        continue
                ticket.on_position(place)
                told = place
        except BaseException:
            with self._changed:
                self._drop(ticket)
                self._changed.notify_all()
            raise

    def leave(self, ticket: Ticket) -> None:
        """The model is free again."""
        with self._changed:
            self._running = None
            self._usual_s += 0.2 * (time.monotonic() - self._since - self._usual_s)
            self._changed.notify_all()

    def _place(self, ticket: Ticket) -> int:
        """How many will be served before this one, the running one included."""
        order: list[Ticket] = []
        lines = deque(list(line) for line in self._lines.values())
        while lines:
            line = lines.popleft()
            order.append(line.pop(0))
            if line:
                lines.append(line)
        return order.index(ticket) + (self._running is not None)

    def _start(self, ticket: Ticket) -> None:
        line = self._lines.pop(ticket.client)
        line.popleft()
        if line:
            self._lines[ticket.client] = line  # at the end: the others come first
        self._running, self._since = ticket, time.monotonic()
        self._changed.notify_all()

    def _drop(self, ticket: Ticket) -> None:
        line = self._lines.get(ticket.client)
        if line and ticket in line:
            line.remove(ticket)
            if not line:
                del self._lines[ticket.client]


_Model = TypeVar("_Model", bound=Bounded)
TICKET: ContextVar[Ticket] = ContextVar("TICKET")
"""The ticket of the request that this thread works for."""


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
