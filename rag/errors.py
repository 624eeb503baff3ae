"""Every error newsrag raises on purpose. Layer: types (imports nothing of ours).

    NewsragError                 what a face catches; `exit_code` is the command line's answer
    ├── UsageError           2   the question, an option or an input is wrong
    ├── NotReadyError        3   there is no index here, or it is not usable as it stands
    │   └── IndexMismatchError   it was built with another embedder or other settings
    ├── BackendError         4   a model or a storage backend failed
    │   ├── ModelError           a model file is missing, corrupt or will not run
    │   │   └── UnsupportedModelError  this runtime cannot run it; another may
    │   └── StoreError           the database or the vector file failed
    │       ├── LockedError          somebody else writes to the index; nothing was changed
    │       └── UnwipedError         articles are removed, but files still hold words of them
    └── InvariantError       4   a value that must never exist was about to: a bug, never the user's fault

Messages are one line and end with what to do where there is something to do.
"""

from __future__ import annotations

from typing import ClassVar


class NewsragError(Exception):
    """Base of all errors raised on purpose."""

    exit_code: ClassVar[int] = 4


class UsageError(NewsragError):
    """The question, an option or an input is wrong."""

    exit_code = 2


class NotReadyError(NewsragError):
    """There is no index here, or it is not usable as it stands."""

    exit_code = 3


class IndexMismatchError(NotReadyError):
    """The index was built with another embedder or other settings."""


class BackendError(NewsragError):
    """A model or a storage backend failed."""


class ModelError(BackendError):
    """A model file is missing, corrupt or will not run."""


class UnsupportedModelError(ModelError):
    """This runtime cannot run the model; another may."""


class StoreError(BackendError):
    """The database or the vector file failed."""


class LockedError(StoreError):
    """Somebody else writes to the index; nothing was changed."""


class UnwipedError(StoreError):
    """Articles are removed and found no more, but the files may still hold words of them."""

    def __init__(self, message: str, removed: int = 0) -> None:
        """`removed`: how many were removed by who raises this; none where others were before."""
        super().__init__(message)
        self.removed = removed


class InvariantError(NewsragError):
    """A value that must never exist was about to."""
