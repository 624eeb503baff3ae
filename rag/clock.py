"""How long the steps of one answer took. Layer: pure."""

from __future__ import annotations

import time


class Clock:
    """Milliseconds since it was made, by name."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.marks: dict[str, int] = {}

    def mark(self, name: str) -> None:
        """Note the time, once per name."""
        self.marks.setdefault(name, round(1000 * (time.perf_counter() - self._start)))
