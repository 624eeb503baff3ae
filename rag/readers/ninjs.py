"""IPTC ninjs, the news agencies' JSON, versions 1 to 3, to the fields of the input contract. Layer: adapters.

https://iptc.org/standards/ninjs/ - version 1 has `headline` and `body_text` or `body_xhtml`, version 2 lists of
headlines and bodies with roles and content types; version 3 spells the same names with capitals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag.errors import UsageError
from rag.readers.markup import text_of

_MARKED_UP = ("html", "xml")
_WITHDRAWN = ("canceled", "cancelled", "withheld")


def is_item(value: Mapping[Any, object]) -> bool:
    """Whether an object is a ninjs item: `uri` is all that it must have, and a body what makes it an article."""
    names = {str(name).lower() for name in value}
    return "uri" in names and ("bodies" in names or any(name.startswith("body_") for name in names))


def fields_of(value: Mapping[Any, object]) -> dict[str, object]:
    """The fields; those that are missing are None. Raises `UsageError` for one that was withdrawn."""
    item = {str(name).lower(): content for name, content in value.items()}
    status = str(item.get("pubstatus") or "usable").lower()
    if status.rpartition(":")[2] in _WITHDRAWN:
        raise UsageError(f"its provider marks it {status}; it is not read")
    source = item.get("source") or _first_name(item.get("infosources"))
    return {
        "id": item["uri"],
        "url": _web(item.get("url")) or _web(item["uri"]),
        "title": item.get("headline") or _main(item.get("headlines"), "value") or item.get("title"),
        "text": _body(item),
        "source": source or item.get("copyrightholder") or _rights(item).get("copyrightholder"),
        "published": next((item[n] for n in ("firstcreated", "contentcreated", "versioncreated") if item.get(n)), None),
        "updated": item.get("versioncreated") if item.get("firstcreated") or item.get("contentcreated") else None,
        "section": _first_name(item.get("subject") or item.get("subjects")),
        "byline": item.get("byline") or item.get("by"),
        "authors": [item.get("byline") or item.get("by") or ""],
        "language": item.get("language"),
        "license": item.get("usageterms") or _rights(item).get("usageterms"),
    }


def _body(item: Mapping[str, object]) -> object:
    for name in sorted((n for n in item if n.startswith("body_") and item[n]), key=lambda n: n != "body_text"):
        return text_of(str(item[name])) if any(kind in name for kind in _MARKED_UP) else item[name]
    bodies = [{str(k).lower(): v for k, v in b.items()} for b in _list(item.get("bodies")) if isinstance(b, Mapping)]
    for body in sorted(bodies, key=lambda b: str(b.get("role", "")) not in ("", "main", "body", "fulltext")):
        content = body.get("value")
        if isinstance(content, str) and content.strip():
            marked_up = any(kind in str(body.get("contenttype")) for kind in _MARKED_UP)
            return text_of(content) if marked_up else content
    return None


def _main(value: object, name: str) -> object:
    items = [item for item in _list(value) if isinstance(item, Mapping)]
    chosen = min(items, key=lambda item: str(item.get("role", "")) not in ("", "main"), default={})
    return chosen.get(name)


def _first_name(value: object) -> object:
    return next((item["name"] for item in _list(value) if isinstance(item, Mapping) and item.get("name")), None)


def _rights(item: Mapping[str, object]) -> dict[str, object]:
    rights = item.get("rightsinfo")
    return {str(k).lower(): v for k, v in rights.items()} if isinstance(rights, Mapping) else {}


def _web(value: object) -> object:
    return value if isinstance(value, str) and value.startswith(("http://", "https://")) else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
