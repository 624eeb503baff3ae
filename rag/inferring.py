"""The day an article was published, where nobody gives it: from its address or its first and last lines. Layer: pure.

Only a whole date in a place where newsrooms put theirs counts: in the path of the address, on a short line of its own,
after "Published", or before the dash of a dateline. A date in the running text is about something else.
"""

from __future__ import annotations

import re
from datetime import date

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_IN_PATH = re.compile(
    r"/(?P<y>(?:19|20)\d\d)(?P<s>[/-]?)(?P<m>0[1-9]|1[0-2])(?P=s)(?P<d>0[1-9]|[12]\d|3[01])(?=[/_.-]|$)"
)
_IN_TEXT = re.compile(
    rf"\b(?:(?P<y>(?:19|20)\d\d)-(?P<m>\d\d)-(?P<d>\d\d)(?!\d)"
    rf"|(?P<d2>\d{{1,2}})(?:st|nd|rd|th)? (?P<m2>{_MONTH}),? (?P<y2>(?:19|20)\d\d)"
    rf"|(?P<m3>{_MONTH}) (?P<d3>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y3>(?:19|20)\d\d))\b",
    re.IGNORECASE,
)
_SAYS_SO = re.compile(r"\b(?:published|posted|issued|first published|date|dated)\b[\s:]*(?:on |at )?$", re.IGNORECASE)
_DATELINE = re.compile(r"^[^.!?]{0,60}?(?:\([^()]{1,40}\) ?)?[–—-] ")
_LINES, _SHORT = 4, 80


def published(text: str, url: str | None) -> str | None:
    """An ISO 8601 date, or None."""
    if url and (found := _IN_PATH.search(url)) and (day := _iso(found["y"], found["m"], found["d"])):
        return day
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    near = lines if len(lines) <= 2 * _LINES else [*lines[:_LINES], *lines[-_LINES:]]
    for number, line in enumerate(near):
        for match in _IN_TEXT.finditer(line[:200]):
            before, after = line[: match.start()], line[match.end() :]
            short = len(line) <= _SHORT and not line.endswith((".", "!", "?", "”", '"'))
            dateline = number == 0 and _DATELINE.match(f"{before}{after[:60]}") and len(before) <= 40
            if short or dateline or _SAYS_SO.search(before):
                y, m, d = (match[name] or match[f"{name}2"] or match[f"{name}3"] for name in "ymd")
                if day := _iso(y, m, d):
                    return day
    return None


def _iso(year: str, month: str, day: str) -> str | None:
    number = int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1
    try:
        return date(int(year), number, int(day)).isoformat()
    except ValueError:
        return None
