"""JSON Lines as a stream, and whole JSON files. Layer: adapters.

Memory stays flat however long the file is: one line is held at a time, and a line over the limit is passed over
without being held.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import BinaryIO

from rag.errors import UsageError
from rag.readers import ninjs
from rag.readers.common import Limits, articles_of, too_large
from rag.readers.fields import with_our_names
from rag.types import Article, Problem

Line = tuple[int, bytes | None]
"""Its number, from 1, and its bytes: None when it is longer than the limit."""

_SKIP_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"


def lines_of(stream: BinaryIO, limits: Limits) -> Iterator[Line]:
    """The lines that are not blank. What follows the last one taken is still to be read from `stream`."""
    number = 0
    while line := stream.readline(limits.bytes + 1):
        number += 1
        if len(line) > limits.bytes and not line.endswith(b"\n"):
            while (rest := stream.readline(_SKIP_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        elif line.strip():
            yield number, line.removeprefix(_BOM) if number == 1 else line


def read_lines(lines: Iterable[Line], where: str, limits: Limits) -> Iterator[Article | Problem]:
    """One article a line; a bad line is a `Problem` and the rest goes on."""
    count = 0
    for count, (number, line) in enumerate(lines, 1):
        place = f"{where}:{number}"
        if line is None:
            yield too_large(place, limits)
        elif count == 1 and b"\0" in line:  # a binary file, or UTF-16, which JSON may not be
            yield Problem(where, "is not UTF-8 text")
            return
        else:
            value = _load(line.rstrip(), where, number)
            yield from (
                [value]
                if isinstance(value, Problem)
                else (_articles if isinstance(value, Mapping) else _article)(value, place, limits)
            )
    if not count:
        yield Problem(where, "is empty")


def read_json(lines: Iterator[Line], stream: BinaryIO, where: str, limits: Limits) -> Iterator[Article | Problem]:
    """A list of articles, one article, or JSON Lines after all; `lines` are those of `stream`."""
    number, line = first = next(lines, (0, b""))
    if line is None or line.strip()[:1] + line.strip()[-1:] in (b"", b"{}"):
        yield from read_lines(chain([first] if number else [], lines), where, limits)
        return
    data = line + stream.read(max(0, limits.bytes + 1 - len(line)))
    value = too_large(where, limits) if len(data) > limits.bytes else _load(data, where, number)
    if isinstance(value, Problem):
        yield value
    else:
        yield from _articles(value, where, limits)


def _articles(value: object, where: str, limits: Limits) -> Iterator[Article | Problem]:
    """Those of a list, of an object that holds a list of them, or the one that the value is."""
    if isinstance(value, Mapping) and isinstance(value.get("articles"), list) and "text" not in value:
        value = value["articles"]
    if not isinstance(value, list):
        yield from _article(value, where, limits)
        return
    for position, item in enumerate(value, 1):
        yield from _article(item, f"{where}, item {position}", limits)
    if not value:
        yield Problem(where, "is empty")


def _article(value: object, where: str, limits: Limits) -> Iterator[Article | Problem]:
    if not isinstance(value, Mapping):
        yield from articles_of(value, where, limits)
        return
    try:
        fields = ninjs.fields_of(value) if ninjs.is_item(value) else with_our_names(value)
    except UsageError as error:
        yield Problem(where, str(error))
        return
    yield from articles_of(fields, where, limits)


def _load(data: bytes, where: str, number: int) -> object:
    """The JSON value, or the `Problem` with it; `number` is that of the first line of `data`."""
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        what = f"{error.msg.removesuffix(' at')} at column {error.colno}"
        return Problem(f"{where}:{number + error.lineno - 1}", f"invalid JSON: {what}")
    except UnicodeDecodeError as error:
        lines_before = data.count(b"\n", 0, error.start)
        return Problem(f"{where}:{number + lines_before}", "is not UTF-8 text")
    except (ValueError, RecursionError):
        return Problem(f"{where}:{number}", "invalid JSON: a number is too long, or it is nested too deeply")
