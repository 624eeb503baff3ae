"""Word documents (.docx) to articles: paragraphs and tables in their order. Layer: adapters (python-docx)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rag.articles import one_line
from rag.readers.common import Source, articles_of, fallback_title
from rag.types import Article, Problem

MARKER = "word/document.xml"
"""The member by which such an archive is known."""

_TITLE_STYLES = ("Title", "Heading 1")


def read_docx(source: Source) -> Iterator[Article | Problem]:
    """The one article: its title is the first paragraph styled as one, else the document's property."""
    from docx import Document  # 0.2 s, and few runs meet one

    try:
        document = Document(source.stream)
        blocks = list(document.iter_inner_content())
        properties = document.core_properties
        fields = _fields(blocks, properties, source.name)
    except Exception as error:  # a damaged file finds every bug of a parser, and one file must not end a run
        yield Problem(source.where, f"the Word document cannot be read: {type(error).__name__}")
        return
    yield from articles_of(fields, source.where, source.limits)


def _fields(blocks: list[Any], properties: Any, name: str | None) -> dict[str, object]:
    heading = next((b for b in blocks if _style(b) in _TITLE_STYLES and b.text.strip()), None)
    title = one_line(heading.text if heading else properties.title or "")
    parts = [_text(block) for block in blocks if block is not heading]
    text = "\n\n".join(part for part in parts if part.strip())
    created = properties.created or properties.modified
    return {
        "title": title or fallback_title(name, text),
        "text": text,
        "authors": [properties.author or ""],
        "published": created.isoformat() if created else None,
        "language": properties.language or None,
    }


def _style(block: Any) -> str | None:
    style = getattr(block, "style", None)
    return style.name if hasattr(block, "text") and style is not None else None


def _text(block: Any) -> str:
    if hasattr(block, "rows"):
        return "\n".join(" | ".join(one_line(cell.text) for cell in row.cells) for row in block.rows)
    return str(block.text)
