"""Every invariant of the index database. Layer: adapters."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rag.articles import fingerprint
from rag.ports import VIEWS, Store
from rag.types import Article, Passage


def broken_invariants(store: Store, database: sqlite3.Connection) -> Iterator[str]:
    """One line for each invariant that does not hold. `database` is the store's own."""
    for (line,) in database.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield f"SQLite: {line}"
    for table, row, parent, _ in database.execute("PRAGMA foreign_key_check"):
        yield f"row {row} of {table} belongs to no row of {parent}"
    try:
        # Rank 1: compare with the articles too, not only within.
        database.execute("INSERT INTO articles_fts (articles_fts, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as exc:
        yield f"lexical index does not match the articles: {exc}"
    yield from _vectors(store, database)
    yield from _offsets(store, database)
    yield from _versions(database)
    yield from _stories(database)


def _one(database: sqlite3.Connection, sql: str) -> Any:
    return database.execute(sql).fetchone()[0]


def _vectors(store: Store, database: sqlite3.Connection) -> Iterator[str]:
    for view, table in zip(VIEWS, ("articles", "passages"), strict=True):
        sql = f"""SELECT count(*) FROM {table} t LEFT JOIN vectors_{view} v ON v.id = t.key WHERE v.id IS NULL"""
        if missing := _one(database, sql):
            yield f"{missing} {table} have no {view} vector"
    sizes = database.execute(
        "SELECT DISTINCT length(vector) FROM vectors_passage UNION SELECT length(vector) FROM vectors_lead"
    ).fetchall()
    if len(sizes) > 1:
        yield f"vectors of {len(sizes)} different lengths"
        return
    sql = """SELECT count(*) FROM vectors_sentence s JOIN passages p ON p.key = s.passage
             WHERE length(s.codes) != json_array_length(p.sentences) * (4 + ? / 4)"""
    if sizes and (odd_ones := database.execute(sql, sizes[0]).fetchone()[0]):
        yield f"{odd_ones} passages have not one stored vector for each sentence"
    for view in VIEWS:
        for ids, vectors in store.vectors(view):
            odd = ids[~(np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-3)]
            yield from (f"{view} vector {i} is not of unit length" for i in odd)


def _offsets(store: Store, database: sqlite3.Connection) -> Iterator[str]:
    """Making a Passage checks its offsets; a text changed behind our back shows as a stale fingerprint."""
    for key, article_id, stored in database.execute("SELECT key, id, fingerprint FROM articles").fetchall():
        try:
            article = store.load([key])[key]
            passages = [passage for _, passage in store.passages([key])[key]]
        except Exception as exc:  # a damaged row may break anything that reads it
            yield f"article {article_id}: {exc}"
            continue
        if fingerprint(article) != stored:
            yield f"article {article_id}: its text differs from its fingerprint"
        elif not _covered(article, passages):
            yield f"article {article_id}: its passages are not its sentences, one after the other"


def _covered(article: Article, passages: Sequence[Passage]) -> bool:
    """Whether the passages begin and end with their sentences, and the sentences leave out nothing but white space."""
    at = 0
    for i, passage in enumerate(passages):
        spans = passage.sentences
        if passage.ordinal != i or not spans or (spans[0].start, spans[-1].end) != (passage.start, passage.end):
            return False
        for start, end in spans:
            if start < at or article.text[at:start].strip():
                return False
            at = end
    return not article.text[at:].strip()


def _stories(database: sqlite3.Connection) -> Iterator[str]:
    """Each article waits or has a story; the first of a story is in it, and it alone has keys."""
    for trouble, where in (
        ("are in no story", "s.first IS NULL AND u.article IS NULL"),
        ("are in a story and wait for one", "s.first IS NOT NULL AND u.article IS NOT NULL"),
        ("are in a story whose first article is none of it", "s.first IS NOT NULL AND f.first IS NOT s.first"),
        ("are first in their story and have no keys", "s.first = a.key AND k.article IS NULL"),
        ("are copies and have keys", "s.first IS NOT a.key AND k.article IS NOT NULL"),
    ):
        sql = f"""SELECT count(*) FROM articles a LEFT JOIN stories s ON s.article = a.key
                  LEFT JOIN stories f ON f.article = s.first LEFT JOIN ungrouped u ON u.article = a.key
                  LEFT JOIN (SELECT DISTINCT article FROM story_keys) k ON k.article = a.key WHERE {where}"""
        if count := _one(database, sql):
            yield f"{count} articles {trouble}"


def _versions(database: sqlite3.Connection) -> Iterator[str]:
    sql = """SELECT a.id, group_concat(v.number), min(json_valid(v.fields)) FROM versions v
             JOIN articles a ON a.key = v.article GROUP BY v.article ORDER BY v.article"""
    for article_id, numbers, valid in database.execute(sql):
        if sorted(map(int, numbers.split(","))) != list(range(1, numbers.count(",") + 2)) or not valid:
            yield f"article {article_id}: its earlier versions are not whole"
