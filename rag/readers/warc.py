"""Web archives (WARC) to articles, one a saved page. Layer: adapters (warcio)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rag.readers import html
from rag.readers.common import Limits, Source, read_document
from rag.types import Article, Problem

_PAGES = ("text/html", "application/xhtml+xml")
_OK = "200"


def read_warc(source: Source) -> Iterator[Article | Problem]:
    """The pages that were answered with 200 or kept without the answer; pictures, scripts and redirects are passed
    over."""
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    found = False
    try:
        for record in ArchiveIterator(source.stream, ensure_http_headers=False):
            answer = record.http_headers
            if record.rec_type not in ("response", "resource") or (answer and answer.get_statuscode() != _OK):
                continue
            said = answer or (record.rec_headers if record.rec_type == "resource" else None)
            kind, _, parameters = ((said and said.get_header("content-type")) or "").partition(";")
            if kind.strip().lower() not in _PAGES:
                continue
            found = True
            yield from _page(record, parameters, source)
    except (ArchiveLoadFailed, ValueError, EOFError) as error:
        yield Problem(source.where, f"is damaged: {' '.join(str(error).split())}")
        return
    if not found:
        yield Problem(source.where, "no saved pages found")


def _page(record: Any, parameters: str, source: Source) -> Iterator[Article | Problem]:
    url = record.rec_headers.get_header("WARC-Target-URI")
    where = f"{source.where}, {''.join(c if c.isprintable() else chr(0xFFFD) for c in url or 'no address')}"
    limits: Limits = source.limits
    data = bytearray()
    stream = record.content_stream()
    while len(data) <= limits.bytes and (chunk := stream.read(1 << 16)):
        data += chunk
        if source.budget is not None:
            source.budget.take(len(chunk))
    charset = parameters.partition("charset=")[2].strip("\"' ") or None
    page = html.page_parser(url, charset)
    yield from read_document(bytes(data), page, where, None, limits)
