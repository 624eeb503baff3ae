"""Near-identical texts found together. Layer: pure."""

from __future__ import annotations

from collections.abc import Sequence

from rag import lexical


def containment(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> float:
    """Share of the smaller set's shingles that the other has too: a copy with a trimmed tail still scores near 1.

    Source: Broder, On the resemblance and containment of documents, 1997.
    """
    return len(a & b) / max(1, min(len(a), len(b)))


def group_copies(texts: Sequence[str], threshold: float = 0.7) -> list[int]:
    """For each text the position of the first text it copies (its own where it copies none).

    Shingles of five words: two reports of one event share names and phrases but few runs of five words.
    """
    sets = [lexical.shingles(text) for text in texts]
    first: list[int] = []
    for i, mine in enumerate(sets):
        original = next((j for j in range(i) if first[j] == j and containment(mine, sets[j]) >= threshold), i)
        first.append(original)
    return first
