"""Dates in a question, and what they say about when the article was published. Layer: pure.

English expressions are found here and read by dateparser, which is imported only when there is one: days, months and
years, weekdays, "yesterday", "last week", "three days ago", "between May and July 2024", "since ...", "before ...". An
event named without a date ("since the election") is left to the words of the question: which election is meant, and
which article dates it, cannot be told safely.
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

_MONTH = (
    r"(?i:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_WEEKDAY = r"(?i:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)"
_YEAR = r"(?<![\d.,$€£-])(?:19|20)\d\d(?!\d|[.,-]\d|%)\b"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?\b"
_UNIT = r"(?i:day|week|month|year)"
_COUNT = r"(?i:\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten)"
# A year alone may be an amount, "may" and "march" are words: they need one of these before them.
_LED = (
    "(?:"
    + "|".join(
        rf"(?<=\b{word} )"
        for word in (
            *("in", "In", "of", "by", "By", "to", "the", "and", "for", "mid", "late", "last", "this", "from", "From"),
            *("early", "since", "Since", "after", "After", "until", "before", "Before", "during", "During", "between"),
        )
    )
    + ")"
)
# What names a stretch of time by itself.
_EXPRESSION = (
    rf"(?:\d{{4}}-\d\d-\d\d\b"
    rf"|(?:{_WEEKDAY},? )?(?:the )?{_DAY} (?:of )?{_MONTH}(?:,? {_YEAR})?"
    rf"|(?:{_WEEKDAY},? )?{_MONTH} {_DAY}(?:,? {_YEAR})?"
    rf"|{_MONTH}(?: of)?,? {_YEAR}"
    rf"|{_LED}{_YEAR}"
    rf"|(?i:the day before yesterday|yesterday|today|tonight|this morning|last night)\b"
    rf"|(?i:last|this) {_UNIT}\b"
    rf"|{_COUNT} {_UNIT}s? ago\b"
    rf"|(?:(?i:last|this) )?{_WEEKDAY}\b"
    rf"|(?i:january|february|april|june|july|august|september|october|november|december)\b"
    rf"|{_LED}(?:March|May)\b)"
)
EXPRESSION = re.compile(rf"\b(?:{_EXPRESSION})")
"""What names a day, month or year by itself."""
_SINGLE = re.compile(rf"\b(?:(?P<how>(?i:since|after|before|until|till|by|up to)) )?(?P<when>{_EXPRESSION})")
_RANGE = re.compile(
    rf"\b(?:(?i:between) (?P<a>{_EXPRESSION}) and (?P<b>{_EXPRESSION})"
    rf"|(?i:from) (?P<c>{_EXPRESSION}) (?:to|until|till|through) (?P<d>{_EXPRESSION}))"
)
_AS_OF = re.compile(
    r"\b(?:as of|as at|as it stood|(?:official|known|confirmed|reported|announced|being given)\b.*\b(?:on|by))\b", re.I
)
_PAST = re.compile(rf"\b(?:in|over|during|within) the (?:last|past) (?:(?P<n>{_COUNT}) )?(?P<unit>{_UNIT})s?\b", re.I)
_LATEST = re.compile(
    r"\b(?:latest|newest|most recent(?:ly)?|currently|current|now|right now|so far|to date|at present|nowadays|"
    r"up to now|these days|as of today)\b",
    re.IGNORECASE,
)
_NUMBERS = {w: n for n, w in enumerate("one two three four five six seven eight nine ten".split(), start=1)}
_UNIT_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}
_SOMEWHERE_NEAR = 0.05
_SAME_DAY_OTHER_YEARS = 10  # how many years back a day or month without its year may lie


@dataclass(frozen=True, slots=True)
class Period:
    """Days that a question asks about, both inclusive; None is open."""

    first: date | None
    last: date | None

    def nearness(self, day: date) -> float:
        """1 for an article published inside, falling towards 0 outside: news of an event also comes out after it, the
        longer the period the later, and seldom before it."""
        length = (self.last - self.first).days + 1 if self.first and self.last else 7
        if self.last and day > self.last:
            return math.exp(-(day - self.last).days / max(10, length))
        if self.first and day < self.first:
            return math.exp(-(self.first - day).days / max(2, length / 5))
        return 1.0


@dataclass(frozen=True, slots=True)
class Timing:
    """What a question says about time: alternative periods, the words that name them, and whether it asks for the
    latest."""

    periods: tuple[Period, ...] = ()
    words: tuple[str, ...] = ()
    latest: bool = False

    def nearness(self, day: date) -> float:
        """0 to 1: how near a day is to the nearest period; 0 where the question names none."""
        return max((period.nearness(day) for period in self.periods), default=0.0)

    def window(self) -> tuple[date, date] | None:
        """The days of publication worth a search of their own: of the one period that is closed and no longer than a
        year, with some days after it. None where the question names no such period, or several."""
        if len(self.periods) != 1 or not (first := self.periods[0].first) or not (last := self.periods[0].last):
            return None
        return (first, _shifted(last, 14)) if (last - first).days <= 366 else None


def timing(question: str, today: date) -> Timing:
    """What a question says about time, seen from `today`."""
    found: list[tuple[tuple[Period, ...], str]] = []
    rest = question
    for pattern, read in ((_PAST, _past), (_RANGE, _range), (_SINGLE, _single)):
        for match in pattern.finditer(rest):
            periods = read(match, today)
            if periods:
                found.append((periods, match.group()))
        rest = pattern.sub(lambda m: " " * len(m.group()), rest)
    periods = tuple(p for own, _ in found for p in own)
    return Timing(periods, tuple(words for _, words in found), not periods and bool(_LATEST.search(question)))


def known_on(question: str, asked: Timing) -> date | None:
    """The last day of "as of DATE" and the like: what became known later is not asked for. None for other questions: a
    date in them is that of the event. Of a day without a year, the last one up to today."""
    if len(asked.words) != 1 or not asked.periods or not _AS_OF.search(question):
        return None
    return asked.periods[0].last


def names_year(text: str) -> bool:
    """Whether a date in a text has its year, or might have it."""
    return bool(re.search(r"\b(?:19|20)\d\d\b", text))


def effects(asked: Timing, days: Mapping[int, date | None]) -> dict[int, float]:
    """For each article, by its publication day, from -0.5 (far from what is asked) to 0.5 (there): near a period, or
    recent among these articles where the latest is asked for. 0 for all where the question says nothing of the sort,
    and always 0 for an article without a date: what is not known counts neither for it nor against it."""
    known = {key: day for key, day in days.items() if day}
    value: Mapping[int, float] = {}
    if asked.periods:
        value = {key: asked.nearness(day) for key, day in known.items()}
        # An archive with nothing near that time: nothing can be told by it.
        value = value if max(value.values(), default=0.0) > _SOMEWHERE_NEAR else {}
    elif asked.latest:
        value = _recency(known)
    return {key: value[key] - 0.5 if key in value else 0.0 for key in days}


def _recency(days: Mapping[int, date]) -> dict[int, float]:
    """1 for the newest and 0 for the oldest, on a logarithmic scale: a day counts among articles of one week, a year
    among those of a decade."""
    newest = max(days.values(), default=date.min)
    ages = {key: math.log1p((newest - day).days) for key, day in days.items()}
    oldest = max(ages.values(), default=0.0)
    return {key: 1.0 - age / oldest for key, age in ages.items()} if oldest else {}


def spelled(day: date) -> str:
    """`Tuesday 4 November 2025`: the words by which a question may name a day."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def _past(match: re.Match[str], today: date) -> tuple[Period, ...]:
    count = _number(match["n"]) if match["n"] else 1
    return (Period(_shifted(today, -count * _UNIT_DAYS[match["unit"].lower()]), today),)


def _range(match: re.Match[str], today: date) -> tuple[Period, ...]:
    first, last = (match["a"], match["b"]) if match["a"] else (match["c"], match["d"])
    ends = _read(last, today)
    # "between May and July 2024": the year stands once, at the end.
    year = re.search(_YEAR, last)
    if year and not re.search(_YEAR, first):
        first = f"{first} {year.group()}"
    starts = _read(first, today)
    return tuple(_pairs(starts, ends))


def _pairs(starts: Sequence[Period], ends: Sequence[Period]) -> Iterator[Period]:
    """Each end with the last start before it."""
    for end in ends:
        before = [s.first for s in starts if s.first and end.last and s.first <= end.last]
        if before and end.last:
            yield Period(max(before), end.last)


def _single(match: re.Match[str], today: date) -> tuple[Period, ...]:
    how, periods = (match["how"] or "").lower(), _read(match["when"], today)
    if how in ("since", "after"):
        return tuple(Period(p.first if how == "since" else p.last, max(today, p.last or today)) for p in periods[:1])
    if how in ("until", "till", "by", "up to"):
        return tuple(Period(None, p.last) for p in periods[:1])
    if how == "before":
        return tuple(Period(None, p.first and _shifted(p.first, -1)) for p in periods[:1])
    return periods


def year_later(day: date) -> date:
    """The same day of the next year; the last of February for a 29th that it lacks."""
    return _in_year(day, day.year + 1)


def periods(expression: str, today: date) -> tuple[Period, ...]:
    """The days that one `EXPRESSION` means, seen from `today`, the likeliest first; none where it cannot be read."""
    return _read(expression, today)


def _read(expression: str, today: date) -> tuple[Period, ...]:
    """The days that an expression means, the likeliest first. A month or day without a year may be of any year up to
    now: an archive is often asked about what is long past."""
    if expression.lower() == "the day before yesterday":
        expression = "2 days ago"
    found = _parser(today).get_date_data(re.sub(r"^the ", "", expression, flags=re.IGNORECASE))
    if found.date_obj is None:
        return ()
    period = _widened(found.date_obj.date(), found.period, expression)
    if re.search(_MONTH, expression) and not re.search(r"\d{4}", expression):
        return tuple(_earlier(period))
    return (period,)


def _widened(day: date, unit: str, expression: str) -> Period:
    if unit == "year":
        # "a year ago" is about then, not the whole year before last.
        if "ago" in expression:
            return Period(_shifted(day, -45), _shifted(day, 45))
        return Period(date(day.year, 1, 1), date(day.year, 12, 31))
    if unit == "month":
        return Period(day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1]))
    if unit == "week":
        monday = _shifted(day, -day.weekday())
        return Period(monday, _shifted(monday, 6))
    return Period(day, day)


def _earlier(period: Period) -> Iterator[Period]:
    """The same days of this year and the years before it."""
    first, last = period.first, period.last
    for back in range(_SAME_DAY_OTHER_YEARS + 1):
        if first and last:
            yield Period(_in_year(first, first.year - back), _in_year(last, last.year - back))


def _shifted(day: date, days: int) -> date:
    """So many days later; the first or last day of the calendar where it has no such day."""
    return date.fromordinal(min(max(day.toordinal() + days, date.min.toordinal()), date.max.toordinal()))


def _in_year(day: date, year: int) -> date:
    year = min(max(year, date.min.year), date.max.year)
    return day.replace(year=year, day=min(day.day, calendar.monthrange(year, day.month)[1]))


def _number(word: str) -> int:
    word = word.lower()
    return int(word) if word.isdigit() else _NUMBERS.get(word, 1)


@cache
def _parser(today: date) -> Any:
    """Reads one expression as of a day. Loading dateparser and its English data takes 0.2 s, once."""
    from dateparser.date import DateDataParser

    noon = datetime(today.year, today.month, today.day, 12)
    return DateDataParser(languages=["en"], settings={"RELATIVE_BASE": noon, "PREFER_DATES_FROM": "past"})
