"""From a question to ranked articles, over real storage and with stand-in vectors."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from rag.errors import UsageError
from rag.indexing import index_articles, sync_vectors
from rag.linear import LinearModel
from rag.ports import VIEWS, Embedder, Vectors
from rag.retrieval import Retriever
from rag.settings import Settings
from rag.stores.faiss_vectors import FaissVectors
from rag.stores.sqlite import SqliteStore
from rag.types import Article, Filters, Hit, Passage, Span
from rag.wiring import load_linear
from tests.doubles import HashEmbedder, NumpyVectors

ANY = Filters()
PLAIN = LinearModel(0.0, {"terms": 1.0}, 0.5, "by hand")
WORDS = "boats pumps sand mud roofs cellars fields roads".split()
TODAY = date(2025, 11, 20)
SETTINGS = Settings(today=TODAY)
FLOOD = "The flood in Marrowby killed people, the council said."


def flood(name: str, published: str | None, more: str) -> Article:
    return Article(name, "Flood toll", f"{FLOOD} {more}", published=published)


OLD = flood(
    "old", "2025-03-04", "The toll is four, and the mayor spoke of a miracle. Schools stay shut until further notice."
)
MIDDLE = flood("middle", "2025-10-28", "The toll is nine, and divers search the lower town. Two bridges were lost.")
NEW = flood("new", "2025-11-19", "The toll is eleven, and the army sends pumps. Rain is forecast until Sunday.")
UNDATED = flood("undated", None, "The toll is five, and the river is still rising. A dam upstream is being watched.")
OTHER = Article("other", "Bridge shut", "The Osterlay bridge was shut. Rust was found.", source="Osterlay Echo")
COURIER = Article("courier", "Harvest", "The harvest was good.", source="The Ansel Courier", published="2025-10-01")


@contextmanager
def retriever(
    articles: Sequence[Article], settings: Settings = SETTINGS, embedder: Embedder | None = None
) -> Iterator[Retriever]:
    embedder = embedder or HashEmbedder()
    with closing(SqliteStore(Path(":memory:"))) as store:
        index_articles(articles, store, embedder, settings)
        vectors = {view: NumpyVectors(embedder.dimension) for view in VIEWS}
        sync_vectors(store, vectors)
        model = load_linear("ranking") if settings.fusion == "read" else None
        yield Retriever(store, vectors, embedder, settings, PLAIN, model)


class Alike(HashEmbedder):
    """All floods are one to it."""

    def _vector(self, text: str) -> Vectors:
        return super()._vector("flood" if "flood" in text.casefold() else text)


def names(hits: Sequence[Hit]) -> list[str]:
    return [hit.article.id for hit in hits]


# ── dates


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("What was the flood toll in Marrowby in March 2025?", "old"),
        ("What was the flood toll in Marrowby in October?", "middle"),
        ("What was the flood toll in Marrowby yesterday?", "new"),
        ("What was the flood toll in Marrowby three weeks ago?", "middle"),
        ("What is the latest flood toll in Marrowby?", "new"),
    ],
)
def test_of_stories_alike_the_one_of_the_time_asked_for_comes_first(question: str, first: str) -> None:
    with retriever([OLD, MIDDLE, NEW, UNDATED, OTHER], embedder=Alike()) as found:
        hits = found.search(question, 5, ANY)
    assert hits[0].article.id == first
    assert {"old", "middle", "new", "undated"} <= set(names(hits))  # a preference, no filter


def test_an_article_without_a_date_neither_gains_nor_loses_by_one() -> None:
    with retriever([OLD, UNDATED, OTHER]) as found:
        hits = {hit.article.id: hit for hit in found.search("the flood in Marrowby in March 2025", 5, ANY)}
    assert hits["undated"].parts["date"] == 0.0
    assert hits["old"].parts["date"] > 0.0


def test_today_is_a_setting_and_otherwise_the_real_day() -> None:
    with retriever([OLD], Settings()) as found:
        assert found.notes("last week", ANY).today == date.today()
    with retriever([OLD]) as found:
        assert found.notes("last week", ANY).periods == ((date(2025, 11, 10), date(2025, 11, 16)),)


def test_an_article_of_the_time_is_read_however_many_others_are_more_alike() -> None:
    crowd = [
        Article(
            f"flood-{n}", f"Flood {n}", f"{FLOOD} {' '.join(f'{word}{n}' for word in WORDS)}.", published="2020-01-01"
        )
        for n in range(60)
    ]
    wanted = Article("wanted", "Rain", f"{FLOOD} {'It rained on and on, day after day. ' * 20}", published="2025-10-28")
    settings = SETTINGS.model_copy(update={"candidates": 20})
    with retriever([*crowd, wanted], settings, Alike()) as found:
        assert "wanted" not in names(found.search("the flood in Marrowby", 10, ANY))
        assert names(found.search("the flood in Marrowby in October 2025", 10, ANY))[0] == "wanted"


# ── filters


def test_a_filter_that_keeps_one_in_a_thousand_gives_exactly_the_best_of_those(tmp_path: Path) -> None:
    """10,000 articles, 10 of them in the period: each view's ten are what exact search over these alone gives."""
    generator = np.random.default_rng(5)
    words = [f"word{n}" for n in range(50)]
    embedder = HashEmbedder()

    def unit(count: int) -> Vectors:
        rows = generator.standard_normal((count, embedder.dimension)).astype(np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    batch = []
    for n in range(10_000):
        text = " ".join(generator.choice(words, 12))
        day = date(2025, 1, 1) + timedelta(days=1000 if n % 1000 == 7 else n % 300)
        article = Article(str(n), f"Title {n}", text, published=day.isoformat())
        passage = Passage(article.id, 0, 0, len(text), text, (Span(0, len(text)),))
        batch.append((article, [passage], {"lead": unit(1), "passage": unit(1)}))
    filters = Filters(since=date(2025, 1, 1) + timedelta(days=1000))
    with closing(SqliteStore(Path(":memory:"))) as store:
        store.put(batch)  # type: ignore[arg-type]  # a dict of two literals
        kept = store.matching(filters)
        assert len(kept) == 10
        everything = store.lexical(words[:3], 10_000, ANY)
        assert store.lexical(words[:3], 10, filters) == [found for found in everything if found[0] in kept]
        query = unit(1)
        for view in VIEWS:
            index = FaissVectors(tmp_path / view, embedder.dimension)
            oracle = NumpyVectors(embedder.dimension)
            oracle.rebuild("x", store.vectors(view))
            index.rebuild("x", store.vectors(view))
            allowed = store.vector_ids(view, kept)
            exact, got = oracle.search(query, 10, allowed), index.search(query, 10, allowed)
            assert [i for i, _ in got] == [i for i, _ in exact]
            assert len(got) == 10


def test_an_unknown_outlet_is_an_error_that_names_the_nearest() -> None:
    with retriever([OTHER, COURIER]) as found:
        assert names(found.search("harvest", 5, Filters(source="the ansel courier"))) == ["courier"]
        with pytest.raises(UsageError, match=r"no article is from 'Ansel Curier': the nearest are The Ansel Courier"):
            found.search("harvest", 5, Filters(source="Ansel Curier"))
        with pytest.raises(UsageError, match="the nearest are The Ansel Courier"):
            found.search("harvest", 5, Filters(source="courier"))
        with pytest.raises(UsageError, match="there are Osterlay Echo, The Ansel Courier"):
            found.search("harvest", 5, Filters(source="ZDF"))
    with retriever([OLD]) as found, pytest.raises(UsageError, match="no article names its outlet"):
        found.search("flood", 5, Filters(source="ZDF"))


# ── what a hit says about itself


def test_the_parts_of_a_score_add_up_to_it() -> None:
    for fusion in ("read", "scores"):
        with retriever([OLD, NEW, UNDATED, OTHER], SETTINGS.model_copy(update={"fusion": fusion})) as found:
            for hit in found.search("the latest flood toll in Marrowby", 5, ANY):
                assert sum(hit.parts.values()) == pytest.approx(hit.score)
                assert set(hit.ranks) == set(hit.views) <= {"lexical", "lead", "passage"}
    with retriever([OLD, OTHER], SETTINGS.model_copy(update={"fusion": "ranks"})) as found:
        [first, _] = found.search("flood toll in Marrowby", 5, ANY)
        assert first.ranks["lexical"] == 1
        assert first.parts == {}


def test_notes_say_what_was_searched() -> None:
    with retriever([OLD, NEW, UNDATED, OTHER]) as found:
        notes = found.notes("the latest toll", Filters(since=date(2025, 11, 1)))
        assert (notes.searched, notes.undated, notes.latest, notes.periods) == (1, 2, True, ())
        assert found.notes("toll", ANY).searched == 4


def test_what_one_sentence_says_together_beats_the_same_words_apart() -> None:
    together = Article(
        "together", "Harbour", "The ferry Skua sank off Brenna at night. The crew was saved by a trawler."
    )
    apart = Article(
        "apart",
        "Harbour",
        "The ferry was late. The Skua is a ship. A trawler sank. Brenna slept. The ferry, the ferry.",
    )
    with retriever([apart, together, OTHER]) as found:
        assert names(found.search("When did the ferry Skua sink off Brenna?", 2, ANY))[0] == "together"


# ── any embedder


class TwoLanguages(HashEmbedder):
    """A multilingual model, as seen from here: what means the same has the same vector. It asks for prompts."""

    dimension = 48
    meanings = ("minister resign", "bakan istifa"), ("wheat price", "buğday fiyat")

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_query(self, text: str) -> Vectors:
        self.asked.append(text)
        return super().embed_query(text)

    def _vector(self, text: str) -> Vectors:
        for number, languages in enumerate(self.meanings):
            if any(all(word in text.casefold() for word in words.split()) for words in languages):
                return super()._vector(f"meaning {number}")
        return super()._vector(text)


def test_an_article_in_another_language_is_found_by_its_meaning() -> None:
    turkish = Article(
        "tr", "Bakan istifa etti", "Tarım bakanı Salı günü istifa etti. Yerine kimse atanmadı.", language="tr"
    )
    others = [replace(OTHER, id=f"other-{n}", text=f"{OTHER.text} It was bridge {n}.") for n in range(5)]
    embedder = TwoLanguages()
    with retriever([*others, turkish], embedder=embedder) as found:
        hits = found.search("Did the minister resign?", 3, ANY)
    assert hits[0].article == turkish
    assert "lexical" not in hits[0].ranks
    assert embedder.asked == ["Did the minister resign?"]


def test_words_are_counted_once_and_those_of_no_article_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with retriever([OLD, NEW]) as found:
        first, counted = found.rarity(["flood", "zzyzx", "flood"]), list[str]()
        count = found.store.document_frequency

        def counting(terms: Sequence[str]) -> dict[str, int]:
            counted.extend(terms)
            return count(terms)

        monkeypatch.setattr(found.store, "document_frequency", counting)
        assert found.rarity(["flood", "zzyzx"]) == first
        assert counted == ["zzyzx"]


def test_a_retriever_goes_with_its_last_user_and_waits_for_no_collector() -> None:
    gc.disable()
    try:
        with retriever([OLD, COURIER]) as found:
            for filters in (ANY, Filters(source="The Ansel Courier")):
                found.evidence(found.query(FLOOD), found.search(FLOOD, 5, filters))
            left = weakref.ref(found)
            del found
        assert left() is None
    finally:
        gc.enable()
