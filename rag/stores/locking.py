"""One writer at a time, and who it is. Layer: adapters.

The lock is the operating system's, on a file of the index folder: it ends with its process, also after `kill -9`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from rag.errors import LockedError, StoreError

LOCK_FILE = "writer.lock"
_LOOK_S = 0.1
_LOCKED_BYTE = 1 << 30  # far behind what is written: some systems let nobody read locked bytes

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def writing(
    folder: Path, what: str, wait_s: float | None = None, waiting: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """The right to write into the index of `folder`, which must be there.

    `what` is shown to others that want it. Waits `wait_s` seconds (None: as long as it takes) after telling `waiting`
    who has it. Raises LockedError when it waited in vain, StoreError when the folder cannot be written; what fails in
    the block of the caller is the caller's.
    """
    path = folder / LOCK_FILE
    descriptor = _acquired(path, wait_s, waiting)
    try:
        _sign(descriptor, folder, what)
        yield
    finally:
        os.close(descriptor)


def unwritable(folder: Path, exc: OSError) -> StoreError:
    """The error of an index whose own files cannot be written."""
    return StoreError(f"cannot write the index folder {folder}: {exc.strerror or exc}")


def _sign(descriptor: int, folder: Path, what: str) -> None:
    """Write into the lock file who has it."""
    holder = {"pid": os.getpid(), "what": what, "since": datetime.now().astimezone().isoformat(timespec="seconds")}
    try:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(holder).encode())
    except OSError as exc:
        raise unwritable(folder, exc) from exc


def _acquired(path: Path, wait_s: float | None, waiting: Callable[[str], None]) -> int:
    """The descriptor of the locked file."""
    until = None if wait_s is None else time.monotonic() + wait_s
    told = False
    while True:
        descriptor = _opened(path)
        if _try_lock(descriptor):
            # Who made an index and got no article removes it, lock file and all: then this is no longer the lock.
            if _is_at(descriptor, path):
                return descriptor
            os.close(descriptor)
            continue
        os.close(descriptor)
        if until is not None and time.monotonic() >= until:
            raise LockedError(f"{_holder(path)} is writing to {path.parent}: try again when it is done")
        if not told:
            waiting(f"waiting: {_holder(path)} is writing to {path.parent}")
            told = True
        time.sleep(_LOOK_S)


def _opened(path: Path) -> int:
    while True:
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        except FileNotFoundError:  # the folder was taken back meanwhile
            with suppress(FileNotFoundError):
                path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise unwritable(path.parent, exc) from exc


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text("utf-8"))
        return f"process {holder['pid']} ({holder['what']}, since {holder['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
