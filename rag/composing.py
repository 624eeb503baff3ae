"""An answer put together: numbered citations, quotations, accounts that differ, what a refusal offers. Layer: pure."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag import attribution
from rag.accounts import Account
from rag.types import AnswerSentence, Citation, Evidence
from rag.verifying import Verdict

# Evidence this far (in log odds) below the best is about something else: it may not carry the answer.
_RELEVANT = 1.0
_CLOSEST = 3

Cited = tuple[AnswerSentence, tuple[Citation, ...]]
"""A sentence and the citations it is the first to use."""


class Clock:
    """Milliseconds since it was made, by name."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.marks: dict[str, int] = {}

    def mark(self, name: str) -> None:
        """Note the time, once per name."""
        self.marks.setdefault(name, round(1000 * (time.perf_counter() - self._start)))


@dataclass(slots=True)
class Ledger:
    """The citations of one answer, numbered in order of first use, and the accounts among them that differ."""

    citations: list[Citation] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    describe: Callable[[Citation, Evidence], Citation] = lambda citation, _: citation
    dropped: int = 0  # drafts that nothing supported
    _numbers: dict[tuple[str, int], int] = field(default_factory=dict)

    def cite(self, item: Evidence) -> tuple[int, tuple[Citation, ...]]:
        """The number of this evidence, and its citation when it is new."""
        place = (item.article.id, item.span.start)
        if place in self._numbers:
            return self._numbers[place], ()
        number = len(self.citations) + 1
        citation = self.describe(Citation.of(item, number, attribution.speaker(item.text)), item)
        self._numbers[place] = number
        self.citations.append(citation)
        return number, (citation,)

    def disagreements(self, about: str) -> tuple[Mapping[str, Any], ...]:
        """The accounts that differ, newest first, as the JSON contract shows them."""
        listed = []
        for account in self.accounts:
            cited = self.citations[self.cite(account.evidence)[0] - 1]
            says = {"source": cited.source, "published": cited.published, "speaker": cited.speaker}
            listed.append({"value": account.value, "status": account.status, **says, "citation": cited.number})
        return ({"about": about, "accounts": listed},) if listed else ()

    def has(self, item: Evidence) -> bool:
        """Whether it is cited already."""
        return (item.article.id, item.span.start) in self._numbers


def quoted(item: Evidence, number: int) -> AnswerSentence:
    """Evidence as a sentence of an answer, in its own words."""
    return AnswerSentence(quotation(item.text), (number,), "quoted", 1.0)


def as_shown(text: str, item: Evidence, number: int, verdict: Verdict) -> AnswerSentence:
    """A supported draft; one that copied its evidence is marked as the quotation it is."""
    if finished(text) == " ".join(item.text.split()):
        return quoted(item, number)
    return AnswerSentence(finished(text), (number,), "verified", round(verdict.score, 3))


def near_best(ranked: Sequence[Evidence]) -> list[Evidence]:
    """The evidence that may carry an answer: the rest is about something else, however true."""
    return [e for e in ranked if e.score >= ranked[0].score - _RELEVANT]


def closest(ranked: Sequence[Evidence]) -> tuple[Citation, ...]:
    """The nearest sentence of each of the nearest stories: what a refusal can still offer."""
    stories: dict[str, Evidence] = {}
    for item in ranked:
        stories.setdefault(item.article.id, item)
    return tuple(Citation.of(item, n) for n, item in enumerate(list(stories.values())[:_CLOSEST], start=1))


def unmarked(text: str) -> str:
    """`[12]` in an article's own words becomes `(12)` where they are shown: it must not pass for one of our markers."""
    return re.sub(r"\[(\d[\d,; ]*)\]", r"(\1)", text)


def quotation(text: str) -> str:
    """A sentence shown in the article's own words, in quotation marks unless it brings its own."""
    text = unmarked(" ".join(text.split()))
    return text if any(mark in text for mark in '“”"') else f"“{text}”"


def finished(text: str) -> str:
    """A drafted sentence with a capital and a stop."""
    text = unmarked(text)
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "”", '"')) else f"{text}."
