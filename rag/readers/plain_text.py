"""Plain text: a first line that looks like a title is the title, and the rest stays as it is. Layer: adapters."""

from __future__ import annotations

from rag.articles import normalise
from rag.readers.common import Document, fallback_title
from rag.readers.encoding import decode

MAX_TITLE_CHARACTERS = 200

_CLOSING = "\"'’”»)]"
# A line that ends so is a sentence, a salutation or a part of either, and belongs to the text.
_NO_TITLE_ENDS = (".", "…", "。", ",", ";", ":")


def parse(data: bytes, name: str | None) -> Document:
    """See `DocumentParser`."""
    decoded, warnings = decode(data)
    text = normalise(decoded)
    first, _, rest = text.partition("\n\n")
    if rest and _is_title(first):
        return Document({"title": first, "text": rest}, warnings)
    return Document({"title": fallback_title(name, text), "text": text}, warnings)


def _is_title(line: str) -> bool:
    short = "\n" not in line and len(line) <= MAX_TITLE_CHARACTERS
    return short and not line.rstrip(_CLOSING).endswith(_NO_TITLE_ENDS)
