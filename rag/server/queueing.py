"""One language model, many people: a bounded fair queue. Layer: faces.

A request for a written answer takes a `Ticket` before anything else (`FairQueue.reserve`): a full queue says so at
once. The ticket stands in line only while a draft is wanted, so searching never waits, and clients take turns: one
with ten questions does not hold up another with one. An answer that had the model once comes before those that did not,
so that what was begun is finished.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar

from rag.errors import NewsragError

_FIRST_GUESS_S = 3.0
_LATE = 0.5  # of the time limit: who would likely have to wait for longer gets no place


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
        self._lent: list[Callable[[], AbstractContextManager[None]]] = []
        self._begun = self._kept = False

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

    @property
    def has_model(self) -> bool:
        """Whether its next turn comes without waiting, see `lending`."""
        return self._kept

    def check(self) -> None:
        """Raise CancelledError or TooSlowError when the request must not go on."""
        self._check_attended()
        if time.monotonic() >= self.deadline:
            raise TooSlowError(
                f"the answer was not ready within {self._seconds:g} seconds: try again, or ask for quotes"
            )

    def check_waiting(self, turns: int = 0) -> None:
        """Raise CancelledError, or BusyError when the time that is left will not do for so many turns, its own and
        those before it: for a request that did nothing but wait so far."""
        self._check_attended()
        if self._queue.too_late(self.deadline, turns):
            raise self._queue.busy(self.before)

    def _check_attended(self) -> None:
        if self.cancelled:
            raise CancelledError("the client went away")

    @contextmanager
    def lending(self, aside: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
        """While this is open, `aside` is entered for as long as the ticket waits for its first turn. Where leaving it
        raises, the next turn comes without waiting."""
        self._lent.append(aside)
        try:
            yield
        finally:
            self._lent.remove(aside)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the model. Waits in line and tells `on_position`; raises as `check` and `check_waiting` do."""
        asked = time.monotonic()
        if not self._kept:
            with ExitStack() as lent:
                for aside in () if self._begun else self._lent:
                    lent.enter_context(aside())
                self._queue.enter(self, again=self._begun)
                self._begun = self._kept = True
        self.waited += time.monotonic() - asked
        self._kept = False
        try:
            yield
        finally:
            self._queue.leave(self)

    def release(self) -> None:
        """Give the place back, and the model if it is kept; more than once does no harm."""
        if self._kept:
            self._kept = False
            self._queue.leave(self)
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
        self._again: deque[Ticket] = deque()  # those that had the model before: they come first
        self._running: Ticket | None = None
        self._since = 0.0
        self._usual_s = _FIRST_GUESS_S

    def reserve(self, client: str, seconds: float) -> Ticket:
        """A place. Raises BusyError when all are taken, or it would come too late."""
        with self._changed:
            before = len(self._places)
            late = before >= self._few and self._each_s * (before + 1) > _LATE * seconds
            if late or before >= self._limit:
                raise self.busy(before, self._each_s if late else self._usual_s)
            ticket = Ticket(self, client, seconds, before)
            self._places.add(ticket)
            return ticket

    def expect(self, seconds: float) -> None:
        """Take a request, alone, to last this long, until more is known."""
        self._each_s = self._usual_s = seconds

    def busy(self, before: int, each_s: float | None = None) -> BusyError:
        """What to tell who gets no turn: how many are before, and when about half of them will be done."""
        wait = max(1, round((self._usual_s if each_s is None else each_s) * before / 2))
        return BusyError(f"{before} requests are waiting already: try again in {wait} seconds", wait)

    def too_late(self, deadline: float, turns: int) -> bool:
        """Whether so many turns will not be over before a deadline, by what they take of late."""
        return time.monotonic() + turns * self._usual_s >= deadline

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
            return len(self._again) + sum(map(len, self._lines.values()))

    @property
    def running(self) -> bool:
        """Whether the model is in use."""
        return self._running is not None

    def wake(self) -> None:
        """Let everybody in line look again."""
        with self._changed:
            self._changed.notify_all()

    def enter(self, ticket: Ticket, *, again: bool = False) -> None:
        """Wait for the model; before all others with `again`."""
        with self._changed:
            (self._again if again else self._lines.setdefault(ticket.client, deque())).append(ticket)
        told = 0
        try:
            while True:
                with self._changed:
                    place = self._place(ticket)
                    waited = place or told
                    ticket.check_waiting(place + 1) if waited and not again else ticket.check()
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
        order = list(self._again)
        lines = deque(list(line) for line in self._lines.values())
        while lines:
            line = lines.popleft()
            order.append(line.pop(0))
            if line:
                lines.append(line)
        return order.index(ticket) + (self._running is not None)

    def _start(self, ticket: Ticket) -> None:
        if ticket in self._again:
            self._again.remove(ticket)
        else:
            line = self._lines.pop(ticket.client)
            line.popleft()
            if line:
                self._lines[ticket.client] = line  # at the end: the others come first
        self._running, self._since = ticket, time.monotonic()
        self._changed.notify_all()

    def _drop(self, ticket: Ticket) -> None:
        if ticket in self._again:
            self._again.remove(ticket)
        line = self._lines.get(ticket.client)
        if line and ticket in line:
            line.remove(ticket)
            if not line:
                del self._lines[ticket.client]


TICKET: ContextVar[Ticket] = ContextVar("TICKET")
"""The ticket of the request that this thread works for."""
