"""PDF files to articles: the text layer, with lines joined to paragraphs. Layer: adapters (pypdf).

A page is lines as they were set. What repeats at the head or foot of most pages is furniture and goes; a word divided
at the end of a line is put together; and a paragraph ends at a blank line, or where a sentence ends well short of the
page's width.
"""

from __future__ import annotations

import io
import logging
import re
from collections import Counter

from rag.articles import normalise, one_line
from rag.errors import UsageError
from rag.readers.common import Document, fallback_title

MAX_PAGES = 2000

_ENDS = re.compile(r"[.!?…][\"'’”»)\]]*$")
_SHORT = 0.7  # of the page's widest line: a sentence that ends before this ends its paragraph
_DIGITS = re.compile(r"\d+")
_ONLY_NUMBER = re.compile(r"\W*\d{1,4}\W*(?:(?:of|/)\W*\d{1,4}\W*)?")
_NUMBER_CHARACTERS = 40
_MIN_PAGES = 3  # below this nothing can be said to repeat
_NO_TITLE = re.compile(r"(?i)untitled|microsoft word|\.(docx?|indd|qxd|pdf|rtf|odt)$|^\W*$")


def parse(data: bytes, name: str | None) -> Document:
    """See `DocumentParser`. The title is the file's own where it has a fit one, else its first line if that is one."""
    try:
        pages, about = _read(data)
    except UsageError:
        raise
    except Exception as error:  # other people's PDF finds every bug of a parser, and one file must not end a run
        raise UsageError(f"the PDF cannot be read: {type(error).__name__}") from error
    text = normalise("\n\n".join(_joined(page) for page in _without_furniture(pages)))
    if not text:
        raise UsageError("the PDF has no text layer; run OCR on it first, for example with ocrmypdf")
    title = one_line(about.pop("title", "") or "")
    if not title or _NO_TITLE.search(title):
        title = fallback_title(name, text)
    first, _, rest = text.partition("\n\n")
    return Document({**about, "title": title, "text": rest if rest and one_line(first) == title else text})


def _read(data: bytes) -> tuple[list[list[str]], dict[str, str]]:
    from pypdf import PasswordType, PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it has to say, a `Problem` says
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        raise UsageError("the PDF is locked with a password")
    if len(reader.pages) > MAX_PAGES:
        raise UsageError(f"the PDF has {len(reader.pages)} pages, the limit is {MAX_PAGES}")
    pages = [page.extract_text().splitlines() for page in reader.pages]
    return pages, _about(reader.metadata)


def _about(metadata: object) -> dict[str, str]:
    fields: dict[str, str] = {}
    if metadata is None:
        return fields
    if title := getattr(metadata, "title", None):
        fields["title"] = str(title)
    if author := getattr(metadata, "author", None):
        fields["authors"] = str(author)
    try:
        created = getattr(metadata, "creation_date", None)
    except ValueError:  # a date that is none
        created = None
    if created:
        fields["published"] = created.isoformat()
    return fields


def _without_furniture(pages: list[list[str]]) -> list[list[str]]:
    """The pages without page numbers and without the lines that most of them begin or end with."""
    pages = [list(page) for page in pages]
    edges = Counter(_shape(line) for page in pages for line in {*_edge(page)})
    many = max(_MIN_PAGES, len(pages) // 2 + 1)
    return [
        [
            line
            for place, line in enumerate(page)
            if not (
                (place in (0, 1, len(page) - 2, len(page) - 1) and edges[_shape(line)] >= many and line.strip())
                or (place in (0, len(page) - 1) and _ONLY_NUMBER.fullmatch(line[:_NUMBER_CHARACTERS]))
            )
        ]
        for page in pages
    ]


def _edge(page: list[str]) -> list[str]:
    return [*page[:2], *page[2:][-2:]]


def _shape(line: str) -> str:
    """The line with every number alike: `Page 3` repeats `Page 2`."""
    return _DIGITS.sub("0", line.strip())


def _joined(lines: list[str]) -> str:
    widest = max(map(len, lines), default=0)
    text = ""
    for line in (line.rstrip() for line in lines):
        if not line:
            text = text.rstrip() + "\n\n"
        elif text.endswith("-") and text[-2:-1].isalpha() and line[:1].islower():
            text = text[:-1] + line
        else:
            text += ("" if not text or text.endswith("\n") else " ") + line.strip()
        if line and len(line) < _SHORT * widest and _ENDS.search(line):
            text += "\n\n"
    return text
