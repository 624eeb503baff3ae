"""The folder of an index: opened to read or to write, and articles removed from all its files. Layer: wiring."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag import kept_reports, stories
from rag.errors import NotReadyError, StoreError, UnwipedError, UsageError
from rag.indexing import sync_vectors
from rag.loading import Notice
from rag.ports import VIEWS

if TYPE_CHECKING:
    from rag.ports import Embedder, Store, VectorIndex, View

DATABASE = "articles.sqlite"
WRITER_WAIT_S = 30.0  # how long a server waits for another writer; a person waits as long as they like
READERS_WAIT_S = 30.0  # how long a removal waits for readers of the old state
_LOOK_S = 0.2


def exists(folder: Path) -> bool:
    """Whether there is an index in this folder. Raises UsageError where no folder of this name can be."""
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file: --index takes a folder")
        return (folder / DATABASE).is_file()
    except OSError as exc:
        raise UsageError(f"cannot look into {folder}: {exc.strerror}") from exc


def holds_articles(folder: Path) -> bool:
    """Whether there is an index with something in it; one that cannot be opened counts, so that its error is seen."""
    if not exists(folder):
        return False
    try:
        with open_store(folder) as store:
            return store.size() > 0
    except StoreError:
        return True


@contextmanager
def open_store(folder: Path, *, create: bool = False) -> Iterator[Store]:
    """The database of an index, to read. Raises NotReadyError where there is none and StoreError as the store does.
    With `create`, to write, as `open_to_write` does."""
    if create:
        with open_to_write(folder, "rag index", create=True) as store:
            yield store
        return
    require_index(folder)
    with _opened_or_made(folder) as store:
        yield store


def finish_grouping(folder: Path, notice: Notice) -> None:
    """Put the articles of an index that an older newsrag made to their stories, before it is searched for the first
    time; not while another process writes, and not where nobody may."""
    with open_store(folder) as store:
        if not store.ungrouped(1):
            return
    with suppress(StoreError), open_to_write(folder, "grouping copies", wait_s=0.0, notice=notice) as store:
        if count := stories.group(store):
            if dimension := store.facts().get("dimension"):
                sync_vectors(store, vector_files(folder, int(dimension)))
            notice(f"looked for copies of one story among {count} articles")


def require_index(folder: Path) -> None:
    """Raise NotReadyError where there is no index."""
    if not exists(folder):
        raise NotReadyError(f"no index in {folder}: make one with `rag index PATH... --index {folder}`")


@contextmanager
def open_to_write(
    folder: Path, what: str, *, create: bool = False, wait_s: float | None = None, notice: Notice = lambda _: None
) -> Iterator[Store]:
    """The database of an index, for one writer at a time: others wait, for `wait_s` seconds or as long as it takes, and
    are told of `what` this one does. A folder made for an index that got no article is removed again."""
    from rag.stores.locking import writing

    if not create:
        require_index(folder)
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    with writing(_made(folder), what, wait_s, notice):
        new = not exists(folder)
        if new and not create:  # it was taken back while we waited
            require_index(folder)
        empty = new
        try:
            with _opened_or_made(folder) as store:
                try:
                    yield store
                finally:
                    empty = new and not store.size()
        finally:
            if empty:
                _remove_empty(folder, made)


@contextmanager
def _opened_or_made(folder: Path) -> Iterator[Store]:
    from rag.stores.sqlite import SqliteStore

    store = SqliteStore(folder / DATABASE)
    try:
        yield store
    finally:
        store.close()


def _made(folder: Path) -> Path:
    from rag.stores.locking import unwritable

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise unwritable(folder, exc) from exc
    return folder


def _remove_empty(folder: Path, made: Sequence[Path]) -> None:
    """Take back what opening a new index created: its files, and the folders that were not there before. Whoever waits
    for the lock file sees that it is gone."""
    from rag.stores.locking import LOCK_FILE, unwritable

    try:
        for file in (*folder.glob(f"{DATABASE}*"), folder / LOCK_FILE):
            with suppress(PermissionError):  # some systems keep what is open
                file.unlink(missing_ok=True)
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    except OSError as exc:
        raise unwritable(folder, exc) from exc


def index_stamp(folder: Path) -> str:
    """What changes with every change to the index. Raises NotReadyError, StoreError."""
    with open_store(folder) as store:
        return store.stamp()


def vector_indexes(folder: Path, embedder: Embedder, *, verify: bool = False) -> dict[View, VectorIndex]:
    """The vector files of an index, opened where they are whole; with `verify` every byte is looked at."""
    return vector_files(folder, embedder.dimension, verify=verify)


def vector_files(folder: Path, dimension: int, *, verify: bool = False) -> dict[View, VectorIndex]:
    """As `vector_indexes`, without an embedder."""
    from rag.stores.faiss_vectors import FaissVectors

    return {view: FaissVectors(folder / view, dimension, verify=verify) for view in VIEWS}


def vector_facts(folder: Path) -> dict[View, dict[str, Any] | None]:
    """What the vector files say of themselves, see `FaissVectors.recorded`; None where they are missing."""
    from rag.stores.faiss_vectors import FaissVectors

    return {view: FaissVectors.recorded(folder / view) for view in VIEWS}


def remove_articles(
    article_ids: Sequence[str],
    folder: Path,
    *,
    wait_s: float | None = None,
    notice: Notice = lambda _: None,
    let_go: Callable[[], object] = lambda: None,
    readers_wait_s: float = READERS_WAIT_S,
) -> int:
    """Delete articles for good, with their earlier versions and every word in every file; how many there were. Without
    ids it finishes a removal that was interrupted.

    `let_go` is called while readers hold the old state, so that this process's own can open the new one. Raises
    NotReadyError, LockedError, and UnwipedError when a reader keeps the old state for more than `readers_wait_s`
    seconds: then the articles are gone, and the files are not clean.
    """
    with open_to_write(folder, "removing articles", wait_s=wait_s, notice=notice) as store:
        kept_reports.forget(folder, article_ids)
        with store.transaction():
            removed = store.remove(article_ids)
            stories.group(store)
        try:
            finish_removal(store, folder, let_go, readers_wait_s)
        except StoreError as exc:
            raise UnwipedError(str(exc), removed) from exc
        return removed


def go_on_removing(folder: Path) -> None:
    """Try once to finish a removal that was interrupted, or that readers kept from its end. Raises LockedError at once
    where somebody else writes, and UnwipedError."""
    with open_to_write(folder, "finishing a removal", wait_s=0.0) as store:
        finish_removal(store, folder, readers_wait_s=0.0)


def finish_removal(
    store: Store, folder: Path, let_go: Callable[[], object] = lambda: None, readers_wait_s: float = READERS_WAIT_S
) -> None:
    """Take removed words out of all files of the index, if there are any. Raises UnwipedError as `remove_articles`."""
    from rag.stores.faiss_vectors import FaissVectors

    if not store.unwiped():
        return
    until = time.monotonic() + readers_wait_s
    while not store.wipe():
        with store.snapshot():
            _sync_files(store, folder)
        let_go()
        if time.monotonic() > until:
            raise UnwipedError(
                f"the articles are removed, but another program still reads the old state of {folder}: close it and "
                f"run `rag articles remove --index {folder}`, so that none of their words stays in the files"
            )
        time.sleep(_LOOK_S)
    with store.snapshot():
        _sync_files(store, folder)
    FaissVectors.remove_leftovers(folder)


def _sync_files(store: Store, folder: Path) -> None:
    if dimension := store.facts().get("dimension"):
        sync_vectors(store, vector_files(folder, int(dimension)))


def unwiped(folder: Path) -> bool:
    """Whether the files may still hold words of removed articles. Raises as `open_store` does."""
    with open_store(folder) as store:
        return store.unwiped()
