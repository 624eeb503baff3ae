"""What the readers share: sources, limits, fields to articles, stand-in titles. Layer: adapters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, NamedTuple

from rag.articles import make_article, one_line
from rag.errors import UsageError
from rag.types import Article, Problem

TITLE_CHARACTERS = 80

_WORD = re.compile(r"(?<!\w)[^\W\d_]{3,}(?!\w)")


class Limits(NamedTuple):
    """The most characters of one article's text, and bytes held of one line or of one whole file."""

    characters: int
    bytes: int


class Budget:
    """What may still be unpacked of one archive: bytes of all its levels together."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, count: int) -> None:
        """Count bytes that came out. Raises `UsageError` when that is more than an honest archive gives."""
        self.left -= count
        if self.left < 0:
            raise UsageError("unpacks to far more than its size; the rest of it is not read")


class Fetched(NamedTuple):
    """What a web server sent: where it was in the end, its media type, the charset that was named, its bytes."""

    url: str
    media_type: str
    charset: str | None
    data: bytes


Fetch = Callable[[str], Fetched]
"""What is at a web address. Raises `UsageError` with the reason where it is refused or fails."""


class Source(NamedTuple):
    """Bytes to read articles from, and what is known about them.

    `name` is the file's without its extension; `url` where it was fetched from and `charset` what the server said;
    `budget` and `depth` belong to the archive that it came out of; `fetch` is given where the pages that a feed points
    to are to be read too.
    """

    stream: BinaryIO
    where: str
    name: str | None
    limits: Limits
    url: str | None = None
    charset: str | None = None
    budget: Budget | None = None
    depth: int = 0
    fetch: Fetch | None = None


class Document(NamedTuple):
    """One file's worth of the input contract's fields, with what went not quite right in getting them."""

    fields: Mapping[str, object]
    warnings: tuple[str, ...] = ()


DocumentParser = Callable[[bytes, str | None], Document]
"""A whole file's bytes and its name without the extension, if it has one. Raises `UsageError`: no article in it."""


def shown(path: str) -> str:
    """A path fit for a one-line message: names on disk can hold any bytes, line ends and terminal codes included."""
    return "".join(c if c.isprintable() else "\ufffd" for c in path)


def articles_of(
    fields: object, where: str, limits: Limits, warnings: tuple[str, ...] = ()
) -> Iterator[Article | Problem]:
    """The article of one record and a `Problem` for each warning, or the one `Problem` that it is no article."""
    if not isinstance(fields, Mapping):
        found = "a list" if isinstance(fields, list) else "a single value"
        yield Problem(where, f"expected a JSON object, found {found}")
        return
    try:
        article, more = make_article(fields, max_characters=limits.characters)
    except UsageError as error:
        yield Problem(where, str(error))
        return
    yield article
    for warning in (*warnings, *more):
        yield Problem(where, warning)


def read_document(
    data: bytes, parse: DocumentParser, where: str, name: str | None, limits: Limits
) -> Iterator[Article | Problem]:
    """The one article of a whole file."""
    if len(data) > limits.bytes:
        yield too_large(where, limits)
        return
    try:
        document = parse(data, name)
    except UsageError as error:
        yield Problem(where, str(error))
        return
    yield from articles_of(document.fields, where, limits, document.warnings)


def whole(source: Source) -> bytes | None:
    """All bytes of a source, or None where they are more than the limit."""
    data = source.stream.read(source.limits.bytes + 1)
    return None if len(data) > source.limits.bytes else data


def too_large(where: str, limits: Limits) -> Problem:
    """A file or a line that is not read, because it would have to be held in memory whole."""
    return Problem(where, f"is larger than the limit of {limits.bytes} bytes")


def fallback_title(name: str | None, text: str) -> str:
    """The file's name made readable; the opening words where there is no name, or a name with no word in it."""
    readable = " ".join(re.split(r"[\s_-]+", name or "")).strip()
    return readable if _WORD.search(readable) else _opening_words(text)


def _opening_words(text: str) -> str:
    first = one_line(text.partition("\n")[0])
    if len(first) <= TITLE_CHARACTERS:
        return first
    cut = first[:TITLE_CHARACTERS]
    return (cut.rpartition(" ")[0] or cut).rstrip(" ,;:-–—") + "…"
