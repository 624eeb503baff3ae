"""Which articles are copies of one story, and which tell of one page. Layer: adapters."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rag.stores.provenance import Provenance

_GROUPING = "grouping"


class Stories(Provenance):
    """The tables `stories`, `story_keys` and `ungrouped`."""

    def grouping(self) -> str | None:
        """See `rag.ports.Store`, as for every method below."""
        found = self._one("SELECT value FROM state WHERE name = ?", _GROUPING)
        return str(found) if found else None

    def regroup(self, grouping: str) -> None:
        with self._transaction():
            for table in ("stories", "story_keys"):
                self._db.execute(f"DELETE FROM {table}")
            self._db.execute("INSERT OR IGNORE INTO ungrouped SELECT key FROM articles")
            self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (_GROUPING, grouping))

    def ungrouped(self, most: int) -> list[int]:
        return [key for (key,) in self._rows("SELECT article FROM ungrouped ORDER BY article LIMIT ?", most)]

    def story_candidates(self, keys: Sequence[int], most: int) -> list[int]:
        sql = """SELECT article FROM story_keys WHERE value IN (SELECT value FROM json_each(?))
                 GROUP BY article ORDER BY count(*) DESC, article LIMIT ?"""
        return [key for (key,) in self._rows(sql, json.dumps(list(keys)), most)]

    def group(self, article: int, first: int, keys: Sequence[int]) -> None:
        with self._transaction():
            self._db.execute("INSERT INTO stories VALUES (?, ?)", (article, first))
            if article == first:
                self._db.executemany("INSERT OR IGNORE INTO story_keys VALUES (?, ?)", ((k, article) for k in keys))
            self._db.execute("DELETE FROM ungrouped WHERE article = ?", (article,))

    def stories(self, keys: Sequence[int]) -> dict[int, int]:
        sql = "SELECT article, first FROM stories WHERE article IN (SELECT value FROM json_each(?))"
        return {**{key: key for key in keys}, **dict(self._rows(sql, json.dumps(list(keys))))}

    def copies(self, firsts: Sequence[int]) -> dict[int, list[int]]:
        sql = """SELECT first, article FROM stories WHERE first IN (SELECT value FROM json_each(?)) ORDER BY article"""
        found: dict[int, list[int]] = {first: [] for first in firsts}
        for first, article in self._rows(sql, json.dumps(list(firsts))):
            found[first].append(article)
        return {first: members or [first] for first, members in found.items()}

    def story_count(self) -> int:
        sql = "SELECT (SELECT count(DISTINCT first) FROM stories) + (SELECT count(*) FROM ungrouped)"
        return int(self._one(sql))

    def key_of(self, article_id: str) -> int | None:
        found = self._one("SELECT key FROM articles WHERE id = ?", article_id)
        return None if found is None else int(found)

    def same_page(self, article_id: str) -> list[int]:
        sql = """SELECT b.key FROM articles a JOIN articles b ON b.canonical = a.canonical AND b.key <> a.key
                 WHERE a.id = ? ORDER BY b.key"""
        return [key for (key,) in self._rows(sql, article_id)]

    def formats(self) -> dict[str, int]:
        sql = "SELECT coalesce(format, ''), count(*) FROM articles GROUP BY 1 ORDER BY 2 DESC, 1"
        return dict(self._rows(sql))
