"""What other people's exports call the fields of the input contract. Layer: adapters."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAMES = {
    "title": "title headline heading",
    "text": "text fulltext articletext articlebody body bodytext content article",
    "url": "url link canonicalurl weburl articleurl permalink",
    "source": "source outlet publication publisher newspaper site sitename sourcename",
    "published": "published publishedat publicationdate publishdate pubdate datepublished publishedon date",
    "authors": "authors author byline creator",
    "updated": "updated updatedat modified modifiedat datemodified lastmodified lastupdated lastmod",
    "section": "section category desk rubric articlesection",
    "language": "language lang",
    "license": "license licence",
    "id": "id",
}
_OURS = {name: ours for ours, names in _NAMES.items() for name in names.split()}
_ORDER = {name: place for place, name in enumerate(name for names in _NAMES.values() for name in names.split())}
_NOT_LETTERS = re.compile(r"[\W_]+")


def field_of(name: object) -> str | None:
    """The field of ours that a column or key means, if any; case, spaces and underscores do not count."""
    return _OURS.get(_key(name))


def with_our_names(record: Mapping[object, object]) -> dict[str, object]:
    """The record under our names. A key that is ours already wins, then the more telling one: `body` over `article`."""
    fields: dict[str, object] = {}
    for key in sorted((k for k in record if field_of(k)), key=lambda k: (k not in _NAMES, _ORDER[_key(k)])):
        value, ours = record[key], field_of(key)
        if ours and fields.get(ours) in (None, "", []):
            fields[ours] = _plain(value) if ours in ("source", "authors") else value
    byline = next((value for key, value in record.items() if _key(key) == "byline"), None)
    return {**fields, "byline": byline} if isinstance(byline, str) else fields


def _key(name: object) -> str:
    return _NOT_LETTERS.sub("", str(name)).lower()


def _plain(value: object) -> object:
    """`{"name": "The Paper"}` and lists of such, as schema.org and news APIs write them, to the name."""
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        return value["name"]
    return [_plain(item) for item in value] if isinstance(value, list) else value
