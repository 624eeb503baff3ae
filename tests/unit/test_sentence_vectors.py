"""Where the vectors of sentences come from: never made twice, and not at all where they are stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from rag import sentence_vectors, wiring
from rag.candidates import gather
from rag.evidence import Candidate
from rag.indexing import index_articles
from rag.ports import Vectors
from rag.sentence_vectors import STORED_FROM, SentenceVectors, embed_missing, stored
from rag.settings import Settings
from rag.shelf import Shelf
from rag.stores.sqlite import SqliteStore
from rag.types import Article, Filters, Hit
from tests.doubles import HashEmbedder

ARTICLES = [
    Article(
        f"a{n}", f"Title {n}", " ".join(f"Sentence {n} number {i} says things about boats and sand." for i in range(9))
    )
    for n in range(3)
]
SETTINGS = Settings(passage_tokens=32)


class Counting(HashEmbedder):
    """Counts the documents that it is asked for."""

    made = 0

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.made += len(texts)
        return super().embed_documents(texts)


@pytest.fixture
def embedder() -> Counting:
    return Counting()


@pytest.fixture
def store(embedder: Counting) -> Iterator[SqliteStore]:
    with closing(SqliteStore(Path(":memory:"))) as store:
        index_articles(ARTICLES, store, embedder, SETTINGS)
        embedder.made = 0
        yield store


def candidates(store: SqliteStore) -> list[Candidate]:
    """Every sentence of every article."""
    shelf, keys = Shelf(store), store.matching(Filters())
    shelf.fetch(keys)
    hits = [Hit(key, shelf.article(key), shelf.passages(key)[0][1], 1.0) for key in keys]
    return gather(hits, shelf, {number: 0.5 for key in keys for number, _ in shelf.passages(key)})


def test_sentences_are_embedded_when_asked_for_and_only_once(store: SqliteStore, embedder: Counting) -> None:
    found, vectors = candidates(store), SentenceVectors(store, embedder)
    first = vectors.of(found)
    assert embedder.made == len(found) == 27
    assert np.array_equal(vectors.of(found[5:9]), first[5:9])
    assert embedder.made == 27


def test_stored_sentences_are_not_embedded_and_are_the_same(store: SqliteStore, embedder: Counting) -> None:
    found = candidates(store)
    made = SentenceVectors(store, embedder).of(found)
    told: list[int] = []
    assert embed_missing(store, embedder, told.append) == store.count()["passages"] == told[-1]
    embedder.made = 0
    stored = SentenceVectors(store, embedder).of(found[::-1])[::-1]
    assert embedder.made == 0
    assert ((made * stored).sum(axis=1) > 0.999).all()
    assert embed_missing(store, embedder) == 0


def test_what_came_in_since_is_embedded_beside_what_is_stored(store: SqliteStore, embedder: Counting) -> None:
    embed_missing(store, embedder)
    index_articles([Article("new", "New", "A new story. It has two sentences.")], store, embedder, SETTINGS)
    embedder.made = 0
    vectors = SentenceVectors(store, embedder).of(candidates(store))
    assert (vectors.shape, embedder.made) == ((29, embedder.dimension), 2)


def test_an_interrupted_run_goes_on_where_it_stopped(store: SqliteStore, embedder: Counting) -> None:
    some = list(store.without_sentences(2))
    sizes = {number: len(p.sentences) for own in store.passages([1, 2, 3]).values() for number, p in own}
    store.put_sentences({number: HashEmbedder().embed_documents(["x"] * sizes[number]) for number in some})
    embed_missing(store, embedder)
    assert embedder.made == 27 - sum(sizes[number] for number in some)


def test_only_big_archives_store_them_unless_told() -> None:
    assert [stored(setting, STORED_FROM) for setting in ("auto", "stored", "asked")] == [True, True, False]
    assert [stored(setting, STORED_FROM - 1) for setting in ("auto", "stored", "asked")] == [False, True, False]


def test_a_run_may_be_bounded_and_passes_over_what_is_stored(store: SqliteStore, embedder: Counting) -> None:
    passages = store.count()["passages"]
    first, *rest = store.without_sentences(passages)
    assert list(store.without_sentences(passages, first)) == rest
    assert embed_missing(store, embedder, most=0) == embedder.made == 0
    assert embed_missing(store, embedder, most=1) == passages  # a batch is stored whole


def test_an_archive_that_grew_big_gets_them_and_whoever_adds_to_it_waits_for_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedder: Counting
) -> None:
    file, folder, told = tmp_path / "a.jsonl", tmp_path / "index", list[str]()
    lines = [json.dumps({"id": a.id, "title": a.title, "text": a.text}) for a in ARTICLES]
    file.write_text("\n".join(lines), "utf-8")

    def index() -> int:
        return wiring.index_paths([str(file)], folder, SETTINGS, embedder=embedder, notice=told.append).sentences

    assert (index(), told) == (0, [])
    monkeypatch.setattr(sentence_vectors, "STORED_FROM", 2)
    monkeypatch.setattr(sentence_vectors, "_BATCH", 1)
    monkeypatch.setattr(wiring, "_MANY", 2)
    new = Article("new", "New", "A new story. It has two sentences.")
    assert wiring.add_articles([new], folder, SETTINGS, embedder).sentences == 1
    with wiring.open_store(folder) as opened:
        left = len(opened.without_sentences(99))
        passages = opened.count()["passages"]
    assert left == passages - 1
    assert (index(), len(told)) == (left, 1)
    assert (index(), len(told)) == (0, 1)
