"""Where articles come from, what they were before, and how they go for good. Layer: adapters."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rag.articles import fingerprint
from rag.stores.connection import Connection
from rag.types import Article, Origin, Version

_UNWIPED = "unwiped"


class Provenance(Connection):
    """The tables `origins` and `versions`, and the removal of articles from every table and file."""

    def note_origins(self, origins: Iterable[Origin]) -> None:
        """See `rag.ports.Store`, as for every method below."""
        sql = """INSERT INTO origins SELECT ?, ?, key FROM articles WHERE id = ?
                 ON CONFLICT DO UPDATE SET article = excluded.article WHERE article IS NOT excluded.article"""
        with self._transaction(stamped=False):
            self._db.executemany(sql, ((os.fsencode(o.path), o.given, o.article_id) for o in origins))

    def origins_in(self, path: str) -> dict[str, str]:
        sql = "SELECT o.given, a.id FROM origins o JOIN articles a ON a.key = o.article WHERE o.path = ?"
        return dict(self._rows(sql, os.fsencode(path)))

    def origins_of(self, article_id: str) -> list[str]:
        sql = "SELECT path FROM origins o JOIN articles a ON a.key = o.article WHERE a.id = ? ORDER BY path"
        return [os.fsdecode(path) for (path,) in self._rows(sql, article_id)]

    def origin_paths(self, root: str) -> list[str]:
        below = os.fsencode(os.path.join(root, ""))
        end = below[:-1] + bytes([below[-1] + 1])
        sql = "SELECT DISTINCT path FROM origins WHERE path = ? OR (path >= ? AND path < ?) ORDER BY path"
        return [os.fsdecode(path) for (path,) in self._rows(sql, os.fsencode(root), below, end)]

    def remove(self, article_ids: Sequence[str], gone: Iterable[tuple[str, str]] = ()) -> int:
        self._db.execute("PRAGMA secure_delete = ON")  # should the rewriting fail, what it frees is blank already
        with self._transaction(stamped=bool(article_ids)):
            sql = "DELETE FROM origins WHERE path = ? AND given = ?"
            self._db.executemany(sql, ((os.fsencode(path), given) for path, given in gone))
            sql = "SELECT key FROM articles WHERE id IN (SELECT value FROM json_each(?))"
            keys = json.dumps([key for (key,) in self._db.execute(sql, (json.dumps(list(article_ids)),))])
            for table in ("origins", "versions"):
                self._db.execute(f"DELETE FROM {table} WHERE article IN (SELECT value FROM json_each(?))", (keys,))
            sql = "DELETE FROM articles WHERE key IN (SELECT value FROM json_each(?))"
            removed = self._db.execute(sql, (keys,)).rowcount
            if removed:
                self._db.execute("INSERT OR REPLACE INTO state VALUES (?, 'files')", (_UNWIPED,))
        return removed

    def unwiped(self) -> bool:
        return bool(self._one("SELECT count(*) FROM state WHERE name = ?", _UNWIPED))

    def wipe(self) -> bool:
        if not self.unwiped():
            return True
        if self._one("SELECT value FROM state WHERE name = ?", _UNWIPED) == "files":
            with self._transaction(stamped=False):
                # FTS5 deletes by adding a note with the words in it; merging all its parts into one drops both.
                self._db.execute("INSERT INTO articles_fts (articles_fts) VALUES ('optimize')")
            with self._translated():
                self._db.execute("VACUUM")
            with self._transaction():
                self._db.execute("UPDATE state SET value = 'log' WHERE name = ?", (_UNWIPED,))
        if not self._log_emptied():
            return False
        with self._transaction(stamped=False):
            self._db.execute("DELETE FROM state WHERE name = ?", (_UNWIPED,))
        return True

    def _log_emptied(self) -> bool:
        """Whether the write-ahead log, with all that was ever in it, could be cut to nothing."""
        with self._translated():
            wait = self._db.execute("PRAGMA busy_timeout").fetchone()[0]
            self._db.execute("PRAGMA busy_timeout = 0")
            try:
                busy = self._db.execute("PRAGMA wal_checkpoint (TRUNCATE)").fetchone()[0]
            finally:
                self._db.execute(f"PRAGMA busy_timeout = {wait}")
        return not busy

    def _keep_version(self, key: int, old: Article, new: Article) -> None:
        """Within the transaction that replaces `old`, if that is a change."""
        if fingerprint(old) == fingerprint(new):
            return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        sql = """INSERT INTO versions SELECT ?, 1 + coalesce(max(number), 0), ?, ? FROM versions WHERE article = ?"""
        self._db.execute(sql, (key, now, json.dumps(asdict(old)), key))

    def versions(self, article_id: str) -> list[Version]:
        sql = """SELECT v.number, v.replaced, v.fields FROM versions v JOIN articles a ON a.key = v.article
                 WHERE a.id = ? ORDER BY v.number"""
        rows = self._rows(sql, article_id)
        return [Version(number, replaced, _article(json.loads(fields))) for number, replaced, fields in rows]

    def passage_counts(self, keys: Sequence[int]) -> dict[int, int]:
        sql = (
            "SELECT article, count(*) FROM passages WHERE article IN (SELECT value FROM json_each(?)) GROUP BY article"
        )
        return dict(self._rows(sql, json.dumps(list(keys))))


def _article(fields: Mapping[str, Any]) -> Article:
    return Article(**{**fields, "authors": tuple(fields["authors"])})
