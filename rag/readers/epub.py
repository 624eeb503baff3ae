"""E-books (.epub), as newspapers are sent out too: one article a chapter, in reading order. Layer: adapters."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag.articles import one_line
from rag.errors import UsageError
from rag.readers import xml
from rag.readers.common import Source, articles_of, fallback_title
from rag.readers.encoding import decode
from rag.readers.markup import text_of
from rag.types import Article, Problem

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MARKER = "META-INF/container.xml"
"""The member by which such an archive is known."""

LEAST_CHARACTERS = 200
"""A chapter of less is a cover, a colophon or a page of links."""

_BODY = re.compile(r"<body\b[^>]{0,999}>(.*)</body>", re.IGNORECASE | re.DOTALL)
_HEADING = re.compile(r"<h([1-3])\b[^>]{0,999}>(.{0,999}?)</h\1>", re.IGNORECASE | re.DOTALL)


def read_epub(source: Source) -> Iterator[Article | Problem]:
    """The articles; what the book says of itself (publisher, date, language, licence) holds for each."""
    try:
        with zipfile.ZipFile(source.stream) as book:
            package, root = _package(book)
            chapters = _chapters(root, posixpath.dirname(package))
            found = False
            for position, chapter in enumerate(chapters, 1):
                fields = _article(book, chapter, _about(root))
                if fields:
                    found = True
                    yield from articles_of(fields, f"{source.where}, chapter {position}", source.limits)
            if not found:
                yield Problem(source.where, "no articles found")
    except UsageError as error:
        yield Problem(source.where, str(error))
    except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        yield Problem(source.where, f"the e-book cannot be read: {one_line(str(error))}")


def _package(book: zipfile.ZipFile) -> tuple[str, Element]:
    container = xml.parse(book.read(MARKER))
    path = next((e.get("full-path") for e in xml.all_named(container, "rootfile") if e.get("full-path")), None)
    if not path:
        raise UsageError("the e-book has no table of its chapters")
    return path, xml.parse(book.read(path))


def _about(root: Element) -> dict[str, object]:
    return {
        "source": xml.first_text(root, "publisher"),
        "published": xml.first_text(root, "date"),
        "language": xml.first_text(root, "language"),
        "license": xml.first_text(root, "rights"),
        "authors": [xml.first_text(root, "creator") or ""],
    }


def _chapters(root: Element, folder: str) -> list[str]:
    files = {e.get("id"): e for e in xml.all_named(root, "item")}
    spine = [files.get(e.get("idref")) for e in xml.all_named(root, "itemref")]
    return [
        posixpath.normpath(posixpath.join(folder, unquote(e.get("href", ""))))
        for e in spine
        if e is not None and "html" in e.get("media-type", "") and "nav" not in e.get("properties", "").split()
    ]


def _article(book: zipfile.ZipFile, chapter: str, about: dict[str, object]) -> dict[str, object] | None:
    page, _ = decode(book.read(chapter))
    body = found[1] if (found := _BODY.search(page)) else page
    heading = _HEADING.search(body)
    title = one_line(text_of(heading[2])) if heading else ""
    text = text_of(body.replace(heading[0], "", 1) if heading and title else body)
    if len(text) < LEAST_CHARACTERS:
        return None
    return {**about, "title": title or fallback_title(None, text), "text": text}
