"""The sentences of the articles that were found, as candidates for evidence. Layer: core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rag.evidence import Candidate
from rag.shelf import Shelf
from rag.types import Hit

_COPIES_READ = 10  # copies of one story that are compared with it word by word


def families(hits: Sequence[Hit]) -> list[tuple[int, ...]]:
    """Each hit's key with those of its copies that are read."""
    return [(hit.key, *hit.copy_keys[:_COPIES_READ]) for hit in hits]


def gather(hits: Sequence[Hit], shelf: Shelf, cosines: Mapping[int, float]) -> list[Candidate]:
    """The sentences of all hits, and those of their copies that say something else: an added paragraph, another
    figure. A sentence that several articles have, copies or not, is one, with the number of the others.

    All `families` must be on the shelf; `cosines` are those of their passages with the question.
    """
    found: dict[tuple[str, ...], Candidate] = {}
    for hit, family in zip(hits, families(hits), strict=True):
        for key in family:
            for candidate in _sentences(key, shelf, cosines, hit.score - hits[0].score):
                words = tuple(candidate.words)
                first = found.setdefault(words, candidate)
                if first.article is not candidate.article:
                    found[words] = replace(first, copies=first.copies + 1)
    return list(found.values())


def _sentences(key: int, shelf: Shelf, cosines: Mapping[int, float], score: float) -> Iterator[Candidate]:
    article, words, previous, at = shelf.article(key), shelf.words(key), "", 0
    for number, passage in shelf.passages(key):
        for place, span in enumerate(passage.sentences):
            around = (words[at], words[at - 1] if at else ())
            candidate = Candidate(article, span, previous, cosines[number], score, 0, *around, number, place)
            yield candidate
            previous, at = candidate.text, at + 1
