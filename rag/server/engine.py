"""The open index and the models behind the server. Layer: faces.

One Rag over one snapshot serves all threads. When the index changes, a new one is opened beside it and takes over;
requests that run keep the one they began with until they are done (`rag.server.states`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal

from rag import loading, wiring
from rag.answering import Models, Rag
from rag.errors import LockedError, NewsragError, NotReadyError, UnwipedError
from rag.index_report import IndexReport
from rag.ports import Embedder, Vectors
from rag.server.queued import QueuedModel, QueuedReader
from rag.server.queueing import TICKET, FairQueue, Ticket
from rag.server.states import State, States
from rag.server.tracing import Off, Tracing
from rag.settings import ServerSettings, Settings
from rag.types import Article, Mode, Problem

_LOOK_S = 0.1  # how often a thread that waits to search looks whether it still should
_HELP = 20  # times that one removal is helped to end; after them every so many looks
_READERS_WAIT_S = 10.0  # how long who removes an article waits for readers of the old state
Removal = Literal["done", "removed", "unknown"]
_SLICE = 32  # texts embedded at a time, so that a question need not wait for a whole batch of articles


_FIRST, _START_S = "What happened?", 3600.0  # what is asked at the start, and its time limit


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
        self.unwiped = False  # whether files hold words of removed articles
        self.started = False
        self._say = say
        self.states = States()
        self._seen: dict[str, Vectors] = {}  # the vectors of sentences, which outlive a state
        self._reloading, self._stopping = threading.Lock(), threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        """Load the models, open the index, and let requests in. Raises as `wiring.open_rag` does."""
        self._configured = loading.models_of(self.settings)
        self.embedder = SharedEmbedder(loading.load_embedder(self.settings))
        state = self._open()
        if self._configured.reader:
            self._reader = QueuedReader(self._configured.reader(), self.tracing)
        else:
            self._llm = QueuedModel(self._configured.llm(), self.tracing)
        self._try(state.rag)
        self.states.replace(state)
        self.started = True
        self._watcher.start()

    def _try(self, rag: Rag) -> None:
        """Answer a question: the first one loads more than others, and how long it takes says how many may wait. Not by
        a model that is not here: each question may cost."""
        tried: tuple[tuple[Mode, FairQueue], ...] = (("quote", self.reading), ("answer", self.queue))
        for mode, places in tried if self._configured.reader else tried[:1]:
            began = time.monotonic()
            ticket = places.reserve("start", _START_S)
            token = TICKET.set(ticket)
            try:
                rag.ask(_FIRST, mode=mode)
            finally:
                TICKET.reset(token)
                ticket.release()
            places.expect(time.monotonic() - began)

    def _open(self) -> State:
        # A change between these two lines is seen as one more change, and opened once more.
        stamp = wiring.index_stamp(self.folder)
        with ExitStack() as stack:
            reader = (lambda: self._reader) if self._configured.reader else None
            models = Models(lambda: self._llm, reader)
            opened = wiring.open_rag(
                self.folder, self.settings, self._say, embedder=self.embedder, models=models, seen=self._seen
            )
            rag = stack.enter_context(opened)
            return State(rag, stack.pop_all(), stamp)

    def rag(self, ticket: Ticket | None = None) -> AbstractContextManager[Rag]:
        """The present state of the index, see `States.use`. Raises NotReadyError without one."""
        return self.states.use(ticket)

    @contextmanager
    def searching(self, ticket: Ticket) -> Iterator[None]:
        """One of a few threads that search at a time: many would only get into each other's way. Who waits for the
        model meanwhile, or has it, is none of them. Raises as `ticket.check_waiting` does."""
        if ticket.has_model:
            yield
            return
        while not self._searching.acquire(timeout=_LOOK_S):
            ticket.check_waiting()
        held = True

        @contextmanager
        def aside() -> Iterator[None]:
            nonlocal held
            held = False
            self._searching.release()
            yield

        with ticket.lending(aside):
            try:
                yield
            finally:
                if held:
                    self._searching.release()

    @property
    def ready(self) -> NewsragError | None:
        """Why no question can be answered; None when all is well."""
        return None if self.states.current else self.states.problem

    def reload(self, *, unchanged: bool = False) -> bool:
        """Open the index anew if it has changed; if asked for, also `unchanged`, to let go of its old files. An index
        that cannot be used leaves the old state in use; one that is empty does not: its articles were deleted."""
        if not self.started:
            raise self.states.problem
        with self._reloading:
            current = self.states.current
            if current and not unchanged and wiring.index_stamp(self.folder) == current.stamp:
                return False
            try:
                new: State | None = self._open()
            except NotReadyError as exc:
                if wiring.holds_articles(self.folder):
                    raise
                new, self.states.problem = None, exc
            self.states.replace(new)
            self.reloads += 1
            return True

    def _watch(self) -> None:
        told = ""
        while not self._stopping.wait(self.server.reload_seconds):
            try:
                removing = self._holds_removed()
                self.reload(unchanged=removing)
                if removing:
                    with suppress(LockedError, UnwipedError):
                        wiring.go_on_removing(self.folder)
                told = ""
            except NewsragError as exc:
                if str(exc) != told:
                    self._say(f"the changed index cannot be opened, answering from the old one: {exc}")
                told = str(exc)

    def _holds_removed(self) -> bool:
        """Whether words of removed articles are still in the files, because their old state is read. That may be here:
        then the old state is let go of, some times and then now and again, as another reader may hold it for long."""
        self.unwiped = wiring.unwiped(self.folder)
        self._helped = self._helped + 1 if self.unwiped else 0
        return self.unwiped and (self._helped <= _HELP or self._helped % _HELP == 0)

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

    def remove(self, article_id: str) -> Removal:
        """Delete an article for good. No new answer cites it when this returns. Raises LockedError when nothing was
        deleted. "removed": readers kept its words in the files; the watcher goes on until they are out."""

        def let_go() -> None:
            self.reload(unchanged=True)

        try:
            found = wiring.remove_articles(
                [article_id],
                self.folder,
                wait_s=wiring.WRITER_WAIT_S,
                let_go=let_go,
                readers_wait_s=min(_READERS_WAIT_S, self.server.request_seconds),
            )
            return "done" if found else "unknown"
        except UnwipedError as exc:
            self.unwiped = True
            if not exc.removed:
                return "unknown"
            self._say(f"an article was removed, and the server goes on taking its words out of the files: {exc}")
            return "removed"
        finally:
            self._seen.clear()
            self.reload()

    def close(self) -> None:
        """Wait for the threads; what runs must have been cancelled."""
        self._stopping.set()
        for pool in (self.writers, self.readers, self.changing):
            pool.shutdown(wait=True, cancel_futures=True)
        if self._watcher.is_alive():
            self._watcher.join()
        self.states.replace(None)
