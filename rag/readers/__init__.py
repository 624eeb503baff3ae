"""Files, folders and standard input to articles, one file of this package per format. Layer: adapters.

`formats` says which format a file has, `opening` hands it to its reader; docs/formats.md is the table for people. One
bad file, line or member of an archive is a `Problem` and reading goes on.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO
from urllib.parse import urlsplit

from rag.errors import UsageError
from rag.readers import jsonl, markdown, plain_text
from rag.readers.common import Fetch, Limits, Source, read_document, shown, too_large
from rag.readers.folders import files_in, skipped_line
from rag.readers.formats import EXTENSIONS, HEAD_BYTES, MEDIA_TYPES, sniff
from rag.readers.opening import read_source
from rag.types import Article, Problem

__all__ = ["read"]

MAX_BYTES = 64 * 1024 * 1024

_STDIN = "stdin"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# Front matter, a heading or a link. Without one of them the lines of the text mean what they are: plain text.
_LOOKS_MARKDOWN = re.compile(rb"\A---[ \t]*\r?$|^#{1,6} \S|\]\(\S+\)", re.MULTILINE)


def read(
    paths: Sequence[str],
    *,
    stdin: BinaryIO | None = None,
    max_characters: int = 1_000_000,
    max_bytes: int = MAX_BYTES,
    opened: Callable[[str | None], None] = lambda _: None,
    fetch: Fetch | None = None,
    full_text: bool = False,
) -> Iterator[Article | Problem]:
    """Read every article under `paths`: files, folders (with what is below them), `-` for standard input, and web
    addresses where there is a `fetch` for them; with `full_text` also the pages that the entries of feeds point to.

    `max_characters` bounds one article's text; `max_bytes` one line of JSON Lines, or one whole file of another
    format. `opened` is told of each file before what is in it, and of None before what comes from no file. Raises
    `UsageError` at the call, before anything is read, when a path does not exist.
    """
    local = [path for path in paths if path != "-" and not (fetch and is_address(path))]
    missing = [shown(path) for path in local if not os.path.exists(path)]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(missing)}")
    limits = Limits(max_characters, max_bytes)
    return _read(paths, stdin, limits, opened, fetch, fetch if full_text else None)


def is_address(path: str) -> bool:
    """Whether a path is meant as a web address, of whatever scheme."""
    return _ADDRESS.match(path) is not None


def _read(
    paths: Sequence[str],
    stdin: BinaryIO | None,
    limits: Limits,
    opened: Callable[[str | None], None],
    fetch: Fetch | None,
    follow: Fetch | None,
) -> Iterator[Article | Problem]:
    for path in paths:
        if path == "-":
            opened(None)
            yield from _read_stdin(stdin or sys.stdin.buffer, limits, follow)
        elif fetch and is_address(path):
            opened(None)
            yield from _read_address(path, limits, fetch, follow)
        elif os.path.isdir(path):
            yield from _read_folder(path, limits, opened, follow)
        else:
            opened(path)
            yield from _read_file(path, limits, follow)


def _read_folder(
    folder: str, limits: Limits, opened: Callable[[str | None], None], follow: Fetch | None
) -> Iterator[Article | Problem]:
    where = f"folder {shown(folder)}"
    skipped: Counter[str] = Counter()
    found = False
    for item in files_in(folder, EXTENSIONS, skipped):
        if isinstance(item, Problem):
            yield item
        else:
            found = True
            opened(item)
            yield from _read_file(item, limits, follow)
    opened(None)
    if skipped:
        yield Problem(where, skipped_line(skipped))
    if not found:
        yield Problem(where, "no articles found")


def _read_address(url: str, limits: Limits, fetch: Fetch, follow: Fetch | None) -> Iterator[Article | Problem]:
    where = shown(url)
    try:
        found = fetch(url)
        stem, extension = os.path.splitext(os.path.basename(urlsplit(found.url).path))
        extension = MEDIA_TYPES.get(found.media_type, extension.lower())
        source = Source(io.BytesIO(found.data), where, shown(stem) or None, limits, found.url, found.charset)
        yield from read_source(source._replace(fetch=follow), extension)
    except UsageError as error:
        yield Problem(where, str(error))


def _read_file(path: str, limits: Limits, follow: Fetch | None) -> Iterator[Article | Problem]:
    where = shown(path)
    stem, extension = os.path.splitext(os.path.basename(path))
    if not os.path.isfile(path):  # opening a pipe or a device could wait for ever
        yield Problem(where, "is not a regular file")
        return
    try:
        with open(path, "rb") as stream:
            yield from read_source(Source(stream, where, shown(stem), limits, fetch=follow), extension.lower())
    except UsageError as error:
        yield Problem(where, str(error))
    except OSError as error:
        yield Problem(where, f"cannot be read: {error.strerror or error}")


def _read_stdin(stream: BinaryIO, limits: Limits, follow: Fetch | None) -> Iterator[Article | Problem]:
    """Standard input has no extension: what it opens with decides, and JSON is read as it comes."""
    try:
        lines = jsonl.lines_of(stream, limits)
        first = next(lines, None)
        head = first[1] if first else b""
        if head is None or not head or sniff(head[:HEAD_BYTES]) == "JSON":
            yield from jsonl.read_json(chain([first] if first else [], lines), stream, _STDIN, limits)
            return
        data = head + stream.read(max(0, limits.bytes + 1 - len(head)))
        if len(data) > limits.bytes:
            yield too_large(_STDIN, limits)
        elif sniff(data[:HEAD_BYTES]):
            yield from read_source(Source(io.BytesIO(data), _STDIN, None, limits, fetch=follow), "")
        else:
            parse = markdown.parse if _LOOKS_MARKDOWN.search(data) else plain_text.parse
            yield from read_document(data, parse, _STDIN, None, limits)
    except UsageError as error:
        yield Problem(_STDIN, str(error))
    except OSError as error:
        yield Problem(_STDIN, f"cannot be read: {error.strerror or error}")
