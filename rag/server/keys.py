"""API keys: made, listed and revoked by `rag keys`, checked by the server. Layer: faces.

A key is `newsrag_ID_SECRET`. The file holds the SHA-256 of the whole: a secret of 32 random bytes cannot be guessed, so
a slow hash would add nothing. A revoked key stays in the file, so that the list tells when it was revoked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from rag.errors import StoreError, UsageError

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""Each includes those before it: asking, changing articles, seeing how the server does."""
KEYS_FILE = "keys.json"
_LOCK_WAIT_S = 5.0
_NOBODY = hashlib.sha256(b"").hexdigest()


class Key(BaseModel):
    """One key, without its secret. Times are ISO 8601."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    name: str
    scope: Scope
    sha256: str
    created: str
    revoked: str | None = None

    def allows(self, needed: Scope) -> bool:
        """Whether its scope includes the needed one."""
        return SCOPES.index(self.scope) >= SCOPES.index(needed)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    keys: list[Key]


class KeyRing:
    """The keys of one file, read again when it changes. Raises StoreError when the file cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._keys: dict[str, Key] = {}

    def exists(self) -> bool:
        """Whether keys were ever made: from then on they are asked for, even when all are revoked."""
        return self.path.exists()

    def all(self) -> list[Key]:
        """Every key, the oldest first."""
        try:
            found = self.path.stat()
            state = (found.st_mtime_ns, found.st_size, found.st_ino)
            if state != self._seen:
                keys = _File.model_validate_json(self.path.read_bytes()).keys
                self._keys, self._seen = {key.id: key for key in keys}, state
        except FileNotFoundError:
            self._keys, self._seen = {}, None
        except OSError as exc:
            raise StoreError(f"cannot read the API keys in {self.path}: {exc.strerror}") from exc
        except ValidationError as exc:
            raise StoreError(f"{self.path} holds no API keys: repair it, or delete it and make new keys") from exc
        return list(self._keys.values())

    def active(self) -> list[Key]:
        """The keys that are not revoked."""
        return [key for key in self.all() if not key.revoked]

    def check(self, token: str) -> Key | None:
        """The active key that this is. Takes the same time for a wrong secret as for an unknown or a revoked key."""
        self.all()
        key = self._keys.get(token.split("_")[1] if token.count("_") >= 2 else "")
        fits = hmac.compare_digest(_digest(token), key.sha256 if key else _NOBODY)
        return key if key and fits and not key.revoked else None

    def add(self, name: str, scope: Scope) -> tuple[Key, str]:
        """A new key, and the token that is never seen again. Raises UsageError for a name that is no name."""
        name = " ".join(name.split())
        if not name or len(name) > 80 or not name.isprintable():
            raise UsageError("the name of a key is 1 to 80 printable characters: say who or what will use it")
        key_id = secrets.token_hex(4)
        token = f"newsrag_{key_id}_{secrets.token_urlsafe(32)}"
        key = Key(id=key_id, name=name, scope=scope, sha256=_digest(token), created=_now())
        with self._locked():
            self._write([*self.all(), key])
        return key, token

    def revoke(self, key_id: str) -> Key:
        """Revoke one, for a running server too. Raises UsageError where there is none of this id."""
        with self._locked():
            keys = self.all()
            key = next((key for key in keys if key.id == key_id), None)
            if key is None:
                raise UsageError(f"there is no key {key_id!r}: `rag keys list` shows their ids")
            if not key.revoked:
                key = key.model_copy(update={"revoked": _now()})
                self._write([key if other.id == key_id else other for other in keys])
        return key

    def _write(self, keys: list[Key]) -> None:
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        text = json.dumps({"keys": [key.model_dump() for key in keys]}, indent=1)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.replace(temporary, self.path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time: a revocation must not be lost to a key that is made at the same moment."""
        lock = self.path.with_name(f".{self.path.name}.lock")
        until = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
                break
            except FileExistsError as exc:
                if time.monotonic() > until:
                    raise StoreError(f"another `rag keys` is at work; if there is none, delete {lock}") from exc
                time.sleep(0.05)
            except OSError as exc:
                raise StoreError(f"cannot write {self.path}: {exc.strerror}") from exc
        try:
            yield
        except OSError as exc:
            raise StoreError(f"cannot write {self.path}: {exc.strerror}") from exc
        finally:
            lock.unlink(missing_ok=True)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", errors="replace")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
