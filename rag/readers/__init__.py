"""Files, folders and standard input to articles, one file of this package per format. Layer: adapters.

| extension | read as |
|---|---|
| .jsonl .ndjson | JSON Lines, one article a line, as a stream |
| .json | a list of articles, one article, or JSON Lines |
| .txt .text | plain text |
| .md .markdown | Markdown, with or without YAML front matter |
| .html .htm .xhtml | a saved web page |

One bad file or line is a `Problem` and reading goes on.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from rag.errors import UsageError
from rag.readers import html, jsonl, markdown, plain_text
from rag.readers.common import DocumentParser, Limits, read_document, shown
from rag.readers.folders import files_in, skipped_line
from rag.types import Article, Problem

__all__ = ["read"]

MEBIBYTE = 1024 * 1024

_STDIN = "stdin"
_DOCUMENTS: dict[str, DocumentParser] = {
    ".txt": plain_text.parse,
    ".text": plain_text.parse,
    ".md": markdown.parse,
    ".markdown": markdown.parse,
    ".html": html.parse,
    ".htm": html.parse,
    ".xhtml": html.parse,
}
_JSON_LINES = (".jsonl", ".ndjson")
_SUPPORTED = (*_JSON_LINES, ".json", *_DOCUMENTS)

_LOOKS_JSON = re.compile(rb"\s*(\{|\[\s*(\{|$))")
_LOOKS_HTML = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype html|html|head|body)\b", re.I | re.S)
# Front matter, a heading or a link. Without one of them the lines of the text mean what they are: plain text.
_LOOKS_MARKDOWN = re.compile(rb"\A---[ \t]*\r?$|^#{1,6} \S|\]\(\S+\)", re.MULTILINE)


def read(
    paths: Sequence[str],
    *,
    stdin: BinaryIO | None = None,
    max_characters: int = 1_000_000,
    max_bytes: int = 64 * MEBIBYTE,
    opened: Callable[[str | None], None] = lambda _: None,
) -> Iterator[Article | Problem]:
    """Read every article under `paths`: files, folders (with what is below them) and `-` for standard input.

    `max_characters` bounds one article's text; `max_bytes` one line of JSON Lines, or one whole file of another
    format. `opened` is told of each file before what is in it, and of None before what comes from no file. Raises
    `UsageError` at the call, before anything is read, when a path does not exist.
    """
    missing = [shown(path) for path in paths if path != "-" and not os.path.exists(path)]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(missing)}")
    return _read(paths, stdin, Limits(max_characters, max_bytes), opened)


def _read(
    paths: Sequence[str], stdin: BinaryIO | None, limits: Limits, opened: Callable[[str | None], None]
) -> Iterator[Article | Problem]:
    for path in paths:
        if path == "-":
            opened(None)
            yield from _read_stdin(stdin or sys.stdin.buffer, limits)
        elif os.path.isdir(path):
            yield from _read_folder(path, limits, opened)
        else:
            opened(path)
            yield from _read_file(path, limits)


def _read_folder(folder: str, limits: Limits, opened: Callable[[str | None], None]) -> Iterator[Article | Problem]:
    where = f"folder {shown(folder)}"
    skipped: Counter[str] = Counter()
    found = False
    for item in files_in(folder, _SUPPORTED, skipped):
        if isinstance(item, Problem):
            yield item
        else:
            found = True
            opened(item)
            yield from _read_file(item, limits)
    opened(None)
    if skipped:
        yield Problem(where, skipped_line(skipped))
    if not found:
        yield Problem(where, "no articles found")


def _read_file(path: str, limits: Limits) -> Iterator[Article | Problem]:
    where = shown(path)
    stem, extension = os.path.splitext(os.path.basename(path))
    extension = extension.lower()
    if extension not in _SUPPORTED:
        kind = f"files of type {shown(extension)}" if extension else "files without an extension"
        yield Problem(where, f"{kind} are not read; these are: {' '.join(_SUPPORTED)}")
        return
    if not os.path.isfile(path):  # opening a pipe or a device could wait for ever
        yield Problem(where, "is not a regular file")
        return
    try:
        with open(path, "rb") as stream:
            if extension in _DOCUMENTS:
                data = stream.read(limits.bytes + 1)
                yield from read_document(data, _DOCUMENTS[extension], where, shown(stem), limits)
            elif extension in _JSON_LINES:
                yield from jsonl.read_lines(jsonl.lines_of(stream, limits), where, limits)
            else:
                yield from jsonl.read_json(jsonl.lines_of(stream, limits), stream, where, limits)
    except OSError as error:
        yield Problem(where, f"cannot be read: {error.strerror or error}")


def _read_stdin(stream: BinaryIO, limits: Limits) -> Iterator[Article | Problem]:
    """Standard input has no extension: what it opens with decides."""
    lines = jsonl.lines_of(stream, limits)
    first = next(lines, None)
    if first is None or first[1] is None or _LOOKS_JSON.match(first[1]):
        yield from jsonl.read_json(chain([first] if first else [], lines), stream, _STDIN, limits)
        return
    data = first[1] + stream.read(max(0, limits.bytes + 1 - len(first[1])))
    if _LOOKS_HTML.match(data):
        parse = html.parse
    else:
        parse = markdown.parse if _LOOKS_MARKDOWN.search(data) else plain_text.parse
    yield from read_document(data, parse, _STDIN, None, limits)
