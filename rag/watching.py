"""When to index again: folders and files that changed, addresses that are due. Layer: wiring.

Folders are looked at every few seconds. A look costs one `stat` a file; notices of the operating system would be
cheaper, but come from neither network drives nor containers, and need a library for each system.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence

ADDRESSES_S = 300.0  # how often a feed or a page is asked for at most
AGAIN_S = 60.0  # after a run that failed
_MOST_LOOKS = 30  # at files that do not come to rest

Seen = dict[str, tuple[int, int, int]]
"""Time of change, size and number of each file."""


def look(paths: Sequence[str]) -> Seen:
    """What the files at and below these paths are like now; what cannot be looked at is left out."""
    seen: Seen = {}
    waiting, folders = list(paths), set()
    while waiting:
        path = waiting.pop()
        try:
            found = os.stat(path)
            if not os.path.isdir(path):
                seen[path] = (found.st_mtime_ns, found.st_size, found.st_ino)
            elif (found.st_dev, found.st_ino) not in folders:
                folders.add((found.st_dev, found.st_ino))
                waiting.extend(os.path.join(path, name) for name in os.listdir(path) if not name.startswith("."))
        except OSError:
            continue
    return seen


def rounds(
    paths: Sequence[str],
    addresses: bool,
    interval: float,
    *,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Callable[[], None]]:
    """Yields when it is time to index: at once, then whenever files at `paths` changed and came to rest, and with
    `addresses` every five minutes or every `interval` seconds if that is longer. What is yielded is to be called by a
    run that failed: it is tried again in a minute."""
    known: Seen | None = None
    due = clock()
    every = max(ADDRESSES_S, interval)

    def failed() -> None:
        nonlocal due
        due = clock() + AGAIN_S

    while True:
        seen = look(paths)
        for _ in range(_MOST_LOOKS):
            if known is None or seen == known:
                break
            sleep(interval)  # half-written files are not read
            before, seen = seen, look(paths)
            if before == seen:
                break
        if seen != known or clock() >= due:
            known = seen  # from before the run: what changes meanwhile is a change
            due = clock() + every if addresses else float("inf")
            yield failed
        sleep(interval)
