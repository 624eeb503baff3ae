"""The day of what a sentence tells. Layer: pure.

A sentence's own date is read against the day its article was published: "on Monday" is the last Monday up to then, or
the next one after "will". Where a sentence names no day, or only that of something else ("the 24 announced on
Wednesday"), the day of its article stands for it, and is marked as such.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from rag import dates
from rag.articles import published_day
from rag.errors import UsageError
from rag.types import DatedBy, Evidence

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
        before = text[: match.start()]
        words = f"{'next ' * before.lower().endswith('next ')}{match.group()}"
        if _OTHER.search(before) or not (day := _resolved(words, text, published)):
            continue
        found[day] = None
    return next(iter(found)) if len(found) == 1 else None


def _resolved(words: str, text: str, published: date | None) -> str | None:
    """One expression as a day, month or year. What is relative needs the article's date."""
    ahead = bool(_FUTURE.search(text))
    weekday = _WEEKDAY.fullmatch(words.strip())
    if weekday:
        return _nearest_weekday(weekday, published, ahead).isoformat() if published else None
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


def _published(item: Evidence) -> date | None:
    try:
        return published_day(item.article.published) if item.article.published else None
    except UsageError:
        return None
