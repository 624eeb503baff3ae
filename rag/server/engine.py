"""The open index and the models behind the server. Layer: faces.

One Rag over one snapshot serves all threads. When the index changes, a new one is opened beside it and takes over;
requests that run keep the one they began with until they are done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rag import loading, wiring
from rag.answering import Models, Rag
from rag.errors import NewsragError, NotReadyError
from rag.index_report import IndexReport
from rag.ports import Embedder, Vectors
from rag.server.queueing import TICKET, FairQueue, QueuedModel, QueuedReader, Ticket
from rag.server.tracing import Off, Tracing
from rag.settings import ServerSettings, Settings
from rag.types import Article, Mode, Problem

_LOOK_S = 0.1  # how often a thread that waits to search looks whether it still should
_HELP = 20  # times that one removal is helped to end
_SLICE = 32  # texts embedded at a time, so that a question need not wait for a whole batch of articles


class SharedEmbedder:
    """`rag.ports.Embedder` for several threads, which take turns in the order they came: torch's number of threads and
    the tokenizer's state belong to the process. Stops here what nobody waits for any more."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._turns = FairLock()
        self.name, self.digest = embedder.name, embedder.digest
        self.dimension, self.max_tokens = embedder.dimension, embedder.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See `rag.ports.Embedder`, as for the methods below."""
        with self._turn():
            return self._embedder.count_tokens(texts)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """In slices, other threads in between. Sorted by length, as the embedder itself would, to pad little."""
        import numpy as np

        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for at in range(0, len(order), _SLICE):
            places = order[at : at + _SLICE]
            with self._turn():
                vectors[places] = self._embedder.embed_documents([texts[i] for i in places])
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """See `rag.ports.Embedder`."""
        with self._turn():
            return self._embedder.embed_query(text)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._turns:
            if ticket := TICKET.get(None):
                ticket.check()
            yield


class FairLock:
    """A lock that is given in the order it was asked for; Python's own lets a busy thread take it again and again."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._next = self._serving = 0

    def __enter__(self) -> None:
        with self._changed:
            mine = self._next
            self._next += 1
            self._changed.wait_for(lambda: self._serving == mine)

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._serving += 1
            self._changed.notify_all()


@dataclass(slots=True)
class _Opened:
    """A Rag, what closes it, and how many requests use it."""

    rag: Rag
    resources: ExitStack
    stamp: str
    users: int = 0
    retired: bool = False


class Engine:
    """Everything that answers. `start` before use, `close` after."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        server: ServerSettings,
        say: Callable[[str], None] = lambda _: None,
        tracing: Tracing | None = None,
    ) -> None:
        """`say` is told of reloads that failed, one line each."""
        self.folder, self.settings, self.server = folder, settings, server
        self.tracing = tracing or Off()
        self.queue = FairQueue(server.queue)
        self.reading = FairQueue(server.reading, 2 * server.readers)  # only its places: no reader ever wants the model
        # As many writers as places: they mostly wait. Readers compute, and few do that best.
        self.writers = ThreadPoolExecutor(server.queue, "writer")
        self.readers = ThreadPoolExecutor(server.readers, "reader")
        self.changing = ThreadPoolExecutor(1, "changer")
        self._searching = threading.Semaphore(server.readers)
        self.reloads = 0
        self._helped = 0
        self._say = say
        self._current: _Opened | None = None
        self._problem: NewsragError = NotReadyError("the index is not open yet")
        self._lock, self._reloading, self._stopping = threading.Lock(), threading.Lock(), threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        """Load the models and open the index. Raises as `wiring.open_rag` does."""
        self._configured = loading.models_of(self.settings)
        self.embedder = SharedEmbedder(loading.load_embedder(self.settings))
        self._current = self._open()
        if self._configured.reader:
            self._reader = QueuedReader(self._configured.reader(), self.tracing)
        else:
            self._llm = QueuedModel(self._configured.llm(), self.tracing)
        self._watcher.start()

    def _open(self) -> _Opened:
        # A change between these two lines is seen as one more change, and opened once more.
        stamp = wiring.index_stamp(self.folder)
        with ExitStack() as stack:
            reader = (lambda: self._reader) if self._configured.reader else None
            models = Models(lambda: self._llm, reader)
            opened = wiring.open_rag(self.folder, self.settings, self._say, embedder=self.embedder, models=models)
            rag = stack.enter_context(opened)
            return _Opened(rag, stack.pop_all(), stamp)

    @contextmanager
    def rag(self) -> Iterator[Rag]:
        """The present state of the index, which stays as it is while it is used. Raises NotReadyError without one."""
        with self._lock:
            opened = self._current
            if opened is None:
                raise self._problem
            opened.users += 1
        try:
            yield opened.rag
        finally:
            with self._lock:
                opened.users -= 1
                unused = opened.retired and not opened.users
            if unused:
                opened.resources.close()

    @contextmanager
    def searching(self, ticket: Ticket) -> Iterator[None]:
        """One of a few threads that search at a time: many would only get into each other's way. Raises as
        `ticket.check` does."""
        while not self._searching.acquire(timeout=_LOOK_S):
            ticket.check()
        try:
            ticket.check()
            yield
        finally:
            self._searching.release()

    @property
    def ready(self) -> NewsragError | None:
        """Why no question can be answered; None when all is well."""
        return None if self._current else self._problem

    def reload(self, *, unchanged: bool = False) -> bool:
        """Open the index anew if it has changed; if asked for, also `unchanged`, to let go of its old files. An index
        that cannot be used leaves the old state in use; one that is empty does not: its articles were deleted."""
        with self._reloading:
            current = self._current
            if current and not unchanged and wiring.index_stamp(self.folder) == current.stamp:
                return False
            try:
                new: _Opened | None = self._open()
            except NotReadyError as exc:
                if wiring.holds_articles(self.folder):
                    raise
                new, self._problem = None, exc
            with self._lock:
                self._current = new
                self.reloads += 1
                if current:
                    current.retired = True
                unused = current is not None and not current.users
            if current and unused:
                current.resources.close()
            return True

    def _watch(self) -> None:
        told = ""
        while not self._stopping.wait(self.server.reload_seconds):
            try:
                self.reload(unchanged=self._holds_removed())
                told = ""
            except NewsragError as exc:
                if str(exc) != told:
                    self._say(f"the changed index cannot be opened, answering from the old one: {exc}")
                told = str(exc)

    def _holds_removed(self) -> bool:
        """Whether somebody removes articles and waits until their old state is read no more. Each removal is helped
        some times: another reader may hold it for long."""
        if not wiring.unwiped(self.folder):
            self._helped = 0
            return False
        self._helped += 1
        return self._helped <= _HELP

    def ticket(self, client: str, mode: Mode) -> Ticket:
        """The right to ask one question. Raises BusyError when too many are being asked already."""
        places = self.queue if mode == "answer" else self.reading
        return places.reserve(client, self.server.request_seconds)

    def pool(self, mode: Mode) -> ThreadPoolExecutor:
        """Where such questions are worked on."""
        return self.writers if mode == "answer" else self.readers

    def add(self, items: Iterable[Article | Problem]) -> IndexReport:
        """Index articles; they can be asked about when this returns. Raises as `wiring.add_articles` does."""
        report = wiring.add_articles(items, self.folder, self.settings, self.embedder)
        self.reload()
        return report

    def remove(self, article_id: str) -> bool:
        """Delete an article for good; whether there was one. No answer cites it when this returns."""

        def let_go() -> None:
            self.reload(unchanged=True)

        try:
            return bool(wiring.remove_articles([article_id], self.folder, wait_s=wiring.WRITER_WAIT_S, let_go=let_go))
        finally:
            self.reload()

    def close(self) -> None:
        """Wait for the threads; what runs must have been cancelled."""
        self._stopping.set()
        for pool in (self.writers, self.readers, self.changing):
            pool.shutdown(wait=True, cancel_futures=True)
        if self._watcher.is_alive():
            self._watcher.join()
        if self._current:
            self._current.resources.close()
            self._current = None
