"""Near-identical texts found together. Layer: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rag import lexical


class CopyGroups:
    """Texts in order, each with the first text it copies: one with most of its shingles, or most of whose it has, so
    that a copy with a trimmed tail counts too.

    Source: Broder, On the resemblance and containment of documents, 1997.
    """

    def __init__(self, threshold: float = 0.7) -> None:
        """`threshold`: least containment of a copy. Shingles are of five words: two reports of one event share names
        and phrases but few runs of five words."""
        self._threshold = threshold
        self._having: dict[tuple[str, ...], list[int]] = {}
        self._sizes: dict[int, int] = {}
        self.first: list[int] = []

    def add(self, words: Sequence[str]) -> int:
        """The position of the first text that the one of these words copies: its own where it copies none."""
        mine, position = lexical.runs(words), len(self.first)
        # Only texts that share a shingle can be copies: the work grows with what is shared, not with all pairs.
        shared = Counter(i for shingle in mine for i in self._having.get(shingle, ()))
        copied = (i for i in sorted(shared) if shared[i] / min(len(mine), self._sizes[i]) >= self._threshold)
        original = next(copied, position)
        if original == position:
            self._sizes[position] = len(mine)
            for shingle in mine:
                self._having.setdefault(shingle, []).append(position)
        self.first.append(original)
        return original
