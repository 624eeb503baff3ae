"""CSV and TSV with a header to articles, one a row, as a stream. Layer: adapters.

At most one row is held, and a row over the limit is passed over without being held.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator

from rag.errors import UsageError
from rag.readers.common import Source, articles_of, too_large, whole
from rag.readers.encoding import decode
from rag.readers.fields import field_of, with_our_names
from rag.types import Article, Problem

_DELIMITERS = ",\t;|"
_SKIP_BYTES = 1 << 20
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BETWEEN_AUTHORS = re.compile(r"\s*[;|]\s*")


class _LineTooLongError(Exception):
    pass


class _Lines:
    """The lines of a table as text, counted, with the bytes of the present row kept under the limit."""

    def __init__(self, source: Source) -> None:
        self.number = 0
        self.row_bytes = 0
        self.warnings: dict[str, int] = {}
        self._stream, self._limit = source.stream, source.limits.bytes

    def __iter__(self) -> Iterator[str]:
        while line := self._stream.readline(self._limit + 1):
            self.number += 1
            self.row_bytes += len(line)
            if self.row_bytes > self._limit:
                while not line.endswith(b"\n") and (line := self._stream.readline(_SKIP_BYTES)):
                    pass
                raise _LineTooLongError
            if b"\0" in line:
                raise UsageError("is not text")
            text, warnings = decode(line)
            for warning in warnings:
                self.warnings.setdefault(warning, self.number)
            yield text


def read_table(source: Source) -> Iterator[Article | Problem]:
    """One article a row; the header's names are ours or what others call them. A bad row is a `Problem`."""
    start = source.stream.peek(4)[:2]  # type: ignore[attr-defined]  # `read_source` hands over a BufferedReader
    if start in _MARKS:
        data = whole(source)
        if data is None:
            yield too_large(source.where, source.limits)
            return
        source = source._replace(stream=io.BytesIO(decode(data)[0].encode()))
    csv.field_size_limit(source.limits.bytes)
    lines = _Lines(source)
    try:
        header, delimiter = _header(lines)
    except (UsageError, csv.Error) as error:
        yield Problem(source.where, str(error))
        return
    except _LineTooLongError:
        yield too_large(f"{source.where}:1", source.limits)
        return
    yield from _rows(lines, header, delimiter, source)
    for warning, number in lines.warnings.items():
        yield Problem(f"{source.where}:{number}", warning)


def _header(lines: _Lines) -> tuple[list[str], str]:
    """The names of the columns and what stands between them. Raises `UsageError` where there is no title and text."""
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise UsageError("is empty")
    rows = {mark: next(csv.reader([first], delimiter=mark)) for mark in _DELIMITERS}
    delimiter = max(rows, key=lambda mark: len({field_of(name) for name in rows[mark]} - {None}))
    missing = [field for field in ("title", "text") if field not in map(field_of, rows[delimiter])]
    if missing:
        raise UsageError(f"its first line names no column for {' and '.join(missing)}")
    return rows[delimiter], delimiter


def _rows(lines: _Lines, header: list[str], delimiter: str, source: Source) -> Iterator[Article | Problem]:
    found = False
    while True:
        try:
            # Anew after each bad row: a reader that has failed keeps half of the row.
            for row in csv.reader(iter(lines), delimiter=delimiter):
                place, lines.row_bytes = f"{source.where}:{lines.number}", 0
                if not any(map(str.strip, row)):
                    continue
                found = True
                if len(row) > len(header):
                    yield Problem(place, f"has {len(row)} columns, the first line {len(header)}; not read")
                    continue
                yield from articles_of(_fields(dict(zip(header, row, strict=False))), place, source.limits)
            break
        except _LineTooLongError:
            found = True
            yield too_large(f"{source.where}:{lines.number}", source.limits)
        except csv.Error as error:
            found = True
            yield Problem(f"{source.where}:{lines.number}", f"invalid CSV: {error}")
        except UsageError as error:
            if source.budget is not None and source.budget.left < 0:
                raise
            yield Problem(f"{source.where}:{lines.number}", str(error))
            return
        lines.row_bytes = 0
    if not found:
        yield Problem(source.where, "has no rows below its first line")


def _fields(record: dict[str, str]) -> dict[str, object]:
    fields = with_our_names({name: value for name, value in record.items() if value.strip()})
    if isinstance(fields.get("authors"), str):
        fields["authors"] = _BETWEEN_AUTHORS.split(str(fields["authors"]))
    return fields
