"""Articles into the store: incremental, resumable, and never mixed with another embedder's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexMismatchError, ModelError, NotReadyError
from rag.index_report import IndexReport
from rag.indexing import build_facts, index_articles, rebuild_articles, require_facts, sync_vectors
from rag.ports import VIEWS, Vectors
from rag.settings import Settings
from rag.stores.sqlite import SqliteStore
from rag.types import Article, Excerpt, Filters, Problem
from tests.doubles import HashEmbedder, NumpyVectors

SETTINGS = Settings(passage_tokens=32, lead_words=5)
FERRY = Article("ferry", "Ferry sinks", "The ferry sank off Brenna. " * 10)
BRIDGE = Article("bridge", "Bridge shut", "The bridge is shut.")


class WideEmbedder(HashEmbedder):
    """Another model: other weights, another dimension."""

    name = "wide"
    digest = "00" * 32
    dimension = 48


class FailingEmbedder(HashEmbedder):
    """Breaks down when it meets the bridge."""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if any("bridge" in text for text in texts):
            raise ModelError("out of memory")
        return super().embed_documents(texts)


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with closing(SqliteStore(Path(":memory:"))) as store:
        yield store


def index(store: SqliteStore, *items: Article | Problem, embedder: HashEmbedder | None = None) -> IndexReport:
    return index_articles(items, store, embedder or HashEmbedder(), SETTINGS)


def test_new_articles_are_added_with_their_passages_and_facts(store: SqliteStore) -> None:
    assert index(store, FERRY, BRIDGE) == IndexReport(added=2, passages=3)
    assert [a.id for a in store.articles()] == ["ferry", "bridge"]
    assert store.facts() == build_facts(HashEmbedder(), SETTINGS)
    assert list(store.check()) == []


def test_what_is_the_same_is_skipped_and_what_changed_replaced(store: SqliteStore) -> None:
    index(store, FERRY, BRIDGE)
    stamp = store.stamp()
    assert index(store, FERRY, BRIDGE) == IndexReport(unchanged=2)
    assert store.stamp() == stamp
    changed = replace(BRIDGE, source="Courier")
    assert index(store, FERRY, changed) == IndexReport(updated=1, unchanged=1, passages=1)
    assert store.article("bridge") == changed


def test_what_a_feed_says_does_not_replace_the_page_that_could_not_be_read_again(store: SqliteStore) -> None:
    said = Excerpt("ferry", "Ferry sinks", "The ferry sank.", format="feed")
    index(store, FERRY)
    assert index(store, said).unchanged == 1
    assert store.article("ferry") == FERRY
    assert index(store, replace(said, id="new")).added == 1
    assert index(store, replace(said, id="new", text="The ferry sank at noon.")).updated == 1


@pytest.mark.parametrize("runs", [1, 2])
def test_of_one_id_the_last_article_wins(store: SqliteStore, runs: int) -> None:
    later = replace(BRIDGE, text="The bridge is open.")
    for items in [[BRIDGE, later]] if runs == 1 else [[BRIDGE], [later]]:
        index(store, *items)
    assert [a.text for a in store.articles()] == ["The bridge is open."]


def test_problems_are_passed_on_and_the_rest_is_indexed(store: SqliteStore) -> None:
    problem = Problem("x.md", "it is empty")
    report = index(store, problem, BRIDGE)
    assert (report.added, report.problems) == (1, (problem,))


def test_nothing_readable_leaves_the_store_untouched(store: SqliteStore) -> None:
    assert index(store, Problem("x.md", "it is empty")).added == 0
    assert store.facts() == {}


def test_progress_is_told_batch_by_batch(store: SqliteStore) -> None:
    seen: list[int] = []
    articles = [replace(BRIDGE, id=str(i)) for i in range(150)]
    index_articles(articles, store, HashEmbedder(), SETTINGS, lambda report: seen.append(report.added))
    assert seen == [64, 128, 150]


def test_an_interrupted_run_keeps_whole_batches_and_goes_on_from_there(store: SqliteStore) -> None:
    articles = [replace(FERRY, id=str(i)) for i in range(64)]
    with pytest.raises(ModelError):
        index(store, *articles, BRIDGE, embedder=FailingEmbedder())
    assert store.count()["articles"] == 64
    assert list(store.check()) == []
    assert index(store, *articles, BRIDGE) == IndexReport(added=1, unchanged=64, passages=1)


def test_passages_leave_room_for_the_title_in_what_the_embedder_reads() -> None:
    assert build_facts(HashEmbedder(), Settings(passage_tokens=4000))["passage_tokens"] == "216"
    assert build_facts(HashEmbedder(), Settings(passage_tokens=100))["passage_tokens"] == "100"


@pytest.mark.parametrize(
    ("embedder", "settings", "field"),
    [
        (WideEmbedder(), SETTINGS, "embedder hash, this run has wide"),
        (HashEmbedder(), Settings(passage_tokens=64, lead_words=5), "passage_tokens 32, this run has 64"),
        (HashEmbedder(), Settings(passage_tokens=32, lead_words=9), "lead_words 5, this run has 9"),
    ],
)
def test_another_embedder_or_setting_is_named_and_nothing_is_mixed(
    store: SqliteStore, embedder: HashEmbedder, settings: Settings, field: str
) -> None:
    index(store, FERRY)
    with pytest.raises(IndexMismatchError, match=f"^the index was built with {field}: .*`rag index --rebuild`"):
        index_articles([BRIDGE], store, embedder, settings)
    assert [a.id for a in store.articles()] == ["ferry"]


def test_a_rebuild_takes_the_present_embedder_and_settings(store: SqliteStore) -> None:
    index(store, FERRY, BRIDGE)
    report = rebuild_articles(store, WideEmbedder(), Settings(), lambda _: None)
    assert (report.updated, report.passages) == (2, 2)
    assert [a.id for a in store.articles()] == ["ferry", "bridge"]
    assert {vectors.shape[1] for view in VIEWS for _, vectors in store.vectors(view)} == {48}
    require_facts(store, build_facts(WideEmbedder(), Settings()))
    assert list(store.check()) == []


@pytest.mark.parametrize("embedder", [HashEmbedder(), WideEmbedder()])
def test_after_an_interrupted_rebuild_neither_embedder_may_search(store: SqliteStore, embedder: HashEmbedder) -> None:
    index(store, FERRY, BRIDGE)
    with pytest.raises(ModelError):
        rebuild_articles(store, FailingEmbedder(), SETTINGS, lambda _: None)
    with pytest.raises(NotReadyError, match="run `rag index --rebuild` again"):
        require_facts(store, build_facts(embedder, SETTINGS))
    rebuild_articles(store, embedder, SETTINGS, lambda _: None)
    require_facts(store, build_facts(embedder, SETTINGS))


def test_vector_indexes_follow_the_store(store: SqliteStore) -> None:
    indexes = {view: NumpyVectors(HashEmbedder.dimension) for view in VIEWS}
    index(store, FERRY)
    assert sync_vectors(store, indexes) == ["lead", "passage"]
    assert sync_vectors(store, indexes) == []
    index(store, BRIDGE)
    indexes["lead"].stamp = store.stamp()
    assert sync_vectors(store, indexes) == ["passage"]
    [(ids, vectors)] = store.vectors("passage")
    assert [i for i, _ in indexes["passage"].search(vectors[-1:], 1)] == [ids[-1]]
    assert len(indexes["passage"]) == store.count()["passages"] == 3


def test_an_emptied_store_empties_its_vector_indexes(store: SqliteStore) -> None:
    indexes = {view: NumpyVectors(HashEmbedder.dimension) for view in VIEWS}
    index(store, FERRY)
    sync_vectors(store, indexes)
    store.remove(["ferry"])
    sync_vectors(store, indexes)
    assert [len(found) for found in indexes.values()] == [0, 0]
    assert store.matching(Filters()) == []


def test_vectors_are_those_of_title_and_text(store: SqliteStore) -> None:
    index(store, BRIDGE)
    for view in VIEWS:
        [(_, vectors)] = store.vectors(view)
        assert np.array_equal(vectors, HashEmbedder().embed_documents(["Bridge shut. The bridge is shut."]))


def test_two_articles_of_one_run_with_one_id_are_named_and_the_later_one_stays(store: SqliteStore) -> None:
    first, second = (Article("1", title, f"{title} text.") for title in ("First feed", "Second feed"))
    report = index(store, first, second, second)
    assert [p.where for p in report.problems] == ["article 1"]
    assert [a.title for a in store.articles()] == ["Second feed"]
