"""Settings to a working Rag. Layer: wiring: the only file that names adapters; heavy imports happen when called."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rag import kept_reports, resources, stories
from rag.answering import Fitted, Models, Rag
from rag.errors import NotReadyError, StoreError
from rag.index_report import IndexReport
from rag.indexing import (
    REBUILD,
    Progress,
    build_facts,
    index_articles,
    rebuild_articles,
    require_facts,
    sync_vectors,
)
from rag.linear import LinearModel
from rag.loading import Notice, affordable, load_embedder, load_reranker, models_of
from rag.opening import WRITER_WAIT_S as WRITER_WAIT_S
from rag.opening import exists as exists
from rag.opening import finish_grouping, finish_removal, open_to_write
from rag.opening import go_on_removing as go_on_removing
from rag.opening import holds_articles as holds_articles
from rag.opening import index_stamp as index_stamp
from rag.opening import open_store as open_store
from rag.opening import remove_articles as remove_articles
from rag.opening import unwiped as unwiped
from rag.opening import vector_facts as vector_facts
from rag.opening import vector_indexes as vector_indexes
from rag.origins import Opened, Origins
from rag.prompting import Prompts
from rag.retrieval import Retriever
from rag.sentence_vectors import embed_missing, stored
from rag.settings import SAMPLE_INDEX as SAMPLE_INDEX
from rag.settings import SAMPLE_NOTICE, Settings, default_index
from rag.types import Article, Problem

if TYPE_CHECKING:
    from rag.ports import Embedder, Store, Vectors, View

_MANY = 1024  # passages whose sentences take long enough to be told of


def load_prompts() -> Prompts:
    """The shipped templates, checked."""
    read = {name: resources.data(f"prompts/{name}.txt").read_text("utf-8") for name in ("system", "question")}
    return Prompts.parse(**read)


def load_linear(name: str) -> LinearModel:
    """A fitted model of rag/fitted."""
    return LinearModel.parse((Path(__file__).parent / "fitted" / f"{name}.json").read_text("utf-8"))


def is_address(path: str) -> bool:
    """Whether a path is meant as a web address."""
    from rag import readers

    return readers.is_address(path)


def index_paths(
    paths: Sequence[str],
    folder: Path,
    settings: Settings,
    *,
    stdin: BinaryIO | None = None,
    prune: bool = False,
    progress: Progress = lambda _: None,
    notice: Notice = lambda _: None,
    web: bool = False,
    full_text: bool = False,
    embedder: Embedder | None = None,
) -> IndexReport:
    """Read the paths into the index; web addresses too where `web` says so, and with `full_text` the pages that the
    entries of feeds point to. Where nothing in them can be read the report holds only problems, and no index is made.
    With `prune`, articles that came from files there and are in them no more are removed for good. Raises UsageError
    for a path that is not there, and as `index_articles` does."""
    from rag.readers import MAX_BYTES, is_address, read

    files, fetch = Opened(), None
    if web and (full_text or any(map(is_address, paths))):
        from rag.readers.fetching import Fetcher

        fetch = Fetcher(max_bytes=MAX_BYTES)
    incoming = read(
        paths,
        stdin=stdin,
        max_characters=settings.max_article_characters,
        opened=files,
        fetch=fetch,
        full_text=full_text,
    )
    head, rest = _until_article(incoming)
    if not isinstance(head[-1] if head else None, Article):
        problems = tuple(item for item in head if isinstance(item, Problem))
        return IndexReport(problems=problems)
    embedder = embedder or load_embedder(settings, notice)
    with open_to_write(folder, "rag index", create=True, notice=notice) as store:
        origins = files.told(Origins(store))
        items = origins.follow(chain(head, rest))
        report = _index_into(store, items, folder, settings, embedder, progress, origins)
        if prune:
            gone, places = origins.gone([path for path in paths if path != "-" and not is_address(path)])
            if origins.kept:
                notice(f"articles kept, as their files could not be read without problems: {origins.kept}")
            if gone or places:
                kept_reports.forget(folder, gone)
                with store.transaction():
                    report = replace(report, removed=store.remove(gone, places))
                    stories.group(store)
        finish_removal(store, folder)
        return _embed_sentences(store, folder, settings, embedder, report, progress, notice)


def add_articles(
    items: Iterable[Article | Problem], folder: Path, settings: Settings, embedder: Embedder
) -> IndexReport:
    """Articles into an index that is there. Raises NotReadyError where it is not, StoreError when another process
    writes for long, and as `index_articles` does."""
    with open_to_write(folder, "adding articles", wait_s=WRITER_WAIT_S) as store:
        report = _index_into(store, items, folder, settings, embedder, lambda _: None)
        # Not those of an archive that was indexed without: whoever adds an article waits for it.
        return _embed_sentences(store, folder, settings, embedder, report, most=report.passages)


def _index_into(
    store: Store,
    items: Iterable[Article | Problem],
    folder: Path,
    settings: Settings,
    embedder: Embedder,
    progress: Progress,
    origins: Origins | None = None,
) -> IndexReport:
    def committed(report: IndexReport) -> None:
        if origins:
            origins.commit()
        progress(report)

    report = index_articles(items, store, embedder, settings, committed, _rebuild_command(folder))
    _sync(store, folder, embedder)
    return report


def _sync(store: Store, folder: Path, embedder: Embedder) -> None:
    with store.snapshot():
        sync_vectors(store, vector_indexes(folder, embedder))


def _embed_sentences(
    store: Store,
    folder: Path,
    settings: Settings,
    embedder: Embedder,
    report: IndexReport,
    progress: Progress = lambda _: None,
    notice: Notice = lambda _: None,
    most: int | None = None,
) -> IndexReport:
    """What comes last, where it is wanted: until the sentences are in, articles are searched and only quoted more
    slowly, and a run that is ended here goes on with the next."""
    passages = vector_facts(folder)["passage"]
    if passages is None or not stored(settings.sentence_vectors, passages["count"]):
        return report

    def told(done: int) -> None:
        progress(replace(report, sentences=done))

    if most is None and len(store.without_sentences(_MANY)) == _MANY:
        notice(
            "embedding the sentences too, for fast quotations: all articles can be asked about already, and what "
            "Ctrl-C leaves is done by the next run (NEWSRAG_SENTENCE_VECTORS=asked: by none)"
        )
    return replace(report, sentences=embed_missing(store, embedder, told, most))


def _until_article(items: Iterator[Article | Problem]) -> tuple[list[Article | Problem], Iterator[Article | Problem]]:
    """Read up to the first article: models are loaded and folders made only when there is something to index."""
    head: list[Article | Problem] = []
    for item in items:
        head.append(item)
        if isinstance(item, Article):
            break
    return head, items


def _rebuild_command(folder: Path) -> str:
    return REBUILD if folder == default_index() else f"{REBUILD} --index {folder}"


def rebuild_index(
    folder: Path, settings: Settings, progress: Progress = lambda _: None, notice: Notice = lambda _: None
) -> IndexReport:
    """Embed the stored articles anew with the present settings."""
    embedder = load_embedder(settings, notice)
    with open_to_write(folder, "rag index --rebuild", notice=notice) as store:
        report = rebuild_articles(store, embedder, settings, progress)
        _sync(store, folder, embedder)
        return _embed_sentences(store, folder, settings, embedder, report, progress, notice)


def vectors_in_step(folder: Path, store: Store) -> bool:
    """Whether the vector files say that they were built from the store's present state; reads no vectors."""
    stamp = store.stamp()
    return all(facts is not None and facts["stamp"] == stamp for facts in vector_facts(folder).values())


def check_index(folder: Path, settings: Settings) -> Iterator[str]:
    """Every broken invariant of an index, one line each, the cheap ones first. Raises as `open_store` does."""
    with open_store(folder) as store:
        yield from store.check()
        if store.unwiped():
            yield f"the files still hold words of removed articles: run `rag articles remove --index {folder}`"
        embedder = load_embedder(settings)
        try:
            require_facts(store, build_facts(embedder, settings), _rebuild_command(folder))
        except NotReadyError as exc:
            yield str(exc)
        counts, stamp = store.count(), store.stamp()
        wanted: dict[View, int] = {"lead": counts["articles"], "passage": counts["passages"]}
        for view, vectors in vector_indexes(folder, embedder, verify=True).items():
            if vectors.stamp != stamp:
                yield f"the {view} vector file is damaged or out of date; the next question rebuilds it"
            elif len(vectors) != wanted[view]:
                yield f"the {view} vector file holds {len(vectors)} vectors, the database {wanted[view]}"


@contextmanager
def open_rag(
    folder: Path,
    settings: Settings,
    notice: Notice = lambda _: None,
    *,
    embedder: Embedder | None = None,
    models: Models | None = None,
    seen: dict[str, Vectors] | None = None,
) -> Iterator[Rag]:
    """Everything put together over one index. Raises NotReadyError, IndexMismatchError, ModelError, StoreError.

    `embedder` and `models` stand for those of the settings: the server's are these, shared by several threads. `seen`
    keeps the vectors of sentences from one state of an index to the next."""
    prompts, settings = load_prompts(), affordable(settings)
    finish_grouping(folder, notice)
    with open_store(folder) as store, store.snapshot():
        if not store.size():
            raise NotReadyError(
                f"the index in {folder} is empty: add articles with `rag index PATH... --index {folder}`"
            )
        embedder = embedder or load_embedder(settings, notice)
        require_facts(store, build_facts(embedder, settings), _rebuild_command(folder))
        vectors = vector_indexes(folder, embedder)
        if sync_vectors(store, vectors):
            notice("the vector files were damaged or out of date: rebuilt from the database")
        ranking = load_linear("ranking") if settings.fusion == "read" else None
        retriever = Retriever(store, vectors, embedder, settings, load_linear("evidence"), ranking, seen)
        retriever.reranker = load_reranker(settings)
        name = resources.llm_name(settings.llm, settings.adapter)
        stamp = {"llm": name, "embedder": embedder.name, "settings": _digest(settings)}
        fitted = Fitted(*(load_linear(name) for name in ("answerable", "reading", "answerable_read")))
        try:
            yield Rag(retriever, models or models_of(settings, notice), prompts, fitted, settings, stamp)
        finally:
            retriever.forget()


def _digest(settings: Settings) -> str:
    """SHA-256 prefix of all that decides an answer beside the models and the articles: settings, prompts, fits. The
    adapter counts by its known digest, which is checked when it is loaded."""
    digest = hashlib.sha256(f"{settings.fingerprint()} {resources.ADAPTER_SHA256}".encode())
    for folder, pattern in ((resources.data("prompts"), "*.txt"), (Path(__file__).parent / "fitted", "*.json")):
        for file in sorted(folder.glob(pattern)):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def choose_index(given: Path | None, settings: Settings, notice: Notice) -> Path:
    """The index to ask: the given one, else the default one, else the sample corpus, indexed on the first run.

    The sample has its own folder, so that its invented articles never mix with somebody's archive.
    """
    if given is not None:
        return given
    if holds_articles(default_index()):
        return default_index()
    if not holds_articles(SAMPLE_INDEX):
        notice("no index yet: indexing the sample corpus (index your own articles with `rag index PATH...`)")
        build_sample(settings, notice)
    notice(SAMPLE_NOTICE)
    return SAMPLE_INDEX


def build_sample(settings: Settings, notice: Notice = lambda _: None) -> None:
    """Index the sample corpus beside its place and move it there when it is whole: interrupted, it is not there."""
    SAMPLE_INDEX.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SAMPLE_INDEX.parent, prefix=".sample-", ignore_cleanup_errors=True) as made:
        building = Path(made) / "sample"
        index_paths([str(resources.data("eval/corpus"))], building, settings, notice=notice)
        if SAMPLE_INDEX.exists() and not holds_articles(SAMPLE_INDEX):
            shutil.rmtree(SAMPLE_INDEX)
        try:
            building.rename(SAMPLE_INDEX)
        except OSError as exc:
            if not holds_articles(SAMPLE_INDEX):  # else another process was faster
                raise StoreError(f"cannot write {SAMPLE_INDEX}: {exc.strerror}") from exc
