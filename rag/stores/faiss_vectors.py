"""Vector search with FAISS. Layer: adapters. The file is derived from the store: damaged or stale, it is rebuilt."""

from __future__ import annotations

import json
import os
import threading
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from rag.errors import StoreError
from rag.ports import Ids, Vectors


class FaissVectors:
    """`rag.ports.VectorIndex`: exact inner-product search (IndexFlatIP), kept in one file beside a small manifest."""

    def __init__(self, path: Path, dimension: int) -> None:
        """Load the file if its manifest says it is whole; otherwise start empty, with no stamp."""
        self._path = path
        self._manifest = path.with_suffix(".json")
        self._dimension = dimension
        self._stamp: str | None = None
        self._index = _empty(dimension)
        self._load()

    def _load(self) -> None:
        try:
            manifest = json.loads(self._manifest.read_text("utf-8"))
            raw = self._path.read_bytes()
            if zlib.crc32(raw) != manifest["crc32"]:
                return
            stamp = str(manifest["stamp"])
            index = faiss.deserialize_index(np.frombuffer(raw, dtype=np.uint8))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):
            return
        if index.d == self._dimension:
            self._index, self._stamp = index, stamp

    @staticmethod
    def recorded_stamp(path: Path) -> str | None:
        """The stamp that the manifest of a file of the right size holds, without reading the vectors."""
        try:
            manifest = json.loads(path.with_suffix(".json").read_text("utf-8"))
            return str(manifest["stamp"]) if path.stat().st_size == manifest["bytes"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @staticmethod
    def remove_leftovers(folder: Path) -> None:
        """Delete the halves of files that killed processes left behind. Nobody else may be writing in the folder for
        more than a moment: what is younger than a minute stays."""
        for file in folder.glob(".*.faiss.*"):
            with suppress(OSError):
                if time.time() - file.stat().st_mtime > 60:
                    file.unlink()

    @property
    def stamp(self) -> str | None:
        """See `rag.ports.VectorIndex`, as for every method below."""
        return self._stamp

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def rebuild(self, stamp: str, batches: Iterable[tuple[Ids, Vectors]]) -> None:
        index = _empty(self._dimension)
        for ids, vectors in batches:
            index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)
        raw = faiss.serialize_index(index).tobytes()
        try:
            _replace(self._path, raw)
            # Written last: a manifest that matches means that the file is complete.
            manifest = {"stamp": stamp, "crc32": zlib.crc32(raw), "bytes": len(raw)}
            _replace(self._manifest, json.dumps(manifest).encode())
        except OSError as exc:
            raise StoreError(f"cannot write {self._path}: {exc.strerror}") from exc
        self._index, self._stamp = index, stamp

    def search(self, query: Vectors, k: int, allowed: Ids | None = None) -> list[tuple[int, float]]:
        if k < 1 or not len(self) or (allowed is not None and not len(allowed)):
            return []
        parameters = None
        if allowed is not None:
            selector = faiss.IDSelectorBatch(np.ascontiguousarray(allowed, dtype=np.int64))
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]  # its stubs lack it
        scores, ids = self._index.search(
            np.ascontiguousarray(query, dtype=np.float32), min(k, len(self)), params=parameters
        )
        # FAISS fills up a short result with the id -1.
        return [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0]


def _empty(dimension: int) -> Any:
    return faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))


def _replace(path: Path, content: bytes) -> None:
    """Write beside and rename, so that a reader sees the old file or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
