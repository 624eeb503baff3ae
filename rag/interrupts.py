"""Ctrl-C only where it can be met. Layer: faces.

Python raises KeyboardInterrupt between any two steps of the main thread: also inside a `finally`, or half way through
what a library must finish. rich, broken off while it starts a spinner, fails with an IndexError when told to stop it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Given = TypeVar("Given")


class Interrupts:
    """While entered, Ctrl-C (SIGINT) is raised in `during` alone; one that comes elsewhere waits for the next of these.

    Without effect outside the main thread, and where SIGINT is ignored or somebody else's already.
    """

    def __init__(self) -> None:
        self._entered = self._open = self._came = False

    def __enter__(self) -> Interrupts:
        main = threading.current_thread() is threading.main_thread()
        self._entered = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._entered:
            signal.signal(signal.SIGINT, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        if self._entered:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _arrived(self, *_: object) -> None:
        self._came = True
        if self._open:
            self._open = False  # a second one waits, so that what the first one ends is ended whole
            raise KeyboardInterrupt

    def during(self, step: Callable[[], Given]) -> Given:
        """What a step gives. Raises KeyboardInterrupt, once, where Ctrl-C came meanwhile or since the last step: also
        where it was raised in a callback, from which C code lets no exception out or only another one."""
        try:
            try:
                self._open = True
                if not self._came:
                    given = step()
            finally:
                self._open = False
        except (Exception, KeyboardInterrupt):
            if not self._came:
                raise
        if self._came:
            self._came = False
            raise KeyboardInterrupt
        return given


@contextmanager
def held() -> Iterator[None]:
    """Ctrl-C is raised at the end of the block and not inside it."""
    with Interrupts() as interrupts:
        yield
    interrupts.during(lambda: None)
