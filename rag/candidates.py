"""The sentences of the articles that were found, as candidates for evidence. Layer: core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rag import lexical
from rag.evidence import Candidate
from rag.shelf import Shelf
from rag.types import Hit

_COPIES_READ = 10  # copies of one story that are compared with it word by word


def families(hits: Sequence[Hit]) -> list[tuple[int, ...]]:
    """Each hit's key with those of its copies that are read."""
    return [(hit.key, *hit.copy_keys[:_COPIES_READ]) for hit in hits]


def gather(hits: Sequence[Hit], shelf: Shelf, cosines: Mapping[int, float]) -> list[Candidate]:
    """The sentences of all hits, and those of their copies that say something else: an added paragraph, another
    figure. A sentence counts as copied by an article that has its very words, not by any that is much like it.

    All `families` must be on the shelf; `cosines` are those of their passages with the question.
    """
    found: list[Candidate] = []
    for hit, family in zip(hits, families(hits), strict=True):
        said = [_spoken(lexical.words(shelf.article(key).text)) for key in family] if len(family) > 1 else []
        for i, key in enumerate(family):
            for candidate in _sentences(key, shelf, cosines, hit.score - hits[0].score):
                words = _spoken(candidate.words) if said else ""
                if not said:
                    found.append(candidate)
                elif not any(words in text for text in said[:i]):
                    found.append(replace(candidate, copies=sum(words in text for text in said[i + 1 :])))
    return found


def _sentences(key: int, shelf: Shelf, cosines: Mapping[int, float], score: float) -> Iterator[Candidate]:
    article, words, previous, at = shelf.article(key), shelf.words(key), "", 0
    for number, passage in shelf.passages(key):
        for place, span in enumerate(passage.sentences):
            candidate = Candidate(article, span, previous, cosines[number], score, 0, words[at], number, place)
            yield candidate
            previous, at = candidate.text, at + 1


def _spoken(words: Sequence[str]) -> str:
    """The words of a text alone: typography and white space may differ between copies."""
    return f" {' '.join(words)} "
