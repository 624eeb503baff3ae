"""Vector search with FAISS. Layer: adapters. The files are derived from the store: damaged or stale, they are rebuilt.

The vectors lie in one file, row after row, which is mapped into memory and not read: opening it costs nothing, and only
what is searched takes memory. A big archive has a second file, a FAISS index of smaller codes that says which rows are
worth comparing; what it finds is compared again by the rows themselves. docs/decisions/0053 says why.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rag.errors import StoreError
from rag.ports import Ids, Vectors
from rag.stores import vector_kinds

_BLOCK = 1 << 20  # bytes
_ROWS, _CODES, _MANIFEST = ".vectors", ".faiss", ".json"
_MORE = 100  # codes looked at beyond the k wanted, and half as many again as k


class _Rows(NamedTuple):
    """Vectors (n, dimension) with their ids (n,)."""

    ids: Ids
    vectors: Vectors


class FaissVectors:
    """`rag.ports.VectorIndex`: inner products, exact up to the size where `vector_kinds.choice` takes codes."""

    def __init__(self, path: Path, dimension: int, *, verify: bool = False) -> None:
        """Load the files of this name if their manifest says that they are whole; otherwise start empty, with no stamp.
        A file that was not touched since it was written is taken to be; `verify` reads every byte."""
        self._path, self._dimension, self._verify = path, dimension, verify
        self._stamp: str | None = None
        self._codes: Any = None
        self._take(_Rows(np.zeros(0, np.int64), np.zeros((0, dimension), np.float32)))
        self._load()

    def _take(self, rows: _Rows) -> None:
        self._rows = rows
        self._order = None if np.all(rows.ids[1:] >= rows.ids[:-1]) else np.argsort(rows.ids)

    def _load(self) -> None:
        try:
            manifest = _read_manifest(self._path)
            if manifest["dimension"] != self._dimension or not self._whole(_ROWS, manifest["rows"]):
                return
            codes = None
            if manifest["codes"] is not None:
                if not self._whole(_CODES, manifest["codes"]):
                    return
                codes = vector_kinds.read(self._path.with_suffix(_CODES))
                vector_kinds.set_effort(codes, manifest["effort"])
            rows = _mapped(self._path.with_suffix(_ROWS), manifest["count"], self._dimension)
            stamp = str(manifest["stamp"])
            if not self._whole(_ROWS, manifest["rows"]):  # replaced while it was being opened
                return
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):
            return
        self._codes, self._stamp = codes, stamp
        self._take(rows)

    def _whole(self, suffix: str, known: Any) -> bool:
        """Whether a file is what the manifest says."""
        path = self._path.with_suffix(suffix)
        stat = path.stat()
        if stat.st_size != known["bytes"]:
            return False
        if stat.st_mtime_ns == known["modified"] and not self._verify:
            return True
        return bool(_checksum(path) == known["crc32"])

    @staticmethod
    def recorded(path: Path) -> dict[str, Any] | None:
        """What the manifest says of files of the right size, without reading a vector: `stamp`, `kind`, `count`, and
        `recall` of codes against exact search; None where it says nothing."""
        try:
            manifest = _read_manifest(path)
            whole = path.with_suffix(_ROWS).stat().st_size == manifest["rows"]["bytes"]
            return {name: manifest[name] for name in ("stamp", "kind", "count", "recall")} if whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @staticmethod
    def remove_leftovers(folder: Path) -> None:
        """Delete the halves of files that killed processes left behind. Nobody else may be writing in the folder for
        more than a moment: what is younger than a minute stays."""
        for file in (f for suffix in (_ROWS, _CODES, _MANIFEST) for f in folder.glob(f".*{suffix}.*")):
            with suppress(OSError):
                if time.time() - file.stat().st_mtime > 60:
                    file.unlink()

    @property
    def stamp(self) -> str | None:
        """See `rag.ports.VectorIndex`, as for every method below."""
        return self._stamp

    def __len__(self) -> int:
        return len(self._rows.ids)

    def rebuild(self, stamp: str, batches: Iterable[tuple[Ids, Vectors]]) -> None:
        rows_file, codes_file = (_temporary(self._path.with_suffix(suffix)) for suffix in (_ROWS, _CODES))
        try:
            count = _write_rows(rows_file, batches)
            rows = _mapped(rows_file, count, self._dimension)
            codes, effort, facts = vector_kinds.coded(rows.vectors)
            if codes is not None:
                vector_kinds.write(codes, codes_file)
            manifest = {
                "stamp": stamp, "dimension": self._dimension, "count": count, "effort": effort, **facts,
                "rows": _described(rows_file), "codes": None if codes is None else _described(codes_file),
            }  # fmt: skip
            os.replace(rows_file, self._path.with_suffix(_ROWS))
            if codes is None:
                self._path.with_suffix(_CODES).unlink(missing_ok=True)
            else:
                os.replace(codes_file, self._path.with_suffix(_CODES))
            # Written last: a manifest that matches means that the files are complete.
            _replace(self._path.with_suffix(_MANIFEST), json.dumps(manifest).encode())
        except OSError as exc:
            raise StoreError(f"cannot write {self._path.with_suffix(_ROWS)}: {exc.strerror or exc}") from exc
        finally:
            for file in (rows_file, codes_file):
                with suppress(OSError):  # `remove_leftovers` does it later
                    file.unlink(missing_ok=True)
        self._codes, self._stamp = codes, stamp
        self._take(rows)

    def search(self, query: Vectors, k: int, allowed: Ids | None = None) -> list[tuple[int, float]]:
        ids, vectors = self._rows
        if k < 1 or not len(self) or (allowed is not None and not len(allowed)):
            return []
        query = np.ascontiguousarray(query, dtype=np.float32)
        if allowed is not None:
            places = self._places(allowed)
            # Rows here and there are copied; where most are wanted, all are compared where they lie.
            scores = vectors[places] @ query[0] if 4 * len(places) < len(self) else (vectors @ query[0])[places]
        elif self._codes is not None:
            found = self._codes.search(query, min(k + k // 2 + _MORE, len(self)))[1][0]
            places = found[found >= 0]  # FAISS fills up a short result with -1
            scores = vectors[places] @ query[0]
        else:
            exact, found = vector_kinds.exact(query, vectors, min(k, len(self)))
            places, scores = found[0], exact[0]
        best = np.lexsort((ids[places], -scores))[:k]
        return list(zip(ids[places[best]].tolist(), scores[best].tolist(), strict=True))

    def _places(self, wanted: Ids) -> Ids:
        """Where these ids lie; unknown ones are left out."""
        at = np.minimum(np.searchsorted(self._rows.ids, wanted, sorter=self._order), len(self) - 1)
        at = at if self._order is None else self._order[at]
        return np.unique(at[self._rows.ids[at] == wanted])


def _read_manifest(path: Path) -> Any:
    return json.loads(path.with_suffix(_MANIFEST).read_text("utf-8"))


def _write_rows(path: Path, batches: Iterable[tuple[Ids, Vectors]]) -> int:
    """The vectors, then their ids; how many. No more than a batch is in memory."""
    known: list[Ids] = []
    with path.open("wb") as file:
        for ids, vectors in batches:
            file.write(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
            known.append(ids)
        file.write(np.concatenate([np.zeros(0, np.int64), *known]).astype("<i8").tobytes())
    return sum(map(len, known))


def _mapped(path: Path, count: int, dimension: int) -> _Rows:
    """The rows where they lie in the file. Windows cannot replace a file that is mapped: there they are read."""
    with path.open("rb") as file:
        if not count:
            return _Rows(np.zeros(0, np.int64), np.zeros((0, dimension), np.float32))
        file.seek(4 * count * dimension)
        ids = np.frombuffer(file.read(8 * count), dtype="<i8")
        file.seek(0)
        if sys.platform == "win32":
            flat = np.fromfile(file, dtype="<f4", count=count * dimension)
        else:
            flat = np.asarray(np.memmap(file, dtype="<f4", mode="r", shape=(count * dimension,)))
    return _Rows(ids.astype(np.int64, copy=False), flat.reshape(count, dimension))


def _described(path: Path) -> dict[str, int]:
    stat = path.stat()
    return {"bytes": stat.st_size, "crc32": _checksum(path), "modified": stat.st_mtime_ns}


def _checksum(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            crc = zlib.crc32(block, crc)
    return crc


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")


def _replace(path: Path, content: bytes) -> None:
    """Write beside and rename, so that a reader sees the old file or the new one, never a part."""
    temporary = _temporary(path)
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
