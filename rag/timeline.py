"""Sentences in the order of what they tell: each with the day of its event where it says one. Layer: pure.

A sentence's own date is read against the day its article was published: "on Monday" is the last Monday up to then, or
the next one after "will". Where a sentence names no day, or only that of something else ("the 24 announced on
Wednesday"), the day of its article stands for it, and is marked as such.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from rag import covering, dates, lexical
from rag.articles import published_day
from rag.errors import UsageError
from rag.evidence import Query
from rag.types import AnswerSentence, DatedBy, Evidence

MOST = 12
"""Lines of one timeline."""
_PER_ARTICLE = 3
_COVERED, _ABOUT = 0.6, 0.4  # shares of the topic's terms, by rarity: that some article has, and each one about it
_WITHIN = 1.5  # log odds below the best sentence from which on one is beside the point
_DATED = 1.5  # a sentence with a date of its own belongs in a timeline
_ALIKE = 0.7
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_WEEKDAY = re.compile(
    r"\b(?:(?P<which>next|last|this)\s+)?(?P<day>(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b", re.IGNORECASE
)
_FUTURE = re.compile(
    r"\b(?:will|shall|is to|are to|due to|due on|expected to|scheduled|plans? to|planned for|set to|would)\b",
    re.IGNORECASE,
)
# What stands before the date of something other than the sentence's own event.
_OTHER = re.compile(
    r"\b(?:since|until|till|by|before|after|from|than|to|between|and|(?:announced|given|issued|reported|published) on|"
    r"count of|as of|up to)\s+(?:the\s+)?$",
    re.IGNORECASE,
)


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
            shares[item.article.id] = lexical.coverage(query.terms, lexical.found(query.terms, stems), query.rarity)
    if max(shares.values(), default=0.0) < _COVERED:
        return []
    return [item for item in items if shares[item.article.id] >= _ABOUT]


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
    found = [Line(item, *day_of(item)) for item in items]
    return sorted(found, key=lambda n: (n.day or "9999", n.evidence.article.published or "9999", n.evidence.span.start))


def dated(sentence: AnswerSentence) -> str:
    """One line as shown: `2025-11-03: “...” [1]`; with "published" where the date is the article's."""
    if not sentence.date:
        return f"undated: {sentence.marked}"
    note = " (published)" if sentence.dated_by == "article" else ""
    return f"{sentence.date}{note}: {sentence.marked}"


def day_of(item: Evidence) -> tuple[str | None, DatedBy | None]:
    """The day, month or year of what a sentence tells, and where it is taken from."""
    published = _published(item)
    if said := event_day(item.text, published):
        return said, "event"
    return (published.isoformat(), "article") if published else (None, None)


def event_day(text: str, published: date | None) -> str | None:
    """The date that a sentence gives its event; None where it gives none, or several that leave it open."""
    found: dict[str, None] = {}
    for match in dates.EXPRESSION.finditer(text):
        words = match.group()
        if _OTHER.search(text[: match.start()]) or not (day := _resolved(words, text, published)):
            continue
        found[day] = None
    return next(iter(found)) if len(found) == 1 else None


def _resolved(words: str, text: str, published: date | None) -> str | None:
    """One expression as a day, month or year. What is relative needs the article's date."""
    ahead = bool(_FUTURE.search(text))
    weekday = _WEEKDAY.fullmatch(words.strip())
    if weekday:
        return published and _nearest_weekday(weekday, published, ahead).isoformat()
    absolute = bool(re.search(r"\b\d{4}\b", words))
    if published is None and not absolute:
        return None
    periods = dates.periods(words, published or date.today())
    if not periods or not periods[0].first or not periods[0].last:
        return None
    first, last = periods[0].first, periods[0].last
    if ahead and not absolute and published and first < published and re.search(r"\d|[A-Z]", words):
        first, last = dates.year_later(first), dates.year_later(last)
    length = (last - first).days
    if length == 0:
        return first.isoformat()
    whole_month, whole_year = 27 <= length <= 30, length > 300
    return f"{first:%Y-%m}" if whole_month else f"{first:%Y}" if whole_year else None


def _nearest_weekday(match: re.Match[str], published: date, ahead: bool) -> date:
    """The last such day up to the publication, or the next one after it; "last Monday" lies before it in any case."""
    wanted = _WEEKDAYS.index(match["day"].lower())
    which = (match["which"] or "").lower()
    back = (published.weekday() - wanted) % 7
    if which == "next" or (ahead and which != "last"):
        return published + timedelta(days=(7 - back) % 7 or 7) if back or which == "next" else published
    return published - timedelta(days=back or (7 if which == "last" else 0))


def _says_day(item: Evidence) -> bool:
    return event_day(item.text, _published(item)) is not None


def _same_figures(a: Evidence, b: Evidence) -> bool:
    return {q.value for q in covering.figures(a.text)} == {q.value for q in covering.figures(b.text)}


def _published(item: Evidence) -> date | None:
    try:
        return published_day(item.article.published) if item.article.published else None
    except UsageError:
        return None
