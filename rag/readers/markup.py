"""A piece of HTML to the text that a reader sees, where no page is around it. Layer: adapters."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_UNSEEN_TAGS = ("script", "style", "template")
_BLOCK_TAGS = frozenset(
    "article blockquote br dd div dt figcaption h1 h2 h3 h4 h5 h6 hr li ol p pre section summary table tr ul".split()
)
_CELL_TAGS = ("td", "th")
_SPACES = re.compile(r"\s+")
# No tag: its end is far or missing. The library would look for it from every such place again, to the end.
_NO_TAG = re.compile(r"<(?![^<>]{0,2000}>|!--.{0,2000}?-->)", re.DOTALL)
_AROUND_LINE_ENDS = re.compile(" *\n *")


class _TextOnly(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN_TAGS
        if tag in _BLOCK_TAGS:
            self.parts.append("\n")
        elif tag in _CELL_TAGS:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN_TAGS and self._unseen > 0
        if tag in _BLOCK_TAGS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(_SPACES.sub(" ", data))


def text_of(html: str) -> str:
    """The text, a line for each block. What is no HTML comes back as it is but for its white space."""
    parser = _TextOnly()
    parser.feed(_NO_TAG.sub("&lt;", html))
    parser.close()
    lines = _AROUND_LINE_ENDS.sub("\n", "".join(parser.parts)).split("\n")
    return "\n".join(line for line in lines if line.strip())
