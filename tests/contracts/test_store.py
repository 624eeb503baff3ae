"""What every `rag.ports.Store` does; SQLite is the one there is."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import lexical
from rag.articles import fingerprint, normalise
from rag.chunking import lead, split_passages, titled
from rag.errors import StoreError
from rag.ports import VIEWS, Vectors, View
from rag.stores import connection
from rag.stores.sqlite import SqliteStore
from rag.types import Article, Filters, Passage, Span
from tests.doubles import HashEmbedder

EMBEDDER = HashEmbedder()
Item = tuple[Article, Sequence[Passage], Mapping[View, Vectors]]

FERRY = Article(
    "ferry", "Ferry sinks", "The ferry sank off Brenna. Twelve died.", source="The Courier", published="2025-03-08"
)
BRIDGE = Article(
    "bridge",
    "Bridge shut",
    "The bridge is shut. It may reopen in May.",
    source="Süddeutsche",
    published="2025-03-09T23:30:00-05:00",
)
UNDATED = Article(
    "undated", "Storm", "A storm came. It went.", "https://x.example/1", authors=("A. B.", "C"), language="en"
)


def item(article: Article) -> Item:
    """An article with everything that indexing gives the store: passages of about five words."""
    passages = split_passages(article, EMBEDDER.count_tokens, 5)
    bodies = [titled(article, p.text) for p in passages]
    views: Mapping[View, Vectors] = {
        "lead": EMBEDDER.embed_documents([lead(article, 9)]),
        "passage": EMBEDDER.embed_documents(bodies),
    }
    return article, passages, views


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "articles.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path)) as store:
        yield store


def key_of(store: SqliteStore, article: Article) -> int:
    """The store's key of an article: its place in an index that `put` them in this order."""
    return next(k for k, a in store.load(range(1, 50)).items() if a.id == article.id)


def everything(store: SqliteStore) -> object:
    """All that a reader can see, in a form that compares."""
    keys = store.matching(Filters())
    vectors = [(ids.tolist(), rows.tolist()) for view in VIEWS for ids, rows in store.vectors(view)]
    return store.facts(), store.stamp(), store.load(keys), store.passages(keys), vectors, store.count()


# ── what goes in comes out


def test_a_new_store_is_empty(store: SqliteStore) -> None:
    assert store.facts() == {}
    assert store.count() == {"articles": 0, "passages": 0, "sentences": 0}
    assert store.size() == 0
    assert list(store.articles()) == []
    assert list(store.vectors("passage")) == []
    assert store.lexical(["ferry"], 5, Filters()) == []


def test_articles_come_back_whole_and_in_the_order_they_came(store: SqliteStore) -> None:
    store.put([item(UNDATED), item(FERRY)])
    store.put([item(BRIDGE)])
    assert list(store.articles()) == [UNDATED, FERRY, BRIDGE]
    assert store.article("ferry") == FERRY
    assert store.article("none") is None
    assert store.count() == {"articles": 3, "passages": 5, "sentences": 6}
    assert store.size() == 3


def test_passages_come_back_with_their_offsets(store: SqliteStore) -> None:
    _, passages, _ = item(FERRY)
    store.put([item(BRIDGE), item(FERRY)])
    key = key_of(store, FERRY)
    assert [p for _, p in store.passages([key, 99])[key]] == list(passages)


def test_vectors_come_back_by_view_and_id(store: SqliteStore) -> None:
    store.put([item(FERRY), item(BRIDGE)])
    key = key_of(store, BRIDGE)
    ids = store.vector_ids("passage", [key])
    [(found, vectors)] = store.vectors("passage", [*ids, 999])
    assert found.tolist() == ids.tolist() == [i for i, _ in store.passages([key])[key]]
    assert np.array_equal(vectors, item(BRIDGE)[2]["passage"])
    assert store.owners("passage", ids.tolist()) == dict.fromkeys(ids.tolist(), key)
    [(leads, rows)] = store.vectors("lead")
    assert store.owners("lead", leads.tolist()) == {i: i for i in leads.tolist()}
    assert np.array_equal(rows[leads == key], item(BRIDGE)[2]["lead"])


def test_a_replaced_article_keeps_its_place_and_leaves_nothing_of_the_old(store: SqliteStore) -> None:
    store.put([item(FERRY), item(BRIDGE)])
    key = key_of(store, FERRY)
    changed = replace(FERRY, text="All were rescued.")
    store.put([item(changed)])
    assert list(store.articles()) == [changed, BRIDGE]
    assert key_of(store, changed) == key
    assert store.count() == {"articles": 2, "passages": 3, "sentences": 3}
    assert store.lexical(["twelve"], 5, Filters()) == []
    assert list(store.check()) == []


def test_removing_takes_all_that_belongs_to_an_article(store: SqliteStore) -> None:
    store.put([item(FERRY), item(BRIDGE)])
    assert store.remove(["ferry", "none"]) == 1
    assert list(store.articles()) == [BRIDGE]
    assert store.lexical(["ferry"], 5, Filters()) == []
    assert [len(ids) for view in VIEWS for ids, _ in store.vectors(view)] == [1, 2]
    assert list(store.check()) == []


def test_fingerprints_of_those_that_are_there(store: SqliteStore) -> None:
    store.put([item(FERRY)])
    assert store.fingerprints(["ferry", "none"]) == {"ferry": fingerprint(FERRY)}


def test_facts_are_replaced_as_a_whole(store: SqliteStore) -> None:
    store.set_facts({"embedder": "a", "dimension": "3"})
    store.set_facts({"embedder": "b"})
    assert store.facts() == {"embedder": "b"}


def test_the_stamp_changes_with_every_change_and_only_then(store: SqliteStore) -> None:
    stamps = [store.stamp()]
    store.put([item(FERRY)])
    stamps.append(store.stamp())
    store.remove(["ferry"])
    stamps.append(store.stamp())
    assert len(set(stamps)) == 3
    list(store.articles())
    store.lexical(["ferry"], 5, Filters())
    assert store.stamp() == stamps[-1]


@given(st.text(min_size=1).map(normalise).filter(str.strip))
def test_any_text_comes_back_unchanged(text: str) -> None:
    article = Article("x", text, text, source=text)
    with closing(SqliteStore(Path(":memory:"))) as store:
        store.put([item(article)])
        assert list(store.articles()) == [article]
        assert store.matching(Filters(source=text)) == [1]
        assert list(store.check()) == []


# ── filters


def test_outlets_are_named_once_each(store: SqliteStore) -> None:
    assert store.sources() == []
    store.put([item(FERRY), item(BRIDGE), item(UNDATED), item(replace(FERRY, id="again", text="Once more."))])
    assert store.sources() == ["Süddeutsche", "The Courier"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), 0),
        (Filters(source="the courier"), 0),
        (Filters(since=date(2025, 3, 8)), 2),
        (Filters(until=date(1999, 1, 1)), 2),
        (Filters(until=date(1999, 1, 1), source="the courier"), 1),
    ],
)
def test_articles_that_a_date_filter_leaves_out_for_having_none(
    store: SqliteStore, filters: Filters, expected: int
) -> None:
    store.put([item(FERRY), item(UNDATED), item(replace(FERRY, id="undated too", published=None))])
    assert store.undated(filters) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), ["bridge", "ferry", "undated"]),
        (Filters(source="the COURIER"), ["ferry"]),
        (Filters(source="SÜDDEUTSCHE"), ["bridge"]),
        (Filters(source="Courier"), []),
        (Filters(source="The%"), []),
        (Filters(since=date(2025, 3, 8)), ["bridge", "ferry"]),
        (Filters(until=date(2025, 3, 8)), ["ferry"]),
        (Filters(since=date(2025, 3, 10), until=date(2025, 3, 10)), ["bridge"]),  # in New York still the day before
        (Filters(since=date(2025, 3, 11)), []),
        (Filters(since=date(2025, 3, 8), source="the courier"), ["ferry"]),
    ],
)  # fmt: skip
def test_filters_keep_what_fits_and_dates_leave_out_the_undated(
    store: SqliteStore, filters: Filters, expected: list[str]
) -> None:
    store.put([item(FERRY), item(BRIDGE), item(UNDATED)])
    assert sorted(a.id for a in store.load(store.matching(filters)).values()) == expected
    found = store.load([k for k, _ in store.lexical(["sank", "shut", "storm"], 9, filters)])
    assert sorted(a.id for a in found.values()) == expected


# ── lexical search


def test_words_are_found_in_title_and_text_whatever_their_form(store: SqliteStore) -> None:
    store.put([item(FERRY), item(BRIDGE)])
    for word in ("FERRIES", "ferry", "sinking", "brenna"):
        assert [k for k, _ in store.lexical([word], 5, Filters())] == [key_of(store, FERRY)]


@pytest.mark.parametrize(
    "name",
    "Kılıçdaroğlu Kilicdaroglu Straße Strasse Ataş Özgür İzmir Ёлкин 서울 U.N. 1,400".split(),
)
def test_a_name_is_found_by_the_words_of_a_question(store: SqliteStore, name: str) -> None:
    written = {"Kilicdaroglu": "Kılıçdaroğlu", "Strasse": "Straße"}.get(name, name)
    store.put([item(FERRY), item(replace(BRIDGE, text=f"It said {written} had left on foot."))])
    words = lexical.content_words(f"Where is {name} now")
    assert [k for k, _ in store.lexical(words, 5, Filters())] == [key_of(store, BRIDGE)]
    assert store.document_frequency([lexical.stem(w) for w in words]) == {lexical.stem(w): 1 for w in words}


@pytest.mark.parametrize("term", ["\x00", *"NEAR OR AND NOT \" * ferry* title:ferry col: ( ^ferry - a:b ' ;--".split()])
def test_query_syntax_in_a_term_is_only_characters(store: SqliteStore, term: str) -> None:
    store.put([item(FERRY)])
    alone = store.lexical([term], 5, Filters())
    both = store.lexical([term, "sank"], 5, Filters())
    assert len(both) == 1
    assert len(alone) == (term in ("ferry*", "^ferry"))
    assert set(store.document_frequency([term])) == {term}


@given(st.lists(st.text(max_size=6), max_size=4))
def test_no_term_breaks_the_search(terms: list[str]) -> None:
    with closing(SqliteStore(Path(":memory:"))) as store:
        store.put([item(FERRY)])
        assert len(store.lexical([*terms, "ferry"], 5, Filters())) == 1
        store.document_frequency(terms)


def test_scores_are_those_of_bm25_best_first(store: SqliteStore) -> None:
    texts = ["oak oak elm", "oak", "elm ash", "fir fir fir fir fir fir oak", "ash", "fir", "yew yew", "elm", "elm elm"]
    titles = ["elm", "pine", "fir", "larch", "larch", "ash", "larch", "larch", "larch"]
    articles = [Article(str(i), t, x) for i, (t, x) in enumerate(zip(titles, texts, strict=True))]
    store.put([item(a) for a in articles])
    found = store.lexical(["oak", "ash"], 4, Filters())
    expected = _bm25([(a.title.split(), a.text.split()) for a in articles], ["oak", "ash"])[:4]
    assert [k for k, _ in found] == [k for k, _ in expected]
    assert [s for _, s in found] == pytest.approx([s for _, s in expected])


def _bm25(documents: list[tuple[list[str], list[str]]], terms: list[str]) -> list[tuple[int, float]]:
    """(key, score) best first, as SQLite has it: k1 1.2, b 0.75, rarity never below 0, a word of the title is three."""
    average = sum(len(t) + len(x) for t, x in documents) / len(documents)
    scores: dict[int, float] = {}
    for key, (title, text) in enumerate(documents, start=1):
        for term in terms:
            n = sum(term in t or term in x for t, x in documents)
            count = 3 * title.count(term) + text.count(term)
            rarity = max(1e-6, math.log((len(documents) - n + 0.5) / (n + 0.5)))
            length = 0.25 + 0.75 * (len(title) + len(text)) / average
            scores[key] = scores.get(key, 0.0) + rarity * count * 2.2 / (count + 1.2 * length)
    return sorted(((k, s) for k, s in scores.items() if s > 0), key=lambda ks: -ks[1])


# ── transactions, processes, damage


def test_a_batch_that_fails_in_the_middle_changes_nothing(store: SqliteStore) -> None:
    store.set_facts({"embedder": "a"})
    store.put([item(FERRY)])
    before = everything(store)
    article, passages, vectors = item(replace(FERRY, text="Changed."))
    short: Mapping[View, Vectors] = {"lead": vectors["lead"], "passage": vectors["passage"][:0]}
    with pytest.raises(ValueError, match="shorter"):
        store.put([item(BRIDGE), (article, passages, short)])
    assert everything(store) == before
    assert list(store.check()) == []


def test_a_reopened_store_has_everything(store: SqliteStore, path: Path) -> None:
    store.set_facts({"embedder": "a"})
    store.put([item(FERRY), item(UNDATED)])
    before = everything(store)
    store.close()
    with closing(SqliteStore(path)) as again:
        assert everything(again) == before


def test_another_connection_sees_what_was_committed(store: SqliteStore, path: Path) -> None:
    with closing(SqliteStore(path)) as reader:
        store.put([item(FERRY)])
        assert list(reader.articles()) == [FERRY]
        assert reader.stamp() == store.stamp()


def test_a_locked_database_is_one_line_that_says_what_to_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_LOCK_WAIT_S", 0.05)
    with closing(SqliteStore(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"^another process is writing to .*: try again when it is done$"):
            store.put([item(FERRY)])
        assert store.count()["articles"] == 0
        other.execute("ROLLBACK")
        store.put([item(FERRY)])
        assert store.count()["articles"] == 1


def test_a_damaged_file_is_one_line_that_says_what_to_do(path: Path) -> None:
    path.write_bytes(b"this is no database at all, " * 100)
    with pytest.raises(
        StoreError, match=r"^.*articles.sqlite is damaged \(.*\): delete its folder and run `rag index`"
    ):
        SqliteStore(path)


def test_a_file_damaged_in_the_middle_is_a_store_error(store: SqliteStore, path: Path) -> None:
    store.put([item(replace(FERRY, id=str(i))) for i in range(50)])
    store.close()
    raw = bytearray(path.read_bytes())
    raw[4096:] = b"\xaa" * (len(raw) - 4096)
    path.write_bytes(raw)
    with pytest.raises(StoreError, match="damaged"), closing(SqliteStore(path)) as damaged:
        list(damaged.articles())


def test_an_index_of_another_format_is_refused(store: SqliteStore, path: Path) -> None:
    store.close()
    change(path, "PRAGMA user_version = 7")
    with pytest.raises(StoreError, match="has index format 7, this newsrag reads 3: index anew"):
        SqliteStore(path)


def test_a_folder_that_is_not_there_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open"):
        SqliteStore(tmp_path / "none" / "articles.sqlite")


def change(path: Path, sql: str) -> None:
    """Change the database as another program could, without the store's care."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(sql)


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("DELETE FROM vectors_passage WHERE id = 2", "1 passages have no passage vector"),
        ("DELETE FROM vectors_lead", "2 articles have no lead vector"),
        ("UPDATE vectors_lead SET vector = zeroblob(128) WHERE id = 1", "lead vector 1 is not of unit length"),
        ("UPDATE vectors_lead SET vector = zeroblob(64) WHERE id = 1", "vectors of 2 different lengths"),
        ("UPDATE articles SET text = 'All is well.' || substr(text, 13) WHERE key = 1", "differs from its fingerprint"),
        ("UPDATE articles SET title = 'Another' WHERE key = 1", "lexical index does not match"),
        ("DELETE FROM articles_fts WHERE rowid = 1", "lexical index does not match"),
        ("UPDATE passages SET start = start + 1 WHERE key = 1", "a sentence lies outside it"),
        ("UPDATE passages SET start = start - 1 WHERE key = 2", "not its sentences"),
        ("UPDATE passages SET sentences = '[[3,26]]', start = 3 WHERE key = 1", "not its sentences"),
        ("UPDATE passages SET sentences = '[]' WHERE key = 1", "not its sentences"),
        ("UPDATE passages SET sentences = 'no json' WHERE key = 1", "article ferry: "),
        ("DELETE FROM passages WHERE key = 1", "not its sentences"),
        ("DELETE FROM articles WHERE key = 1", "belongs to no row of articles"),
    ],
)  # fmt: skip
def test_check_finds_damage_that_was_done_behind_our_back(
    store: SqliteStore, path: Path, sql: str, complaint: str
) -> None:
    store.put([item(FERRY), item(BRIDGE)])
    assert list(store.check()) == []
    store.close()
    change(path, sql)
    with closing(SqliteStore(path)) as damaged:
        assert any(complaint in line for line in damaged.check())


def test_vectors_of_different_lengths_are_never_read_as_others(store: SqliteStore, path: Path) -> None:
    store.put([item(FERRY), item(BRIDGE)])
    change(path, "UPDATE vectors_lead SET vector = zeroblob(64) WHERE id = 1")
    with pytest.raises(StoreError, match="different lengths"):
        list(store.vectors("lead"))


def test_offsets_count_characters_not_bytes(store: SqliteStore) -> None:
    article = replace(FERRY, text="Ataş ağladı 😀. Sonra 🚢 gitti.")
    store.put([item(article)])
    spans = [s for _, p in store.passages([1])[1] for s in p.sentences]
    assert spans == [Span(0, 14), Span(15, 29)]


def test_a_snapshot_does_not_see_what_others_commit_meanwhile(store: SqliteStore, path: Path) -> None:
    store.put([item(Article("first", "First", "One sentence."))])
    before = store.stamp()
    with closing(SqliteStore(path)) as writer, store.snapshot():
        writer.put([item(Article("second", "Second", "Another one."))])
        assert (store.size(), store.stamp()) == (1, before)
    assert store.size() == 2


# ── vectors of sentences


def test_sentence_vectors_come_back_nearly_as_they_were_and_go_with_their_passage(store: SqliteStore) -> None:
    store.put([item(FERRY), item(BRIDGE)])
    ferry, bridge = key_of(store, FERRY), key_of(store, BRIDGE)
    owners = store.without_sentences(99)
    assert sorted(set(owners.values())) == sorted((ferry, bridge))
    assert list(store.without_sentences(1)) == list(owners)[:1]
    vectors = {
        number: EMBEDDER.embed_documents([f"{number} {i}" for i in range(len(passage.sentences))])
        for own in store.passages([ferry, bridge]).values()
        for number, passage in own
    }
    stamp = store.stamp()
    store.put_sentences(vectors)
    assert (store.stamp(), store.without_sentences(99)) == (stamp, {})
    found = store.sentences([*vectors, 999], EMBEDDER.dimension)
    assert found.keys() == vectors.keys()
    for number, rows in found.items():
        assert rows.dtype == np.float32
        assert np.abs(rows - vectors[number]).max() < 0.005
        assert ((rows * vectors[number]).sum(axis=1) > 0.9999).all()
    assert list(store.check()) == []
    store.put([item(replace(FERRY, text="The ferry sank off Brenna. Thirteen died."))])
    store.remove(["bridge"])
    assert store.sentences(list(vectors), EMBEDDER.dimension) == {}
    assert set(store.without_sentences(99).values()) == {ferry}


def test_a_passage_with_too_few_sentence_vectors_breaks_an_invariant(store: SqliteStore) -> None:
    store.put([item(FERRY)])
    [number, *_] = store.without_sentences(1)
    store.put_sentences({number: EMBEDDER.embed_documents(["a", "b", "c", "d"])})
    assert list(store.check()) == ["1 passages have not one stored vector for each sentence"]
