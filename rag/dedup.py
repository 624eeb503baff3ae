"""Which texts are copies of one story, and the keys by which likely copies are found. Layer: pure (rensa).

An agency's story is printed with another headline or dateline, cut from the end, with a paragraph of one's own. A copy
shares most runs of five words with its original. Three things look like that and are none: a later story with other
figures, a report of one form (a match, a market), and a page that holds two stories; each has a rule of its own.

Sources: Broder, On the resemblance and containment of documents, 1997 (shingles, MinHash); Indyk and Motwani,
Approximate nearest neighbors, 1998 (bands).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag import lexical
from rag.quantities import NUMBER_WORDS

# Chosen on the dev half of tests/copies.py: `python -m tests.benchmarks.bench_copies` measures them.
CONTAINED = 0.6  # least share of the shorter text's runs that the longer one has
SHARED = 0.72  # from this share of the longer text's runs on nothing more is asked
AKIN = 0.2  # below it, least share of the names in the rest of the longer text that the shared part has too
_RUN = 5
_HASHES, _ROWS = 128, 2
_MONTHS = frozenset("jan feb mar apr jun jul aug sep sept oct nov dec".split())
_GAP, _FIGURE = "\0gap", "\0figure"

VERSION = f"1, {_HASHES} hashes, {_ROWS} a band, runs of {_RUN}"
"""What the stored keys depend on: with another version all texts are grouped anew."""


@dataclass(frozen=True)
class Text:
    """A text taken apart for comparing."""

    raw: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Text:
        """Headlines are left out by those who call this: each outlet has its own."""
        return cls(text, tuple(lexical.words(text)))

    @cached_property
    def names(self) -> frozenset[str]:
        """Those of people and places; few comparisons come so far that they are needed."""
        return frozenset(lexical.names(self.raw)) - lexical.CALENDAR

    @cached_property
    def runs(self) -> frozenset[tuple[str, ...]]:
        """All runs of five words; of a shorter text the one that it is."""
        return lexical.runs(self.words, _RUN)

    @cached_property
    def figures(self) -> dict[tuple[str, ...], set[str]]:
        """The figures that stand between the same words. Days beside the name of a month change with the dateline."""
        masked = [_FIGURE if _is_figure(word) else word for word in self.words]
        for i, word in enumerate(self.words[1:], start=1):
            if word == "one" and masked[i - 1] == _FIGURE:  # of "thirty-one"
                masked[i] = _FIGURE
        found: dict[tuple[str, ...], set[str]] = {}
        for i, word in enumerate(self.words):
            beside = (*masked[max(0, i - 2) : i], _GAP, *masked[i + 1 : i + 3])
            if masked[i] == _FIGURE and not _in_calendar(self.words, i) and _said(beside) >= 2:
                found.setdefault(beside, set()).add(word)
        return found


def keys(text: Text) -> tuple[int, ...]:
    """64 numbers: two texts that share a tenth of their runs share one of them in about every second case, two that
    share a third nearly always."""
    from rensa import RMinHash

    sketch = RMinHash(num_perm=_HASHES, seed=1)
    sketch.update([" ".join(run) for run in text.runs])
    digest: list[int] = sketch.digest()
    bands = (digest[at : at + _ROWS] for at in range(0, _HASHES, _ROWS))
    return tuple(_key(number, band) for number, band in enumerate(bands))


def _key(number: int, band: Sequence[int]) -> int:
    packed = struct.pack(f"<{1 + _ROWS}I", number, *band)
    return int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "little", signed=True)


def likeness(a: Text, b: Text) -> float:
    """How far one is a copy of the other: the share of the longer one's runs that both have; 0 for what is none."""
    return 0.0 if other_figures(a, b) else _shared(a, b)


def versions(a: Text, b: Text) -> bool:
    """Whether they would be copies, but for other figures in the same places: an update or a correction."""
    return other_figures(a, b) and _shared(a, b) > 0


def _shared(a: Text, b: Text) -> float:
    shared = a.runs & b.runs
    short, long = sorted((a, b), key=lambda text: len(text.runs))
    if len(shared) < CONTAINED * len(short.runs):
        return 0.0
    share = len(shared) / len(long.runs)
    return share if share >= SHARED or _akin(long, shared) else 0.0


def other_figures(a: Text, b: Text) -> bool:
    """Whether one says another figure than the other where the words around are the same: a later count, a correction,
    the next match."""
    common = a.figures.keys() & b.figures.keys()
    return any(a.figures[beside].isdisjoint(b.figures[beside]) for beside in common)


def _akin(long: Text, shared: frozenset[tuple[str, ...]]) -> bool:
    """Whether what only the longer text has names the same people and places: a tail that was cut does, a second story
    on one page does not."""
    covered = [False] * len(long.words)
    for i in range(len(long.words) - _RUN + 1):
        if long.words[i : i + _RUN] in shared:
            covered[i : i + _RUN] = [True] * _RUN
    inside = {word for word, is_inside in zip(long.words, covered, strict=True) if is_inside}
    rest = long.names & {word for word, is_inside in zip(long.words, covered, strict=True) if not is_inside}
    return bool(rest) and len(rest & inside) >= AKIN * len(rest)


def _is_figure(word: str) -> bool:
    return word[0].isdigit() or word in NUMBER_WORDS


def _in_calendar(words: Sequence[str], i: int) -> bool:
    beside = (*words[max(0, i - 1) : i], *words[i + 1 : i + 2])
    return any(word in lexical.CALENDAR or word in _MONTHS for word in beside)


def _said(beside: Sequence[str]) -> int:
    return sum(word not in (_GAP, _FIGURE) for word in beside)
