"""Decoding that can only copy: an answer's words out of numbered sentences, then a number. Layer: adapters.

A model of 135 million parameters misspells names and numbers when it writes freely. Here every token it may write goes
on with some run of words of some sentence, so the words of an answer always stand in the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.reading import WORD_TOKENS
from rag.types import Reading

_BRANCHING = 3  # tokens at the beginning of an answer at which another one may part from it
_END = " ["
_START = re.compile(r"(?<![^\W_])[^\W_]|[$€£¥]")


@dataclass(frozen=True, slots=True)
class Copyable:
    """What may be written over some numbered sentences, as tokens: the same for every answer over them."""

    runs: tuple[list[int], ...]  # from each beginning of a word to the end of its sentence
    end: int
    digits: tuple[int, ...]
    none: int

    @classmethod
    def of(cls, tokens: Callable[[str], list[int]], sentences: Sequence[str], none: str) -> Copyable:
        """`tokens` encodes a plain text."""
        # Whatever stands before a word in its sentence, in an answer it is a space.
        runs = tuple(tokens(f" {s[m.start() :]}") for s in sentences for m in _START.finditer(s))
        digits = tuple(tokens(str(n))[0] for n in range(1, len(sentences) + 1))
        return cls(runs, tokens(_END)[0], digits, tokens(f" {none}")[0])


class Copying:
    """A logits processor for one answer: ` at least 340 [2`. `reading` is there once the number was reached, and
    `others` are the beginnings of other answers that were passed by: their log-probability and tokens."""

    def __init__(self, copyable: Copyable, text: Callable[[int], str], beginning: Sequence[int] = ()) -> None:
        """`text` decodes one token. The answer starts with `beginning`."""
        self._text = text
        self._end, self._digits, self._none = copyable.end, list(copyable.digits), copyable.none
        self._alive: Sequence[list[int]] = copyable.runs
        self._beginning = tuple(beginning)
        self.others: list[tuple[float, tuple[int, ...]]] = []
        self._written: list[int] = []
        self._likelihood = 0.0
        self._none_likelihood = 0.0
        self._numbering = False
        self.reading: Reading | None = None

    def __call__(self, _: object, scores: npt.NDArray[np.single]) -> npt.NDArray[np.single]:
        """The logits with all but one choice masked."""
        logits = scores.astype(np.float64)
        if self._numbering:
            numbers = logits[self._digits] - np.logaddexp.reduce(logits[self._digits])
            words = "".join(map(self._text, self._written)).strip()
            self.reading = Reading(words, self._likelihood, self._none_likelihood, tuple(map(float, numbers)))
            return self._only(logits, self._digits[int(numbers.argmax())])
        chances = logits - np.logaddexp.reduce(logits)
        if not self._written:
            self._none_likelihood = float(chances[self._none])
        at = len(self._written)
        allowed = self._allowed()
        token = self._beginning[at] if at < len(self._beginning) else max(allowed, key=lambda t: float(chances[t]))
        if len(self._beginning) <= at < _BRANCHING:
            passed = (t for t in allowed if t not in (token, self._end))
            self.others += [(self._likelihood + float(chances[t]), (*self._written, t)) for t in passed]
        self._likelihood += float(chances[token])
        if token == self._end:
            self._numbering = True
        else:
            self._written.append(token)
            self._alive = [tokens for tokens in self._alive if len(tokens) > at and tokens[at] == token]
        return self._only(logits, token)

    def _allowed(self) -> list[int]:
        at = len(self._written)
        following = {tokens[at] for tokens in self._alive if len(tokens) > at}
        # Only at the end of a word, and whenever nothing else is left.
        ends = at and any(len(t) <= at or not self._text(t[at])[:1].isalnum() for t in self._alive)
        if at >= WORD_TOKENS or not following:
            return [self._end]
        return sorted(following | ({self._end} if ends else set()))

    @staticmethod
    def _only(logits: npt.NDArray[np.floating[Any]], token: int) -> npt.NDArray[np.single]:
        masked = np.full(logits.shape, -np.inf, np.single)
        masked[token] = 0.0
        return masked


def together(readings: Sequence[Reading]) -> Reading:
    """Several answers as one: the words of the most probable, and each sentence by all of them, as probable as they
    are."""
    best = max(readings, key=lambda r: r.likelihood)
    weights = np.array([r.likelihood for r in readings])
    mixed = np.logaddexp.reduce(np.array([r.sentences for r in readings]) + weights[:, None], axis=0)
    return replace(best, sentences=tuple(map(float, mixed - np.logaddexp.reduce(weights))))
