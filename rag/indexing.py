"""Articles into the store, incrementally. Layer: core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

import numpy as np

from rag import stories
from rag.articles import fingerprint
from rag.chunking import SPLITTER, lead, split_passages, titled
from rag.errors import IndexMismatchError, NotReadyError
from rag.index_report import IndexReport
from rag.ports import VIEWS, Embedder, Store, VectorIndex, Vectors, View
from rag.settings import Settings
from rag.types import Article, Excerpt, Passage, Problem

_BATCH_ARTICLES = 64
_UNFINISHED = "rebuild_unfinished"
REBUILD = "rag index --rebuild"


Progress = Callable[[IndexReport], None]


def build_facts(embedder: Embedder, settings: Settings) -> dict[str, str]:
    """Everything that decides which passages and vectors an article gets."""
    return {
        "embedder": embedder.name,
        "embedder_digest": embedder.digest,
        "dimension": str(embedder.dimension),
        "passage_tokens": str(_passage_tokens(embedder, settings)),
        "lead_words": str(settings.lead_words),
        "splitter": SPLITTER,
    }


def _passage_tokens(embedder: Embedder, settings: Settings) -> int:
    # Room for the title and the special tokens: what the embedder cuts off cannot be found.
    return min(settings.passage_tokens, max(32, embedder.max_tokens - 40))


def require_facts(store: Store, expected: Mapping[str, str], rebuild: str = REBUILD) -> None:
    """Raise IndexMismatchError naming the first field that differs, NotReadyError after an interrupted rebuild. A new
    store fits any. `rebuild` is the command the message names."""
    stored = store.facts()
    if not stored:
        return
    if _UNFINISHED in stored:
        raise NotReadyError(f"a rebuild of this index was interrupted: run `{rebuild}` again")
    for name, value in expected.items():
        if stored.get(name) != value:
            raise IndexMismatchError(
                f"the index was built with {name} {stored.get(name)}, this run has {value}: set it back, or run "
                f"`{rebuild}` to embed the stored articles anew"
            )


def index_articles(
    incoming: Iterable[Article | Problem],
    store: Store,
    embedder: Embedder,
    settings: Settings,
    progress: Progress = lambda _: None,
    rebuild: str = REBUILD,
) -> IndexReport:
    """Add what is new, replace what changed, skip what is the same; each batch is committed whole before the next.

    Of several articles with one id the last one read wins, whether they come in one run or in two. Raises as
    `require_facts` does, with `rebuild` as the command to run.
    """
    facts = build_facts(embedder, settings)
    require_facts(store, facts, rebuild)
    stories.group(store)  # of an older index, or of one that a newer way of comparing is to group
    report = IndexReport()
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for batch in _batches(incoming, problems):
        marks = [fingerprint(a) for a in batch]
        problems += _collisions(batch, marks, seen)
        latest = {a.id: (a, mark) for a, mark in zip(batch, marks, strict=True)}
        known = store.fingerprints(list(latest))
        changed = [a for a, mark in latest.values() if known.get(a.id) != mark and not _known_better(a, store)]
        prepared = _prepare(changed, embedder, settings)
        if prepared:
            if not store.facts():
                store.set_facts(facts)
            with store.transaction():
                store.put(prepared)
                stories.group(store)
        report = IndexReport(
            added=report.added + sum(a.id not in known for a in changed),
            updated=report.updated + sum(a.id in known for a in changed),
            unchanged=report.unchanged + len(batch) - len(changed),
            passages=report.passages + sum(len(passages) for _, passages, _ in prepared),
        )
        progress(report)
    return IndexReport(report.added, report.updated, report.unchanged, report.passages, tuple(problems))


def _known_better(article: Article, store: Store) -> bool:
    """Whether the store has the page of which this is what a feed says: a site that fails for an hour is no update."""
    stored = store.article(article.id) if isinstance(article, Excerpt) else None
    return stored is not None and len(stored.text) > 2 * len(article.text)


def _collisions(batch: Sequence[Article], marks: Sequence[str], seen: dict[str, str]) -> Iterator[Problem]:
    """Different articles of one run with one id: only the last stays, and nobody should lose one unknowingly."""
    for article, mark in zip(batch, marks, strict=True):
        if seen.setdefault(article.id, mark) != mark:
            yield Problem(f"article {article.id}", "another article of this run has the same id; this later one stays")
        seen[article.id] = mark


def rebuild_articles(store: Store, embedder: Embedder, settings: Settings, progress: Progress) -> IndexReport:
    """Chunk and embed every stored article again with the present embedder and settings."""
    report = IndexReport()
    # Until the last batch is in, old and new vectors lie side by side: nobody may search them.
    store.set_facts({_UNFINISHED: "yes"})
    for batch in _batches(store.articles(), []):
        prepared = _prepare(batch, embedder, settings)
        with store.transaction():
            store.put(prepared)
            stories.group(store)
        count = sum(len(passages) for _, passages, _ in prepared)
        report = IndexReport(updated=report.updated + len(batch), passages=report.passages + count)
        progress(report)
    store.set_facts(build_facts(embedder, settings))
    return report


def _batches(incoming: Iterable[Article | Problem], problems: list[Problem]) -> Iterator[list[Article]]:
    batch: list[Article] = []
    for item in incoming:
        if isinstance(item, Problem):
            problems.append(item)
            continue
        batch.append(item)
        if len(batch) == _BATCH_ARTICLES:
            yield batch
            batch = []
    if batch:
        yield batch


def _prepare(
    articles: Sequence[Article], embedder: Embedder, settings: Settings
) -> list[tuple[Article, list[Passage], Mapping[View, Vectors]]]:
    """Passages and vectors of a batch; all its texts go through the embedder together, which is much faster."""
    limit = _passage_tokens(embedder, settings)
    split = [split_passages(a, embedder.count_tokens, limit) for a in articles]
    leads = [lead(a, settings.lead_words) for a in articles]
    bodies = [titled(a, p.text) for a, passages in zip(articles, split, strict=True) for p in passages]
    vectors = embedder.embed_documents(list(chain(leads, bodies)))
    prepared = []
    at = len(leads)
    for i, (article, passages) in enumerate(zip(articles, split, strict=True)):
        views: Mapping[View, Vectors] = {"lead": vectors[i : i + 1], "passage": vectors[at : at + len(passages)]}
        prepared.append((article, passages, views))
        at += len(passages)
    return prepared


def sync_vectors(store: Store, indexes: Mapping[View, VectorIndex]) -> list[View]:
    """Rebuild each vector index that was not built from the store's present state; which ones were."""
    stamp = store.stamp()
    stale = [view for view in VIEWS if indexes[view].stamp != stamp]
    for view in stale:
        indexes[view].rebuild(stamp, ((np.asarray(ids), vectors) for ids, vectors in store.vectors(view)))
    return stale
