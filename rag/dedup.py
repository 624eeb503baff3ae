"""Near-identical texts found together. Layer: pure."""

from __future__ import annotations

from collections.abc import Sequence

from rag import lexical


def containment(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> float:
    """Share of the smaller set's shingles that the other has too: a copy with a trimmed tail still scores near 1.

    Source: Broder, On the resemblance and containment of documents, 1997.
    """
    return len(a & b) / max(1, min(len(a), len(b)))


class CopyGroups:
    """Texts in order, each with the first text it copies."""

    def __init__(self, threshold: float = 0.7) -> None:
        """`threshold`: least containment of a copy. Shingles are of five words: two reports of one event share names
        and phrases but few runs of five words."""
        self._threshold = threshold
        self._originals: dict[int, frozenset[tuple[str, ...]]] = {}
        self.first: list[int] = []

    def add(self, words: Sequence[str]) -> int:
        """The position of the first text that the one of these words copies: its own where it copies none."""
        mine, position = lexical.runs(words), len(self.first)
        copied = (i for i, other in self._originals.items() if containment(mine, other) >= self._threshold)
        original = next(copied, position)
        if original == position:
            self._originals[position] = mine
        self.first.append(original)
        return original
