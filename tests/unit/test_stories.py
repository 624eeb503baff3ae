"""Copies grouped in the whole archive, as it grows, changes and shrinks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag import dedup, stories
from rag.indexing import index_articles
from rag.settings import Settings
from rag.stores.sqlite import SqliteStore
from rag.types import Article
from tests.copies import corpus
from tests.doubles import HashEmbedder

TEXTS = corpus()
WIRE = [
    Article(f"wire-{n}", f"Headline {n}", TEXTS[f"osterlay-bridge-wire-{n}"], source=f"Outlet {n}") for n in range(1, 6)
]
OTHER = Article("other", "Families", TEXTS["osterlay-bridge-1"], source="The Voice")
SETTINGS = Settings()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "articles.sqlite")) as opened:
        yield opened


def add(store: SqliteStore, *articles: Article) -> None:
    index_articles(articles, store, HashEmbedder(), SETTINGS)


def groups(store: SqliteStore) -> set[frozenset[str]]:
    """The ids of each story."""
    keys = {article.id: key for article in store.articles() if (key := store.key_of(article.id)) is not None}
    of = store.stories(list(keys.values()))
    ids = {key: article_id for article_id, key in keys.items()}
    found: dict[int, set[str]] = {}
    for key, first in of.items():
        found.setdefault(first, set()).add(ids[key])
    for first, members in store.copies(list(found)).items():
        assert {ids[key] for key in members} == found[first]
    assert not store.ungrouped(1)
    assert not list(store.check())
    return {frozenset(members) for members in found.values()}


ALL_WIRE = frozenset(article.id for article in WIRE)


def test_copies_are_one_story_whichever_way_they_come(store: SqliteStore) -> None:
    add(store, WIRE[2], OTHER)  # the one without its tail first
    add(store, *WIRE[3:])
    add(store, *WIRE[:2])
    assert groups(store) == {ALL_WIRE, frozenset(["other"])}


def test_only_new_articles_are_taken_apart(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, *WIRE[:3], OTHER)
    taken: list[str] = []
    keys = dedup.keys

    def counted(text: dedup.Text) -> tuple[int, ...]:
        taken.append(text.words[0])
        return keys(text)

    monkeypatch.setattr(dedup, "keys", counted)
    add(store, *WIRE)
    assert len(taken) == 2


def test_a_changed_article_leaves_its_story(store: SqliteStore) -> None:
    add(store, *WIRE, OTHER)
    add(store, replace(WIRE[1], text=WIRE[1].text.replace("killing seven people", "killing nine people")))
    assert groups(store) == {ALL_WIRE - {"wire-2"}, frozenset(["wire-2"]), frozenset(["other"])}
    add(store, WIRE[1])
    assert groups(store) == {ALL_WIRE, frozenset(["other"])}


def test_when_the_first_changes_or_goes_the_others_stay_together(store: SqliteStore) -> None:
    add(store, *WIRE, OTHER)
    add(store, replace(WIRE[0], text=OTHER.text))
    assert groups(store) == {ALL_WIRE - {"wire-1"}, frozenset(["wire-1", "other"])}
    with store.transaction():
        store.remove(["wire-2", "other"])
        stories.group(store)
    assert groups(store) == {ALL_WIRE - {"wire-1", "wire-2"}, frozenset(["wire-1"])}


def test_a_page_with_two_stories_joins_neither_to_the_other(store: SqliteStore) -> None:
    page = Article("page", "Today", f"{WIRE[0].text}\n\n{TEXTS['brenna-ferry-1']}")
    add(store, page, WIRE[0], Article("ferry", "Ferry", TEXTS["brenna-ferry-1"]))
    assert groups(store) == {frozenset(["page"]), frozenset(["wire-1"]), frozenset(["ferry"])}


def test_an_interrupted_grouping_is_finished_by_the_next_run(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stories, "group", lambda _: 0)
    add(store, *WIRE)
    assert store.ungrouped(9) == [1, 2, 3, 4, 5]
    assert store.stories([1, 2]) == {1: 1, 2: 2}
    monkeypatch.undo()
    add(store, OTHER)
    assert groups(store) == {ALL_WIRE, frozenset(["other"])}


def test_another_way_of_comparing_groups_anew(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, *WIRE)
    monkeypatch.setattr(dedup, "VERSION", "0")
    monkeypatch.setattr(dedup, "likeness", lambda a, b: 0.0)
    assert stories.group(store) == 5
    assert groups(store) == {frozenset([article.id]) for article in WIRE}
    assert store.grouping() == "0"


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        ("DELETE FROM stories WHERE article = 2", "1 articles are in no story"),
        ("INSERT INTO ungrouped VALUES (2)", "1 articles are in a story and wait for one"),
        (
            "UPDATE stories SET first = 3 WHERE article = 2",
            "1 articles are in a story whose first article is none of it",
        ),
        ("DELETE FROM story_keys", "1 articles are first in their story and have no keys"),
        ("INSERT INTO story_keys VALUES (5, 2)", "1 articles are copies and have keys"),
    ],
)
def test_the_check_finds_a_broken_story(store: SqliteStore, tmp_path: Path, damage: str, line: str) -> None:
    add(store, *WIRE)
    assert not list(store.check())
    with closing(sqlite3.connect(tmp_path / "articles.sqlite")) as database:
        database.executescript(damage)
    assert line in list(store.check())


def test_grouping_changes_the_stamp_only_when_there_is_something_to_group(store: SqliteStore) -> None:
    add(store, *WIRE)
    before = store.stamp()
    assert stories.group(store) == 0
    assert store.stamp() == before


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(range(5)), st.sampled_from(["add", "other", "remove"])), max_size=12))
def test_whatever_happened_the_stories_are_those_of_the_texts(tmp_path: Path, steps: list[tuple[int, str]]) -> None:
    path = tmp_path / "steps.sqlite"
    path.unlink(missing_ok=True)
    texts: dict[str, str] = {}
    with closing(SqliteStore(path)) as own:
        for number, step in steps:
            article = (
                WIRE[number]
                if step == "add"
                else replace(WIRE[number], text=f"{OTHER.text} Desk {'abcde'[number] * 3}.")
            )
            if step == "remove":
                with own.transaction():
                    own.remove([article.id])
                    stories.group(own)
                texts.pop(article.id, None)
            else:
                add(own, article)
                texts[article.id] = step
        wanted = {frozenset(i for i, t in texts.items() if t == kind) for kind in ("add", "other")} - {frozenset()}
        assert groups(own) == wanted
