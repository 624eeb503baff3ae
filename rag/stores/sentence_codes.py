"""The stored vectors of sentences, eight bits a number. Layer: adapters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from rag.ports import Vectors
from rag.stores.connection import Connection

_SCALE = 4  # bytes before each vector: the float32 that its numbers are multiples of
_MOST = 127


class SentenceCodes(Connection):
    """The table `vectors_sentence`: one row for each passage, its sentences one after the other."""

    def put_sentences(self, vectors: Mapping[int, Vectors]) -> None:
        """See `rag.ports.Store`, as for every method below."""
        with self._transaction(stamped=False):
            rows = ((key, _coded(own)) for key, own in vectors.items())
            self._db.executemany("INSERT OR REPLACE INTO vectors_sentence VALUES (?, ?)", rows)

    def without_sentences(self, most: int, after: int = -1) -> dict[int, int]:
        sql = """SELECT p.key, p.article FROM passages p LEFT JOIN vectors_sentence v ON v.passage = p.key
                 WHERE p.key > ? AND v.passage IS NULL ORDER BY p.key LIMIT ?"""
        return dict(self._rows(sql, after, most))

    def sentences(self, passages: Sequence[int], dimension: int) -> dict[int, Vectors]:
        sql = "SELECT passage, codes FROM vectors_sentence WHERE passage IN (SELECT value FROM json_each(?))"
        return {key: _decoded(codes, dimension) for key, codes in self._rows(sql, json.dumps(list(passages)))}


def _coded(vectors: Vectors) -> bytes:
    """Each row as its scale and whole numbers from -127 to 127."""
    scales = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-9).astype("<f4") / np.float32(_MOST)
    numbers = np.round(vectors / scales).astype(np.int8)
    return np.hstack([scales.astype("<f4").view(np.int8), numbers]).tobytes()


def _decoded(codes: bytes, dimension: int) -> Vectors:
    rows = np.frombuffer(codes, dtype=np.int8).reshape(-1, _SCALE + dimension)
    scales = np.ascontiguousarray(rows[:, :_SCALE]).view("<f4")
    vectors = rows[:, _SCALE:] * scales
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
