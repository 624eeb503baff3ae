"""The open index database: its format, its transactions, its errors. Layer: adapters."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.articles import canonical_url, moment
from rag.errors import LockedError, StoreError, UsageError

SCHEMA_VERSION = 3
_LOCK_WAIT_S = 30.0
_SINCE_3 = {
    **dict.fromkeys("updated section byline moment canonical format".split(), "TEXT"),
    "inferred": "INTEGER NOT NULL DEFAULT 0",
}


def derived(url: str | None, published: str | None) -> tuple[str | None, str | None]:
    """The columns `moment` and `canonical` of an article with these."""
    try:
        when = moment(published) if published else None
    except UsageError:
        when = None
    try:
        return when, canonical_url(url) if url else None
    except UsageError:
        return when, None


def _locked(exc: sqlite3.OperationalError) -> bool:
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Connection:
    """One SQLite file of the index's format. Reads may come from several threads and take turns; writes from one."""

    def __init__(self, path: Path) -> None:
        """Open or create the database. Raises StoreError when it is damaged, locked or of another version."""
        self._path = path
        self._reading = threading.Lock()
        self._changed = False  # whether the open transaction changes what can be searched
        with self._translated():
            self._db = sqlite3.connect(path, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        with self._translated():
            self._db.execute("PRAGMA foreign_keys = ON")
            version = int(self._one("PRAGMA user_version"))
            if not 0 <= version <= SCHEMA_VERSION:
                raise StoreError(
                    f"{self._path} has index format {version}, this newsrag reads {SCHEMA_VERSION}: index anew"
                )
            if version < SCHEMA_VERSION:
                self._create()

    def _create(self) -> None:
        """Also from formats 1 and 2, which lack some tables and columns: nothing is read or embedded again. Killed
        half-way, it is done again by whoever opens the file next."""
        self._db.execute("PRAGMA journal_mode = WAL")
        with self._transaction(stamped=False):
            has = {name for _, name, *_ in self._db.execute("PRAGMA table_info (articles)")}
            if has and not has.issuperset(_SINCE_3):
                self._widen(has)
        self._db.executescript((Path(__file__).parent / "schema.sql").read_text("utf-8"))
        with self._transaction(stamped=False):
            sql = "SELECT key FROM articles WHERE key NOT IN (SELECT article FROM stories)"
            self._db.execute(f"INSERT OR IGNORE INTO ungrouped {sql}")
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _widen(self, has: set[str]) -> None:
        """Give the articles of an older index the columns that it lacks, filled in where the others tell them."""
        for name, kind in _SINCE_3.items():
            if name not in has:
                self._db.execute(f"ALTER TABLE articles ADD COLUMN {name} {kind}")
        rows = self._db.execute("SELECT key, url, published FROM articles").fetchall()
        told = ((*derived(url, published), key) for key, url, published in rows)
        self._db.executemany("UPDATE articles SET moment = ?, canonical = ? WHERE key = ?", told)

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as exc:
            raise (LockedError if _locked(exc) else StoreError)(self._reason(exc)) from exc
        except sqlite3.Error as exc:
            raise StoreError(f"{self._path} is damaged ({exc}): delete its folder and run `rag index` again") from exc

    def _reason(self, exc: sqlite3.OperationalError) -> str:
        """What went wrong, and what to do."""
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        if _locked(exc):
            return f"another process is writing to {self._path}: try again when it is done"
        if code == sqlite3.SQLITE_FULL:
            return f"no space left for {self._path}: free some and try again; what was committed before stays"
        if code == sqlite3.SQLITE_READONLY:
            return f"{self._path} or its folder is read-only: make both writable and try again"
        if code == sqlite3.SQLITE_CANTOPEN and self._path.exists():
            return f"cannot open {self._path}: it and its folder must be readable and writable"
        if code == sqlite3.SQLITE_IOERR:
            return f"the disk of {self._path} failed ({exc}): is it full or gone? What was committed before stays"
        return f"{self._path}: {exc}"

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `rag.ports.Store`."""
        with self._transaction(stamped=False):
            yield

    @contextmanager
    def _transaction(self, *, stamped: bool = True) -> Iterator[None]:
        """All or nothing; a new stamp when it commits, unless nothing that can be searched changes. Within another one
        it is a part of that."""
        if self._db.in_transaction:
            self._changed |= stamped
            yield
            return
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            self._changed = stamped
            try:
                yield
                if self._changed:
                    self._db.execute("INSERT OR REPLACE INTO state VALUES ('stamp', ?)", (secrets.token_hex(8),))
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk ends it by itself
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self._translated():
            self._db.execute("BEGIN")
        try:
            self.stamp()  # SQLite fixes what a transaction sees at its first read
            yield
        finally:
            self._db.execute("ROLLBACK")

    def _rows(self, sql: str, *parameters: Any) -> list[Any]:
        with self._reading, self._translated():
            return self._db.execute(sql, parameters).fetchall()

    def _one(self, sql: str, *parameters: Any) -> Any:
        rows = self._rows(sql, *parameters)
        return rows[0][0] if rows else None

    def stamp(self) -> str:
        """See `rag.ports.Store`."""
        return str(self._one("SELECT value FROM state WHERE name = 'stamp'") or "empty")
