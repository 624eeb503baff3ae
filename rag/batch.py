"""Questions as scripts send them: filters as text, and JSON Lines in and out. Layer: faces."""

from __future__ import annotations

import calendar
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

from rag.conversation import History
from rag.errors import BackendError, NewsragError, UsageError
from rag.rendering import Json, error_json
from rag.types import Filters

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
# Valid inside a JSON string, but a terminal, a line splitter or an encoder may take them for something else.
_RISKY = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")

Respond = Callable[[str, Filters, History], Json]
"""One question, with the turns before it, to the fields of its result."""


def filters(since: str | None, until: str | None, source: str | None) -> Filters:
    """The filters a person wrote. Raises UsageError naming the first that cannot be used."""
    first = None if since is None else _day("since", since, last=False)
    last = None if until is None else _day("until", until, last=True)
    if source is not None and not source.strip():
        raise UsageError("source is empty: name an outlet, or leave it out")
    return _ordered(Filters(first, last, source and source.strip()))


def _ordered(chosen: Filters) -> Filters:
    if chosen.since and chosen.until and chosen.since > chosen.until:
        raise UsageError(f"since {chosen.since} is after until {chosen.until}: no article can match")
    return chosen


def _day(name: str, text: str, *, last: bool) -> date:
    """A day; of a whole month or year its first or its last one."""
    found = _DATE.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        year, month, day = found.groups()
        if month is None:
            return date(int(year), *((12, 31) if last else (1, 1)))
        if day is None:
            day = calendar.monthrange(int(year), int(month))[1] if last else 1
        return date(int(year), int(month), int(day))
    except ValueError as exc:  # calendar's own error for a month 13 is a ValueError too
        raise UsageError(f"{name}: {text!r} is not a date; write YYYY-MM-DD, YYYY-MM or YYYY") from exc


def dumps(value: Any) -> str:
    """One line of JSON that stays one line, in any encoding and for any splitter of lines."""
    text = json.dumps(value, ensure_ascii=False)
    return _RISKY.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def process(lines: Iterable[bytes], respond: Respond, default: Filters) -> Iterator[Json]:
    """The result of each line in order, each with its `id`; a line that cannot be used gives an error object.

    `default` holds where a line sets no filter of its own. Raises BackendError: when a model or the store fails, the
    lines after it would fail too.
    """
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        given: str | int | None = None
        try:
            fields = _fields(raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
            given = _id(fields)
            history = _history(fields)
            result = {"id": given, **respond(_question(fields), _filters(fields, default), history)}
        except BackendError:
            raise
        except NewsragError as exc:
            result = error_json(str(exc), {"id": given, "line": number})
        yield result


def _fields(raw: bytes) -> Json:
    try:
        fields = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise UsageError("not UTF-8 text") from exc
    except json.JSONDecodeError as exc:
        raise UsageError(f"invalid JSON: {exc.msg} at character {exc.pos + 1}") from exc
    except (ValueError, RecursionError) as exc:  # a number too long, or brackets too deep
        raise UsageError("invalid JSON: nested too deeply or a number too long") from exc
    if not isinstance(fields, dict):
        raise UsageError("expected a JSON object")
    return fields


def _id(fields: Json) -> str | int | None:
    value = fields.get("id")
    if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        return value
    raise UsageError("id must be text or a whole number")


def _question(fields: Json) -> str:
    question = _text(fields, "question")
    if question is None:
        raise UsageError("question is missing")
    return question


def _filters(fields: Json, default: Filters) -> Filters:
    own = filters(_text(fields, "since"), _text(fields, "until"), _text(fields, "source"))
    return _ordered(Filters(own.since or default.since, own.until or default.until, own.source or default.source))


def _text(fields: Json, name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{name} must be text")
    return value


def _history(fields: Json) -> History:
    history = fields.get("history")
    if history is not None and not isinstance(history, list):
        raise UsageError("history must be a list")
    return history or ()
