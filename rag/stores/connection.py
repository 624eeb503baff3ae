"""The open index database: its format, its transactions, its errors. Layer: adapters."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import StoreError

SCHEMA_VERSION = 3
_LOCK_WAIT_S = 30.0


class Connection:
    """One SQLite file of the index's format. Reads may come from several threads and take turns; writes from one."""

    def __init__(self, path: Path) -> None:
        """Open or create the database. Raises StoreError when it is damaged, locked or of another version."""
        self._path = path
        self._reading = threading.Lock()
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
        """Also from earlier formats, which lack some tables: nothing is read or embedded again. Killed half-way, it is
        done again by whoever opens the file next."""
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript((Path(__file__).parent / "schema.sql").read_text("utf-8"))
        self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as exc:
            raise StoreError(self._reason(exc)) from exc
        except sqlite3.Error as exc:
            raise StoreError(f"{self._path} is damaged ({exc}): delete its folder and run `rag index` again") from exc

    def _reason(self, exc: sqlite3.OperationalError) -> str:
        """What went wrong, and what to do."""
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
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
    def _transaction(self, *, stamped: bool = True) -> Iterator[None]:
        """All or nothing; a new stamp when it commits, unless nothing that can be searched changes."""
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                if stamped:
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
