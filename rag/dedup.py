"""Near-identical texts found together. Layer: pure."""

from __future__ import annotations

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
        self._seen: set[tuple[str, ...]] = set()
        self._originals: dict[int, frozenset[tuple[str, ...]]] = {}
        self.first: list[int] = []

    def add(self, words: Sequence[str]) -> int:
        """The position of the first text that the one of these words copies: its own where it copies none."""
        mine, position = lexical.runs(words), len(self.first)
        original = position
        # Most texts share no shingle with any other: one look at all of them together.
        if not mine.isdisjoint(self._seen):
            copied = (i for i, other in self._originals.items() if self._copies(mine, other))
            original = next(copied, position)
        if original == position:
            self._seen |= mine
            self._originals[position] = mine
        self.first.append(original)
        return original

    def _copies(self, mine: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> bool:
        return len(mine & other) / min(len(mine), len(other)) >= self._threshold
