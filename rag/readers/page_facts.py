"""What a page says of itself for machines: when it was published and changed, and its section. Layer: adapters.

Sites write it as JSON-LD (schema.org), as `meta` elements under a dozen names, or as attributes of what a reader sees.
A moment with its time zone is better than a day, whoever writes it: a day in the address of a page is that of the
newsroom, and a day is all that readers of pages make of most of them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from rag.articles import iso

_PUBLISHED = (
    "article:published_time og:article:published_time article:published datepublished og:pubdate pubdate pub_date "
    "parsely-pub-date published dc.date.issued dcterms.issued dcterms.created dc.date sailthru.date date"
).split()
_UPDATED = "article:modified_time og:article:modified_time article:modified og:updated_time datemodified".split()
_SECTION = "article:section articlesection".split()
_LINKED = '//script[contains(@type, "ld+json")]/text()'
_SECTION_CHARACTERS = 40  # more is a list of keywords
_FIRST_YEAR = 1900  # some sites say the year 1 for "unknown"


class PageFacts:
    """Of one page, from its tree. What is not there, or no date, is None."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self._linked = "\n".join(map(str, tree.xpath(_LINKED)))
        self._metas: dict[str, str] = {}
        for element in tree.xpath("//meta[@content]"):
            for attribute in ("property", "name", "itemprop"):
                content = element.get("content").strip()
                if content and element.get(attribute):
                    self._metas.setdefault(element.get(attribute).strip().lower(), content)

    @property
    def published(self) -> str | None:
        """ISO 8601, in its own time zone where it has one."""
        return _best([*self._of("datePublished"), *self._named(_PUBLISHED)])

    @property
    def updated(self) -> str | None:
        """ISO 8601, in its own time zone where it has one."""
        return _best([*self._named(_UPDATED), *self._of("dateModified")])

    def section(self, otherwise: str | None) -> str | None:
        """The first of several, or the one that somebody else found."""
        found = next(iter([*self._named(_SECTION), *self._of("articleSection")]), otherwise)
        return found if found is None or len(found) <= _SECTION_CHARACTERS else found.partition(",")[0].strip()

    def _named(self, names: list[str]) -> Iterator[str]:
        return (self._metas[name] for name in names if name in self._metas)

    def _of(self, key: str) -> Iterator[str]:
        """Values of a key of schema.org. JSON-LD is not parsed: much of it is no valid JSON."""
        pattern = rf'"{key}"\s*:\s*(?:\[\s*)?"((?:[^"\\\n]|\\.){{1,200}})"'
        for found in re.findall(pattern, self._linked):
            with suppress(ValueError):
                yield html.unescape(json.loads(f'"{found}"')).strip()
        for element in self._tree.xpath("//*[@itemprop=$key and (@content or @datetime)]", key=key):
            yield str(element.get("content") or element.get("datetime")).strip()


def _best(values: list[str]) -> str | None:
    """The first moment with a time zone of the first day that is told so; else the first date."""
    dates: list[str] = []
    for value in values:
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            found = iso(value)
            if datetime.fromisoformat(found).year >= _FIRST_YEAR:
                dates.append(found)
    zoned = [found for found in dates if datetime.fromisoformat(found).tzinfo]
    return next(iter(zoned or dates), None)
