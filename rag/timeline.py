"""Sentences in the order of what they tell: each with the day of its event where it says one. Layer: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag import accounts, covering, events, lexical
from rag.evidence import Query
from rag.quantities import figures
from rag.types import AnswerSentence, DatedBy, Evidence

MOST = 12
"""Lines of one timeline."""
_PER_ARTICLE = 3
_COVERED, _ABOUT = 0.6, 0.5  # shares of the topic's terms, by rarity: that some article has, and each one about it
_NAMED, _OPENING = 0.15, 200  # what all its names in the title or the first characters add
_WITHIN = 1.5  # log odds below the best sentence from which on one is beside the point
_DATED = 1.5  # a sentence with a date of its own belongs in a timeline
_ALIKE = 0.7


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence with its `day` as ISO 8601, a day, month or year (None: not known), and whether that is the
    event's, as the sentence says, or the article's."""

    evidence: Evidence
    day: str | None
    of: DatedBy | None


def on_topic(query: Query, items: Sequence[Evidence]) -> list[Evidence]:
    """Those out of articles that the topic's terms stand in; none where no article has most of them."""
    shares: dict[str, float] = {}
    for item in items:
        if item.article.id not in shares:
            stems = frozenset(lexical.terms(f"{item.article.title} {item.article.text}"))
            share = lexical.coverage(query.terms, lexical.found(query.terms, stems), query.rarity)
            opening = {lexical.stem(w) for w in lexical.words(f"{item.article.title} {item.article.text[:_OPENING]}")}
            named = bool(query.names) and opening.issuperset(query.names)
            shares[item.article.id] = share + _NAMED * named
    if max(shares.values(), default=0.0) < _COVERED:
        return []
    return [item for item in items if shares[item.article.id] > _ABOUT]


def lines(ranked: Sequence[Evidence], leads: Sequence[Evidence], most: int = MOST) -> list[Line]:
    """What opens each article and the best sentences, oldest event first; nearly the same words with the same figures
    are there once. `ranked`: evidence for the topic; `leads`: the first sentence of each article about it, best first.
    """
    scores = {covering.place(e): e.score + _DATED * _says_day(e) for e in ranked}
    opening = {covering.place(e) for e in leads}
    others = sorted((e for e in ranked if covering.place(e) not in opening), key=lambda e: -scores[covering.place(e)])
    least = max((e.score for e in ranked), default=0.0) - _WITHIN
    chosen: list[Evidence] = []
    used: Counter[str] = Counter()
    for item in [*leads, *(e for e in others if scores[covering.place(e)] >= least)]:
        repeats = any(covering.overlap(item, other) >= _ALIKE and _same_figures(item, other) for other in chosen)
        if used[item.article.id] < _PER_ARTICLE and not repeats and len(chosen) < most:
            chosen.append(item)
            used[item.article.id] += 1
    return in_order(chosen)


def in_order(items: Iterable[Evidence]) -> list[Line]:
    """Oldest first; of one day, the article that came out first, and its sentences as they stand there. What has no
    date comes last."""
    found = [Line(item, *events.day_of(item)) for item in items]
    return sorted(found, key=lambda n: (n.day or "9999", accounts.when(n.evidence) or "9999", n.evidence.span.start))


def dated(sentence: AnswerSentence) -> str:
    """One line as shown: `2025-11-03: “...” [1]`; with "published" where the date is the article's."""
    if not sentence.date:
        return f"undated: {sentence.marked}"
    note = " (published)" if sentence.dated_by == "article" else ""
    return f"{sentence.date}{note}: {sentence.marked}"


def _says_day(item: Evidence) -> bool:
    return events.day_of(item)[1] == "event"


def _same_figures(a: Evidence, b: Evidence) -> bool:
    return {q.value for q in figures(a.text)} == {q.value for q in figures(b.text)}
