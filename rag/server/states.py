"""The open states of the index: the present one, and those that requests still use. Layer: faces.

A request keeps the state that it began with, but holds none while it waits for the model: what waits may be many, and
each state has its database, its files and its caches.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

from rag.answering import Rag
from rag.errors import NewsragError, NotReadyError
from rag.server.queueing import Ticket


class StaleError(NewsragError):
    """The index changed while a request waited: it begins again, over the present state."""


@dataclass(slots=True)
class State:
    """A Rag, what closes it, and how many requests use it."""

    rag: Rag
    resources: ExitStack
    stamp: str
    users: int = 0
    retired: bool = False


class States:
    """Who uses which state. A retired one is closed with its last user."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: State | None = None
        self._open = 0
        self.problem: NewsragError = NotReadyError("the index is not open yet")

    @property
    def current(self) -> State | None:
        """The present state."""
        return self._current

    @property
    def open(self) -> int:
        """How many there are."""
        return self._open

    def replace(self, new: State | None) -> None:
        """Let another state take over. Without one nothing can be asked, for the reason in `problem`."""
        with self._lock:
            old, self._current = self._current, new
            self._open += new is not None
            unused = old is not None and not old.users
            if old:
                old.retired = True
        if old and unused:
            self._close(old)

    def _close(self, state: State) -> None:
        state.resources.close()
        with self._lock:
            self._open -= 1

    @contextmanager
    def use(self, ticket: Ticket | None = None) -> Iterator[Rag]:
        """The present state, which stays as it is while it is used. While `ticket` waits for the model it is let go of;
        then StaleError is raised in the waiting thread if another took over meanwhile. Raises `problem` without one."""
        with self._lock:
            state = self._current
            if state is None:
                raise self.problem
            state.users += 1
        held = True

        @contextmanager
        def aside() -> Iterator[None]:
            nonlocal held
            held = False
            self._let_go(state)
            yield
            with self._lock:
                if state.retired:
                    raise StaleError("the index has changed")
                state.users += 1
                held = True

        with ticket.lending(aside) if ticket else nullcontext():
            try:
                yield state.rag
            finally:
                if held:
                    self._let_go(state)

    def _let_go(self, state: State) -> None:
        with self._lock:
            state.users -= 1
            unused = state.retired and not state.users
        if unused:
            self._close(state)
