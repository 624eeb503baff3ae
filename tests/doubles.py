"""Stand-ins for models and vector search: deterministic, instant, held to the same contracts as the real ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from rag.ports import Ids, Vectors
from rag.types import Message, Reading


class HashEmbedder:
    """Unit vectors drawn from a generator that the text seeds: equal texts are equal, others almost orthogonal."""

    name = "hash"
    digest = hashlib.sha256(b"hash").hexdigest()
    dimension = 32
    max_tokens = 256

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._vector(t) for t in texts]) if texts else np.zeros((0, self.dimension), np.float32)

    def embed_query(self, text: str) -> Vectors:
        return self.embed_documents([text])

    def _vector(self, text: str) -> Vectors:
        read = " ".join(text.split()[: self.max_tokens])
        seed = int.from_bytes(hashlib.sha256(read.encode()).digest())
        vector = np.random.default_rng(seed).standard_normal(self.dimension)
        return (vector / np.linalg.norm(vector)).astype(np.float32)


class ScriptedLLM:
    """Says what it was given, one queued answer for each call, word by word; keeps the calls and which were closed."""

    name = "scripted"

    def __init__(self, *answers: str, context_tokens: int = 2048) -> None:
        self.answers = list(answers)
        self.context_tokens = context_tokens
        self.calls: list[list[Message]] = []
        self.finished: list[bool] = []

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        self.calls.append(list(messages))
        self.finished.append(False)
        words = self.answers.pop(0).split(" ")[:max_tokens]
        self._interrupted = False
        for i, word in enumerate(words):
            if self._interrupted:
                return
            yield word if i == 0 else f" {word}"
        self.finished[-1] = True

    def interrupt(self) -> None:
        self._interrupted = True


class PointingReader:
    """Reads the first sentence with these words as the one that answers; keeps what it was sent."""

    name = "pointing"

    def __init__(self, words: str, context_tokens: int = 2048) -> None:
        self._words = words
        self.context_tokens = context_tokens
        self.calls: list[list[Message]] = []
        self.read_sentences: list[list[str]] = []

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def read(self, messages: Sequence[Message], opening: str, sentences: Sequence[str], none: str) -> Reading:
        self.calls.append(list(messages))
        self.read_sentences.append(list(sentences))
        at = next((i for i, s in enumerate(sentences) if self._words in s), 0)
        return Reading(self._words, -1.0, -5.0, tuple(-0.1 if i == at else -5.0 for i in range(len(sentences))))


class NumpyVectors:
    """Exact search by one matrix product: the oracle of every other vector index."""

    def __init__(self, dimension: int) -> None:
        self.stamp: str | None = None
        self._ids: Ids = np.zeros(0, np.int64)
        self._vectors: Vectors = np.zeros((0, dimension), np.float32)

    def __len__(self) -> int:
        return len(self._ids)

    def rebuild(self, stamp: str, batches: Iterable[tuple[Ids, Vectors]]) -> None:
        parts = list(batches)
        self._ids = np.concatenate([self._ids[:0], *(ids for ids, _ in parts)])
        self._vectors = np.concatenate([self._vectors[:0], *(vectors for _, vectors in parts)])
        self.stamp = stamp

    def search(self, query: Vectors, k: int, allowed: Ids | None = None) -> list[tuple[int, float]]:
        kept = np.arange(len(self)) if allowed is None else np.flatnonzero(np.isin(self._ids, allowed))
        scores = self._vectors[kept] @ query[0]
        best = np.lexsort((self._ids[kept], -scores))[: max(0, k)]
        return [(int(self._ids[kept[i]]), float(scores[i])) for i in best]
