"""An answer put together: numbered citations, quotations, accounts that differ, what a refusal offers. Layer: pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag import attribution, explaining
from rag.accounts import Account
from rag.types import AnswerSentence, Citation, Evidence, Verdict

# Evidence this far (in log odds) below the best is about something else: it may not carry the answer.
_RELEVANT = 1.0
_UNSURE = 2.5  # the same where it is little sure that the best answers: then the reader gets more to choose from
_DISAGREE = 1.0  # log odds by which the search prefers another sentence to the one that a reader put first
_CLOSEST = 3

Cited = tuple[AnswerSentence, tuple[Citation, ...]]
"""A sentence and the citations it is the first to use."""


@dataclass(slots=True)
class Ledger:
    """The citations of one answer, numbered in order of first use, and the accounts among them that differ."""

    citations: list[Citation] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    describe: Callable[[Citation, Evidence], Citation] = lambda citation, _: citation
    unsure: bool = False  # whether the answer is little sure, see `Answer.unsure`
    dropped: int = 0  # drafts that nothing supported
    steps: list[Mapping[str, Any]] = field(default_factory=list)  # what was decided on each sentence, for explaining
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

    def quote(self, item: Evidence, reason: str) -> Cited:
        """This evidence as a sentence of the answer; `reason` is why."""
        number, new = self.cite(item)
        sentence = quoted(item, number)
        self.steps.append(explaining.step("quoted", sentence.text, (number,), sentence.score, reason=reason))
        return sentence, new

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


def near_best(ranked: Sequence[Evidence], *, unsure: bool = False) -> list[Evidence]:
    """The evidence that may carry an answer: the rest is about something else, however true. Where a reader alone put
    the best one first, and the search would clearly have had another, that one may carry it too."""
    near = [e for e in ranked if e.score >= ranked[0].score - (_UNSURE if unsure else _RELEVANT)]
    if len(near) > 1 or "search" not in ranked[0].signals:
        return near
    other = max(ranked, key=lambda e: e.signals["search"])
    return [*near, other] if other.signals["search"] >= ranked[0].signals["search"] + _DISAGREE else near


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
