"""IPTC NewsML-G2 (one item, or a message of many) and NITF to articles. Layer: adapters.

https://iptc.org/standards/newsml-g2/ - read are the parts that every agency fills: `itemMeta`, `contentMeta`,
`rightsInfo` and `contentSet` with its text as XHTML, NITF or plain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.errors import UsageError
from rag.readers import xml
from rag.readers.common import Source, articles_of, too_large, whole
from rag.types import Article, Problem

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_WITHDRAWN = ("stat:canceled", "stat:withheld")
_PARAGRAPHS = ("p", "h1", "h2", "h3", "h4", "hl2", "li", "td", "th", "dd", "dt")


def read_newsml(source: Source) -> Iterator[Article | Problem]:
    """One article an item that has text; items of pictures and the like, and withdrawn ones, are a `Problem` each."""
    data = whole(source)
    if data is None:
        yield too_large(source.where, source.limits)
        return
    try:
        root = xml.parse(data)
    except UsageError as error:
        yield Problem(source.where, str(error))
        return
    items = [root] if xml.local(root) in ("nitf", "newsItem") else list(xml.all_named(root, "newsItem"))
    if not items:
        yield Problem(source.where, "holds no news item")
    for position, item in enumerate(items, 1):
        where = source.where if len(items) == 1 else f"{source.where}, item {position}"
        status = _attribute(item, "pubStatus", "qcode")
        if status in _WITHDRAWN:
            yield Problem(where, f"its provider marks it {status}; it is not read")
            continue
        text = _text(item)
        if not text:
            yield Problem(where, "has no text")
            continue
        yield from articles_of({**_fields(item), "text": text}, where, source.limits)


def _fields(item: Element) -> dict[str, object]:
    issued = _attribute(item, "date.issue", "norm")
    return {
        "id": item.get("guid") or _attribute(item, "doc-id", "id-string"),
        "url": _attribute(item, "link", "href"),
        "title": xml.first_text(item, "headline", "hl1", "title"),
        "source": xml.first_text(item, "infoSource", "creditline", "provider", "distributor")
        or _attribute(item, "infoSource", "literal", "uri", "qcode")
        or _attribute(item, "provider", "literal", "uri", "qcode"),
        "published": xml.first_text(item, "firstCreated", "contentCreated", "versionCreated") or issued,
        "updated": xml.first_text(item, "versionCreated") if xml.first_text(item, "firstCreated") else None,
        "byline": xml.first_text(item, "by", "byline"),
        "authors": [xml.first_text(item, "by", "byline") or ""],
        "language": _attribute(item, "language", "tag") or item.get(_XML_LANGUAGE),
        "license": xml.first_text(item, "usageTerms", "copyrightNotice"),
    }


def _text(item: Element) -> str:
    for name in ("inlineXML", "body.content", "inlineData"):
        for content in xml.all_named(item, name):
            body = next(xml.all_named(content, "body.content", "body"), content)
            paragraphs = [" ".join("".join(p.itertext()).split()) for p in xml.all_named(body, *_PARAGRAPHS)]
            text = "\n\n".join(filter(None, paragraphs)) or "".join(body.itertext()).strip()
            if text and content.get("contenttype", "text").startswith(("text", "application")):
                return text
    return ""


def _attribute(item: Element, element: str, *names: str) -> str | None:
    for found in xml.all_named(item, element):
        if value := next((found.get(name) for name in names if found.get(name)), None):
            return value
    return None
