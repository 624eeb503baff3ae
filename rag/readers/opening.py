"""One source of bytes to its articles, by its format. Layer: adapters."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from rag.readers import archives, html, jsonl, markdown, pdf, plain_text
from rag.readers.common import DocumentParser, Source, read_document, shown
from rag.readers.feed import read_feed
from rag.readers.formats import EXTENSIONS, HEAD_BYTES, Format, format_of
from rag.readers.mail import read_mail
from rag.readers.newsml import read_newsml
from rag.readers.tables import read_table
from rag.readers.warc import read_warc
from rag.types import Article, Problem

Reader = Callable[[Source], Iterator[Article | Problem]]


def read_source(source: Source, extension: str) -> Iterator[Article | Problem]:
    """Every article of a source whose name ends in `extension`, in lower case and with its dot, or in nothing.

    Raises what its stream raises, and `UsageError` where the archive around it must not be read any further.
    """
    stream = source.stream
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(_raw(stream), HEAD_BYTES)
    source = source._replace(stream=buffered)
    found, warning = format_of(buffered.peek(HEAD_BYTES)[:HEAD_BYTES], extension)
    if found is None:
        kind = f"files of type {shown(extension)}" if extension else "files without an extension"
        yield Problem(source.where, f"{kind} are not read; these are: {' '.join(EXTENSIONS)}")
        return
    for item in _READERS[found](source):
        # An archive's members say their own.
        unnamed = isinstance(item, Article) and item.format is None
        yield replace(item, format=found) if isinstance(item, Article) and unnamed else item
    if warning:
        yield Problem(source.where, warning)


def _raw(stream: object) -> io.RawIOBase:
    return stream  # type: ignore[return-value]  # BufferedReader needs readinto, readable and seekable, which it has


def _document(parse: DocumentParser, source: Source) -> Iterator[Article | Problem]:
    data = source.stream.read(source.limits.bytes + 1)
    yield from read_document(data, parse, source.where, source.name, source.limits)


def _json_lines(source: Source) -> Iterator[Article | Problem]:
    return jsonl.read_lines(jsonl.lines_of(source.stream, source.limits), source.where, source.limits)


def _json(source: Source) -> Iterator[Article | Problem]:
    lines = jsonl.lines_of(source.stream, source.limits)
    return jsonl.read_json(lines, source.stream, source.where, source.limits)


def _html(source: Source) -> Iterator[Article | Problem]:
    return _document(html.page_parser(source.url, source.charset), source)


def _archive(
    reader: Callable[[Source, archives.Read], Iterator[Article | Problem]], source: Source
) -> Iterator[Article | Problem]:
    return reader(source, read_source)


def _no_known_xml(source: Source) -> Iterator[Article | Problem]:
    yield Problem(source.where, "is XML of a kind that is not read; feeds, NewsML-G2, NITF and XHTML are")


_READERS: dict[Format, Reader] = {
    "JSON Lines": _json_lines,
    "JSON": _json,
    "text": partial(_document, plain_text.parse),
    "Markdown": partial(_document, markdown.parse),
    "HTML": _html,
    "CSV": read_table,
    "feed": read_feed,
    "NewsML-G2": read_newsml,
    "PDF": partial(_document, pdf.parse),
    "ZIP": partial(_archive, archives.read_zip),
    "gzip": partial(_archive, archives.read_gzip),
    "tar": partial(_archive, archives.read_tar),
    "mbox": read_mail,
    "WARC": read_warc,
    "XML": _no_known_xml,
}
