"""Memory that is freed goes back to the system. Layer: faces.

By default glibc gives each of many threads a heap of its own and takes ever bigger blocks into them, and what is freed
there stays: under load the server grew by more than it used (docs/server.md, Load).
"""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # mallopt(3)
_OPTIONS = ((_ARENA_MAX, 2), (_MMAP_THRESHOLD, 256 * 1024), (_TRIM_THRESHOLD, 1024 * 1024))


def give_back() -> bool:
    """Two heaps for all threads, and blocks from 256 KiB on by themselves, for this process; before it starts threads.
    Whether the C library has such options: glibc does."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(option, value) for option, value in _OPTIONS)
