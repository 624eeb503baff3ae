"""What is told of a cited story: copies, independent outlets, versions, corrections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rag import lexical
from rag.evidence import Query
from rag.indexing import index_articles
from rag.settings import Settings
from rag.standing import Standing
from rag.stores.sqlite import SqliteStore
from rag.types import Article, Citation, Evidence, Span
from tests.copies import corpus
from tests.doubles import HashEmbedder

TEXTS = corpus()
WIRE = [
    Article(
        f"wire-{n}", f"Headline {n}", TEXTS[f"osterlay-bridge-wire-{n}"], source=f"Outlet {n}", published="2025-12-09"
    )
    for n in range(1, 6)
]
CRACK = "The crack could have been seen with the naked eye for at least eight months"
FLOOD = Article(
    "flood", "Flood", "The river rose. Twelve people died in the flood at Marrowby. It rained.",
    "https://courier.example/flood", "The Courier", "2025-03-08",
)  # fmt: skip
QUERY = Query.of("How many people died in the flood at Marrowby?", {})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "articles.sqlite")) as opened:
        yield opened


def add(store: SqliteStore, *articles: Article) -> None:
    index_articles(articles, store, HashEmbedder(), Settings())


def evidence(article: Article, words: str) -> Evidence:
    start = article.text.index(words)
    signals = {"names_in_context": 1.0, "terms_in_context": 1.0}
    return Evidence(article, Span(start, start + len(words)), 1.0, signals)


def cited(store: SqliteStore, item: Evidence, *others: Evidence, supports: bool = False) -> Citation:
    standing = Standing(store, QUERY, [item, *others], lambda sentence, other: supports)
    return standing(Citation.of(item, 1), item)


def test_copies_are_counted_in_the_whole_archive_and_are_one_source(store: SqliteStore) -> None:
    add(store, *WIRE)
    told = cited(store, evidence(WIRE[2], CRACK), evidence(WIRE[0], CRACK), supports=True)
    assert told.copies == 4
    assert set(told.copy_outlets) == {article.source for article in WIRE}
    assert told.copy_outlets[0] == told.independent_outlets[0] == "Outlet 3"
    assert len(told.independent_outlets) == 1


def test_copies_of_another_story_are_one_source_too(store: SqliteStore) -> None:
    own = Article("own", "Own", f"{CRACK}, the Herald has learned from a diver.", source="Herald")
    add(store, *WIRE, own)
    told = cited(store, evidence(own, CRACK), *(evidence(article, CRACK) for article in WIRE), supports=True)
    assert (told.copies, told.independent_outlets) == (0, ("Herald", "Outlet 1"))


def test_a_copy_without_the_cited_words_is_not_counted(store: SqliteStore) -> None:
    add(store, *WIRE)
    told = cited(store, evidence(WIRE[0], "A temporary ferry has carried traffic across the river since March."))
    assert told.copies == 3
    assert "Outlet 3" not in told.copy_outlets


@pytest.mark.parametrize(
    ("source", "text", "supports", "outlets"),
    [
        ("The Voice", "A dam broke. The flood at Marrowby killed 12 people.", False, ("The Courier", "The Voice")),
        ("The Voice", "A dam broke. The flood at Marrowby killed 19 people.", False, ("The Courier",)),
        ("The Voice", "A dam broke. The flood at Marrowby was bad.", True, ("The Courier", "The Voice")),
        ("THE COURIER", "A dam broke. The flood at Marrowby killed 12 people.", True, ("The Courier",)),
        (None, "A dam broke. The flood at Marrowby killed 12 people.", True, ("The Courier",)),
    ],
)
def test_an_outlet_is_independent_that_tells_the_same_in_its_own_words(
    store: SqliteStore, source: str | None, text: str, supports: bool, outlets: tuple[str, ...]
) -> None:
    other = Article("other", "Dam", text, source=source)
    add(store, FLOOD, other)
    item, more = evidence(FLOOD, "Twelve people died in the flood at Marrowby."), evidence(other, text[13:])
    assert cited(store, item, more, supports=supports).independent_outlets == outlets


def test_an_update_that_changed_the_cited_words_is_told(store: SqliteStore) -> None:
    add(store, FLOOD)
    later = replace(FLOOD, text=FLOOD.text.replace("Twelve", "Nineteen"), updated="2025-03-10T08:00:00+01:00")
    add(store, later)
    told = cited(store, evidence(later, "Nineteen people died in the flood at Marrowby."))
    assert told.version == 2
    assert told.correction is not None
    assert (told.correction["kind"], told.correction["published"]) == ("changed", "2025-03-10T08:00:00+01:00")
    assert told.correction["text"] == "it said before: “Twelve people died in the flood at Marrowby.”"
    assert cited(store, evidence(later, "The river rose.")).correction is None
    assert cited(store, evidence(later, "The river rose.")).version == 2


def test_an_update_with_a_note_is_a_correction(store: SqliteStore) -> None:
    note = "Correction: An earlier version of this story gave a wrong number of deaths."
    add(store, FLOOD)
    later = replace(FLOOD, text=f"{FLOOD.text.replace('Twelve', 'Nine')}\n\n{note}")
    add(store, later)
    changed = cited(store, evidence(later, "Nine people died in the flood at Marrowby.")).correction
    assert changed is not None
    assert (changed["kind"], changed["version"]) == ("corrected", 2)
    other = cited(store, evidence(later, "The river rose.")).correction
    assert other == {"published": "2025-03-08", "text": note, "kind": "corrected"}
    assert cited(store, evidence(later, note)).correction is None


def test_a_later_article_at_the_same_address_corrects_an_earlier_one(store: SqliteStore) -> None:
    later = replace(
        FLOOD, id="flood-2", url="https://COURIER.example/flood/?utm_source=x", published="2025-03-09",
        text=f"This story has been corrected. {FLOOD.text.replace('Twelve', 'Nine')}",
    )  # fmt: skip
    add(store, FLOOD, later)
    told = cited(store, evidence(FLOOD, "Twelve people died in the flood at Marrowby.")).correction
    assert told is not None
    assert (told["kind"], told["published"], told["article_id"]) == ("corrected", "2025-03-09", "flood-2")
    assert told["text"] == "it now says: “Nine people died in the flood at Marrowby.”"


@pytest.mark.parametrize(
    ("published", "how"), [("2025-12-10", "says later"), ("2025-12-08", "said earlier"), ("2025-12-09", "says")]
)
def test_another_print_of_the_story_with_another_figure_is_told(store: SqliteStore, published: str, how: str) -> None:
    words = "Thirty-one people were injured."
    other = replace(WIRE[1], text=WIRE[1].text.replace("Thirty-one people", "Thirty-four people"), published=published)
    add(store, WIRE[0], other)
    item, more = evidence(WIRE[0], words), evidence(other, "Thirty-four people were injured.")
    told = cited(store, item, more).correction
    assert told is not None
    assert told["text"] == f"Outlet 2 {how}: “Thirty-four people were injured.”"
    assert (told["kind"], told["published"], told["article_id"]) == ("version", published, "wire-2")
    assert cited(store, evidence(WIRE[0], CRACK), more).correction is None


# Five hours behind UTC the 9th at 23:00 is later than the 10th at 01:00 in UTC.
BEHIND, UTC = "2025-12-09T23:00:00-05:00", "2025-12-10T01:00:00+00:00"


def test_prints_in_two_time_zones_are_told_apart_in_utc(store: SqliteStore) -> None:
    first = replace(WIRE[0], published=BEHIND)
    other = replace(WIRE[1], text=WIRE[1].text.replace("Thirty-one people", "Thirty-four people"), published=UTC)
    add(store, first, other)
    item, more = evidence(first, "Thirty-one people were injured."), evidence(other, "Thirty-four people were injured.")
    told = cited(store, item, more).correction
    assert told is not None
    assert told["text"].startswith("Outlet 2 said earlier: ")


@pytest.mark.parametrize(("mine", "its", "later"), [(UTC, BEHIND, True), (BEHIND, UTC, False)])
def test_which_article_of_an_address_is_later_is_told_in_utc(
    store: SqliteStore, mine: str, its: str, later: bool
) -> None:
    first = replace(FLOOD, published=mine)
    add(store, first, replace(FLOOD, id="flood-2", published=its, text=FLOOD.text.replace("Twelve", "Nine")))
    told = cited(store, evidence(first, "Twelve people died in the flood at Marrowby.")).correction
    assert (told is not None) == later


def test_typography_is_no_change(store: SqliteStore) -> None:
    first = replace(FLOOD, text=FLOOD.text.replace("in the flood", "in  the “flood”"))
    add(store, first)
    add(store, FLOOD)
    assert cited(store, evidence(FLOOD, "Twelve people died in the flood at Marrowby.")).correction is None


def test_an_article_that_is_gone_is_cited_as_it_was(store: SqliteStore) -> None:
    item = evidence(FLOOD, "The river rose.")
    assert cited(store, item) == Citation.of(item, 1)


def test_whole_texts_are_compared_only_where_the_cited_figures_differ(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a quotation's time once went into the names of texts that nothing was compared with."""
    add(store, FLOOD, *WIRE)
    read: list[str] = []
    whole = lexical.words

    def words(text: str) -> list[str]:
        read.append(text)
        return whole(text)

    monkeypatch.setattr(lexical, "words", words)
    monkeypatch.setattr(lexical, "names", lambda text: pytest.fail("no names are needed here"))
    item = evidence(FLOOD, "Twelve people died in the flood at Marrowby.")
    cited(store, item, *(evidence(other, CRACK) for other in WIRE))
    assert not {FLOOD.text, *(other.text for other in WIRE)} & set(read)
