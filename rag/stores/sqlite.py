"""The index database: SQLite with FTS5. Layer: adapters. The source of truth; everything else is derived from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rag.articles import fingerprint, published_day
from rag.errors import StoreError
from rag.ports import Ids, Vectors, View
from rag.stores.checking import broken_invariants
from rag.stores.connection import derived
from rag.stores.sentence_codes import SentenceCodes
from rag.stores.stories import Stories
from rag.types import Article, Filters, Passage, Span

_COLUMNS = (
    "id, title, text, url, source, published, authors, language, license, updated, section, byline, inferred, format"
)
_FIELDS = tuple(name.replace("inferred", "published_inferred") for name in _COLUMNS.split(", "))
_TITLE_WEIGHT, _TEXT_WEIGHT = 3.0, 1.0
_BATCH = 1024


class SqliteStore(Stories, SentenceCodes):
    """`rag.ports.Store` in one SQLite file. Reads may come from several threads and take turns; writes from one."""

    def facts(self) -> dict[str, str]:
        """See `rag.ports.Store`, as for every method below."""
        return dict(self._rows("SELECT name, value FROM facts"))

    def set_facts(self, facts: Mapping[str, str]) -> None:
        with self._transaction():
            self._db.execute("DELETE FROM facts")
            self._db.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())

    def put(self, batch: Sequence[tuple[Article, Sequence[Passage], Mapping[View, Vectors]]]) -> None:
        with self._transaction():
            for article, passages, vectors in batch:
                self._put_one(article, passages, vectors)

    def _put_one(self, article: Article, passages: Sequence[Passage], vectors: Mapping[View, Vectors]) -> None:
        day = published_day(article.published).isoformat() if article.published else None
        # An updated article keeps its key, and with it its place in the order of the archive.
        key = self._one("SELECT key FROM articles WHERE id = ?", article.id)
        if key is not None:
            self._keep_version(key, self.load([key])[key], article)
        self._db.execute("DELETE FROM articles WHERE key = ?", (key,))
        values = (article.id, article.title, article.text, article.url, article.source, article.published)
        more = (json.dumps(article.authors), article.language, article.license, article.updated, article.section)
        last = (article.byline, article.published_inferred, article.format, day, fingerprint(article))
        derivable = derived(article.url, article.published)
        sql = f"""INSERT INTO articles (key, {_COLUMNS}, day, fingerprint, moment, canonical)
                  VALUES ({",".join("?" * 19)})"""
        key = self._db.execute(sql, (key, *values, *more, *last, *derivable)).lastrowid
        self._db.execute("INSERT INTO vectors_lead VALUES (?, ?)", (key, _blob(vectors["lead"][0])))
        for passage, vector in zip(passages, vectors["passage"], strict=True):
            row = (key, passage.ordinal, passage.start, passage.end, json.dumps(passage.sentences))
            sql = "INSERT INTO passages (article, ordinal, start, stop, sentences) VALUES (?,?,?,?,?)"
            passage_key = self._db.execute(sql, row).lastrowid
            self._db.execute("INSERT INTO vectors_passage VALUES (?, ?)", (passage_key, _blob(vector)))

    def fingerprints(self, article_ids: Sequence[str]) -> dict[str, str]:
        sql = "SELECT id, fingerprint FROM articles WHERE id IN (SELECT value FROM json_each(?))"
        return dict(self._rows(sql, json.dumps(list(article_ids))))

    def size(self) -> int:
        return int(self._one("SELECT count(*) FROM articles INDEXED BY articles_day"))

    def count(self) -> dict[str, int]:
        return {
            "articles": self._one("SELECT count(*) FROM articles"),
            "passages": self._one("SELECT count(*) FROM passages"),
            "sentences": self._one("SELECT coalesce(sum(json_array_length(sentences)), 0) FROM passages"),
        }

    def articles(self) -> Iterator[Article]:
        last = -1
        while rows := self._rows(
            f"SELECT key, {_COLUMNS} FROM articles WHERE key > ? ORDER BY key LIMIT {_BATCH // 4}", last
        ):
            yield from (_article(row[1:]) for row in rows)
            last = rows[-1][0]

    def article(self, article_id: str) -> Article | None:
        rows = self._rows(f"SELECT {_COLUMNS} FROM articles WHERE id = ?", article_id)
        return _article(rows[0]) if rows else None

    def load(self, keys: Sequence[int]) -> dict[int, Article]:
        sql = f"SELECT key, {_COLUMNS} FROM articles WHERE key IN (SELECT value FROM json_each(?))"
        return {row[0]: _article(row[1:]) for row in self._rows(sql, json.dumps(list(keys)))}

    def passages(self, keys: Sequence[int]) -> dict[int, list[tuple[int, Passage]]]:
        listed = json.dumps(list(keys))
        sql = "SELECT key, id, text FROM articles WHERE key IN (SELECT value FROM json_each(?))"
        articles = {key: (name, text) for key, name, text in self._rows(sql, listed)}
        found: dict[int, list[tuple[int, Passage]]] = {key: [] for key in articles}
        sql = """SELECT article, key, ordinal, start, stop, sentences FROM passages
                 WHERE article IN (SELECT value FROM json_each(?)) ORDER BY article, ordinal"""
        for owner, key, ordinal, start, stop, sentences in self._rows(sql, listed):
            name, text = articles[owner]
            spans = tuple(map(Span._make, json.loads(sentences)))
            passage = Passage(name, ordinal, start, stop, text[start:stop], spans)
            found[owner].append((key, passage))
        return found

    def owners(self, view: View, ids: Sequence[int]) -> dict[int, int]:
        if view == "lead":
            return {i: i for i in ids}
        sql = "SELECT key, article FROM passages WHERE key IN (SELECT value FROM json_each(?))"
        return dict(self._rows(sql, json.dumps(list(ids))))

    def vectors(self, view: View, ids: Sequence[int] | None = None) -> Iterator[tuple[Ids, Vectors]]:
        if ids is not None:
            sql = f"SELECT id, vector FROM vectors_{view} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
            rows = self._rows(sql, json.dumps([int(i) for i in ids]))
            if rows:
                yield _matrix(rows)
            return
        last = -1
        while rows := self._rows(
            f"SELECT id, vector FROM vectors_{view} WHERE id > ? ORDER BY id LIMIT {_BATCH}", last
        ):
            yield _matrix(rows)
            last = rows[-1][0]

    def matching(self, filters: Filters) -> list[int]:
        where, parameters = self._where(filters)
        return [key for (key,) in self._rows(f"SELECT key FROM articles a WHERE {where} ORDER BY key", *parameters)]

    def sources(self) -> list[str]:
        # From each outlet to the next one: as many look-ups in the index as there are outlets, not articles.
        sql = """WITH RECURSIVE outlets (name) AS (
                   SELECT min(source) FROM articles
                   UNION ALL SELECT (SELECT min(source) FROM articles WHERE source > name) FROM outlets
                   WHERE name IS NOT NULL)
                 SELECT name FROM outlets WHERE name IS NOT NULL"""
        return [name for (name,) in self._rows(sql)]

    def undated(self, filters: Filters) -> int:
        if filters.since is None and filters.until is None:
            return 0
        where, parameters = self._where(Filters(source=filters.source))
        return int(self._one(f"SELECT count(*) FROM articles a WHERE a.day IS NULL AND {where}", *parameters))

    def vector_ids(self, view: View, keys: Sequence[int]) -> Ids:
        if view == "lead":
            return np.asarray(keys, dtype=np.int64)
        sql = "SELECT key FROM passages WHERE article IN (SELECT value FROM json_each(?)) ORDER BY key"
        return np.asarray([key for (key,) in self._rows(sql, json.dumps(list(keys)))], dtype=np.int64)

    def lexical(self, terms: Sequence[str], k: int, filters: Filters) -> list[tuple[int, float]]:
        if not terms:
            return []
        # Each term as a quoted string: FTS5 operators in a question are words like any other.
        query = " OR ".join(map(_phrase, terms))
        where, parameters = self._where(filters)
        # Without a filter no article needs to be looked at: less than half the time.
        join = "JOIN articles a ON a.key = f.rowid" if filters else ""
        sql = f"""SELECT f.rowid, -bm25(articles_fts, {_TITLE_WEIGHT}, {_TEXT_WEIGHT}) AS score
                  FROM articles_fts f {join}
                  WHERE articles_fts MATCH ? AND {where} ORDER BY score DESC, f.rowid LIMIT ?"""
        return [(key, float(score)) for key, score in self._rows(sql, query, *parameters, k)]

    def document_frequency(self, terms: Sequence[str]) -> dict[str, int]:
        return {term: self._frequency(term) for term in terms}

    def _frequency(self, term: str) -> int:
        if term.isalnum():
            return int(self._one("SELECT doc FROM vocabulary WHERE term = ?", term) or 0)
        # "2.7" and "u.n" are several words to FTS5: count where they stand together.
        return int(self._one("SELECT count(*) FROM articles_fts WHERE articles_fts MATCH ?", _phrase(term)))

    def _where(self, filters: Filters) -> tuple[str, list[str]]:
        """SQL condition on `articles a` and its parameters."""
        conditions = ["1"]
        parameters: list[str] = []
        for condition, value in (("a.day >= ?", filters.since), ("a.day <= ?", filters.until)):
            if value is not None:
                conditions.append(condition)
                parameters.append(value.isoformat())
        if filters.source is not None:
            # SQLite folds the case of ASCII letters only.
            wanted = filters.source.casefold()
            conditions.append("a.source IN (SELECT value FROM json_each(?))")
            parameters.append(json.dumps([outlet for outlet in self.sources() if outlet.casefold() == wanted]))
        return " AND ".join(conditions), parameters

    def check(self) -> Iterator[str]:
        with self._translated():
            yield from broken_invariants(self, self._db)


def _phrase(term: str) -> str:
    """A quoted FTS5 string: what is in it is never query syntax. A NUL would end it."""
    return '"{}"'.format(term.replace('"', '""').replace("\0", " "))


def _blob(vector: Vectors) -> bytes:
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def _matrix(rows: list[Any]) -> tuple[Ids, Vectors]:
    ids = np.asarray([row[0] for row in rows], dtype=np.int64)
    if len({len(row[1]) for row in rows}) > 1:
        raise StoreError("the stored vectors have different lengths: run `rag index --rebuild`")
    flat = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f4")
    return ids, flat.reshape(len(rows), -1).astype(np.float32, copy=False)


def _article(row: Any) -> Article:
    fields = dict(zip(_FIELDS, row, strict=True))
    return Article(**{**fields, "authors": tuple(json.loads(fields["authors"])), "published_inferred": bool(row[12])})
