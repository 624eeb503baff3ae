"""Markdown to the text that a reader of the rendered page sees. Layer: adapters (markdown-it-py)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from rag.articles import one_line
from rag.readers import front_matter
from rag.readers.common import Document, fallback_title
from rag.readers.encoding import decode
from rag.readers.markup import text_of

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.tree import SyntaxTreeNode

# Text nested deeper than this would be left out silently; the library's own limit of 20 is in reach of quoted mail.
_MAX_NESTING = 100
_PRODUCT = re.compile(r"(?<=\d)\*+(?=\d)")
_LINE_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)


def parse(data: bytes, name: str | None) -> Document:
    """See `DocumentParser`. The title is the front matter's, else the first top heading, which then leaves the text."""
    decoded, warnings = decode(data)
    fields, body = front_matter.split(re.sub(r"\r\n?", "\n", decoded))
    from markdown_it.tree import SyntaxTreeNode

    blocks = list(SyntaxTreeNode(_parser().parse(body)).children)
    heading = next((b for b in blocks if b.type == "heading" and b.tag == "h1" and _inline(b)), None)
    top = _inline(heading) if heading else ""
    title = top if fields.get("title") in (None, "") else fields["title"]
    if heading and one_line(str(title)) == one_line(top):
        blocks.remove(heading)
    text = "\n\n".join(part for block in blocks for part in _rendered(block))
    if title == "":
        title = fallback_title(name, text)
    return Document({**fields, "title": title, "text": text}, warnings)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("emphasis", "product", _product)
    return parser


def _product(state: StateInline, silent: bool) -> bool:
    """A rule of the parser: asterisks between digits are what they are. As emphasis they would make 53 of 5*3."""
    match = _PRODUCT.match(state.src, state.pos)
    if not match:
        return False
    if not silent:
        state.pending += match[0]
    state.pos = match.end()
    return True


def _rendered(block: SyntaxTreeNode) -> Iterator[str]:
    """The paragraphs of one block, none of them empty."""
    if block.type in ("paragraph", "heading"):
        text = _inline(block)
    elif block.type in ("fence", "code_block"):
        text = block.content.rstrip("\n")
    elif block.type == "html_block":
        text = text_of(block.content)
    elif block.type in ("bullet_list", "ordered_list"):
        text = "\n".join(_item(item) for item in block.children)
    elif block.type == "table":
        rows = (row for part in block.children for row in part.children)
        text = "\n".join(" | ".join(_inline(cell) for cell in row.children) for row in rows)
    else:  # a quotation, or a rule, which has nothing in it
        for child in block.children:
            yield from _rendered(child)
        return
    if text.strip():
        yield text


def _item(item: SyntaxTreeNode) -> str:
    """One item, a line for each of its paragraphs. Its number stays: to Markdown "1986. A great year" is a list."""
    marker = f"{item.info}{item.markup}" if item.info else "-"
    return f"{marker} " + "\n".join(part for child in item.children for part in _rendered(child))


def _inline(block: SyntaxTreeNode) -> str:
    tokens = (token for child in block.children if child.token for token in child.token.children or ())
    return "".join(_shown(token.type, token.content) for token in tokens).strip()


def _shown(kind: str, content: str) -> str:
    if kind in ("text", "code_inline"):
        return content
    if kind == "softbreak":
        return " "
    if kind == "hardbreak" or (kind == "html_inline" and _LINE_BREAK_TAG.fullmatch(content)):
        return "\n"
    return ""  # an image, a tag, or the mark where emphasis or a link begins or ends
