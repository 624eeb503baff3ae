"""Near-identical texts found together. Layer: pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_SIZE = 5  # words of a shingle
_FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F)


class CopyGroups:
    """Texts in order, each with the first text it copies: one with most of its shingles, or most of whose it has, so
    that a copy with a trimmed tail counts too.

    Source: Broder, On the resemblance and containment of documents, 1997.
    """

    def __init__(self, threshold: float = 0.7) -> None:
        """`threshold`: least containment of a copy. Shingles are of five words: two reports of one event share names
        and phrases but few runs of five words."""
        self._threshold = threshold
        self._seen: set[int] = set()
        self._originals: dict[int, frozenset[int]] = {}
        self.first: list[int] = []

    def add(self, words: Sequence[str]) -> int:
        """The position of the first text that the one of these words copies: its own where it copies none."""
        mine, position = _shingles(words), len(self.first)
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

    def _copies(self, mine: frozenset[int], other: frozenset[int]) -> bool:
        return len(mine & other) / min(len(mine), len(other)) >= self._threshold


def _shingles(words: Sequence[str]) -> frozenset[int]:
    """Runs of five words as 64-bit numbers: a sum of the words' own hashes, each place with its factor. That two
    different runs meet in one number happens to one pair in 10^19. A shorter text is one shingle."""
    if len(words) < _SIZE:
        return frozenset((hash(tuple(words)),))
    hashes = np.fromiter(map(hash, words), np.int64, len(words)).view(np.uint64)
    count = len(words) - _SIZE + 1
    mixed = sum(hashes[i : i + count] * np.uint64(factor) for i, factor in enumerate(_FACTORS))
    return frozenset(np.asarray(mixed, dtype=np.uint64).tolist())
