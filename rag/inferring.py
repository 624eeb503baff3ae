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
    rf"/(?P<y>(?:19|20)\d\d)(?P<s>[/-]?)(?P<m>0[1-9]|1[0-2]|(?<=[/-])(?:{'|'.join(_MONTHS)}))(?P=s)"
    r"(?P<d>0[1-9]|[12]\d|3[01])(?=[/_.-]|$)",
    re.IGNORECASE,
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


def published(text: str, url: str | None, seen: str | None = None) -> str | None:
    """An ISO 8601 date, or None. `seen` is one that stands on the page around the text: the address goes before it."""
    if url and (found := _IN_PATH.search(url)) and (day := _iso(found["y"], found["m"], found["d"])):
        return day
    if seen:
        return seen
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    near = lines if len(lines) <= 2 * _LINES else [*lines[:_LINES], *lines[-_LINES:]]
    for number, line in enumerate(near):
        for match in _IN_TEXT.finditer(line[:200]):
            before, after = line[: match.start()], line[match.end() :]
            short = len(line) <= _SHORT and not line.endswith((".", "!", "?", "”", '"'))
            dateline = number == 0 and _DATELINE.match(f"{before}{after[:60]}") and len(before) <= 40
            placed = short or dateline or _SAYS_SO.search(before)
            if placed and (found_day := _iso(*_parts(match))):
                return found_day
    return None


def day(text: str) -> str | None:
    """The ISO 8601 date that a text is, such as March 8, 2025; of 08/03/2025 nobody can tell."""
    found = _IN_TEXT.fullmatch(text)
    return _iso(*_parts(found)) if found else None


def _parts(match: re.Match[str]) -> tuple[str, str, str]:
    found = {name[0]: value for name, value in match.groupdict().items() if value}
    return found["y"], found["m"], found["d"]


def _iso(year: str, month: str, day: str) -> str | None:
    number = int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1
    try:
        return date(int(year), number, int(day)).isoformat()
    except ValueError:
        return None
