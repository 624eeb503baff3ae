"""RSS and Atom feeds to articles, one an entry, with the text that the feed itself has. Layer: adapters (feedparser).

Dates that feeds write in their own ways are feedparser's to read; one that it cannot read costs a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import astuple
from datetime import UTC, datetime
from time import struct_time
from typing import Any

from rag.articles import iso, one_line
from rag.errors import UsageError
from rag.readers import html
from rag.readers.common import Source, articles_of, fallback_title, shown, too_large, whole
from rag.readers.encoding import decode
from rag.readers.markup import text_of
from rag.types import Article, Excerpt, Problem

_NUMBER = re.compile(r"\d+", re.ASCII)
_ENTITY = re.compile(r"<!ENTITY", re.IGNORECASE)
_DECLARED = re.compile(rb"""<\?xml[^>]{0,100}encoding=["']([\w-]+)""", re.IGNORECASE)


def read_feed(source: Source) -> Iterator[Article | Problem]:
    """The articles; an entry that is no more than a link is a `Problem`."""
    data = whole(source)
    if data is None:
        yield too_large(source.where, source.limits)
        return
    try:
        feed, warnings = parse(data, source.charset, source.url)
    except UsageError as error:
        yield Problem(source.where, str(error))
        return
    for warning in warnings:
        yield Problem(source.where, warning)
    for position, entry in enumerate(feed["entries"], 1):
        fields, where = fields_of(entry, feed["feed"]), f"{source.where}, entry {position}"
        problem = _follow(fields, source) if source.fetch else None
        for item in articles_of(fields, where, source.limits, (problem,) if problem else ()):
            yield Excerpt(*astuple(item)) if problem and isinstance(item, Article) else item
    if not feed["entries"]:
        yield Problem(source.where, "no articles found")


def parse(data: bytes, charset: str | None = None, url: str | None = None) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """What feedparser makes of a feed. Raises `UsageError` where it is none, or defines XML entities."""
    import feedparser  # 0.15 s, and most runs meet no feed

    declared = _DECLARED.search(data[:200])
    text, warnings = decode(data, charset or (declared[1].decode("ascii") if declared else None))
    if _ENTITY.search(text):
        raise UsageError("defines XML entities, which are not expanded; it is not read")
    headers = {"content-type": "application/xml; charset=utf-8"}  # stronger than what the text itself declares
    if url:
        headers["content-location"] = url
    try:
        feed: Mapping[str, Any] = feedparser.parse(text.encode("utf-8", "replace"), response_headers=headers)
    except Exception as error:  # other people's feeds find every bug of a parser, and one must not end a run
        raise UsageError(f"the feed cannot be read: {type(error).__name__}") from error
    if not feed.get("version") and not feed["entries"]:
        raise UsageError("is no RSS or Atom feed")
    return feed, warnings


def fields_of(entry: Mapping[str, Any], feed: Mapping[str, Any]) -> dict[str, object]:
    """The fields of the input contract of one entry."""
    contents = [content.get("value", "") for content in entry.get("content", [])]
    text = max((text_of(part) for part in (*contents, entry.get("summary", ""))), key=len)
    return {
        "title": one_line(text_of(entry.get("title", ""))) or fallback_title(None, text),
        "text": text,
        "url": entry.get("link"),
        "source": (entry.get("source") or {}).get("title") or feed.get("title"),
        "published": _date(entry, "published") or _date(entry, "updated"),
        "updated": _date(entry, "updated") if entry.get("published") else None,
        "section": [tag["term"] for tag in entry.get("tags", []) if tag.get("term")],
        "authors": [author["name"] for author in entry.get("authors", []) if author.get("name")],
        "language": entry.get("language") or feed.get("language"),
        "license": entry.get("rights") or feed.get("rights"),
    }


def _follow(fields: dict[str, object], source: Source) -> str | None:
    """Put the text of the page that an entry points to in its place where it is longer; a reason where that fails."""
    url = fields["url"]
    if not source.fetch or not isinstance(url, str):
        return None
    try:
        found = source.fetch(url)
        page = html.page_parser(found.url, found.charset)(found.data, None).fields
    except UsageError as error:
        return f"its page, {shown(url)}: {error}; the text of the feed is taken where there is no longer one"
    if len(str(page["text"])) > len(str(fields["text"])):
        fields["text"] = page["text"]
    for name in ("source", "language", "license", "authors", "published", "published_inferred", "updated", "section"):
        fields[name] = fields.get(name) or page[name]
    return None


def _date(entry: Mapping[str, Any], name: str) -> str | None:
    """As `iso` reads it; else in UTC where feedparser could read it; else as it was written, which then is warned of.

    feedparser finds a day in anything: 1 January 2026 in 2025-13-45, a day of 1742 in a Unix time. So the year and the
    day it found must stand there.
    """
    known = dict(entry)  # asked itself, feedparser gives one date for the other, with a warning
    written = str(known.get(name) or "")
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        return iso(written)
    parsed = known.get(f"{name}_parsed")
    numbers = set(map(int, _NUMBER.findall(written)))
    if isinstance(parsed, struct_time) and {parsed.tm_year, parsed.tm_mday} <= numbers:
        return datetime(*parsed[:5], min(parsed.tm_sec, 59), tzinfo=UTC).isoformat()
    return written or None
