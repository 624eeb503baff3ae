"""Facts about a story as a person reads them. Layer: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag.articles import published_day
from rag.errors import UsageError
from rag.types import Citation

UNSURE = "Unsure: these words may not answer the question."
"""What is said of an answer that may be none (`Answer.unsure`)."""


def spread(citation: Citation) -> str:
    """` (5 copies, 2 independent outlets)`: copies are one source, however many they are."""
    outlets = len(citation.independent_outlets)
    copies = f"{citation.copies + 1} copies" if citation.copies else ""
    told = count(outlets, "independent outlet") if outlets > 1 or (copies and outlets) else ""
    return f" ({', '.join(filter(None, (copies, told)))})" if copies or told else ""


def corrected(correction: Mapping[str, Any]) -> str:
    """What became of a cited story, see `Citation.correction`."""
    kind, published = correction.get("kind", "corrected"), correction.get("published")
    when = day(published) if published else ""
    if kind == "version":
        return f"another version of the story{f', {when}' if when else ''}: {correction['text']}"
    return f"the story was {kind}{f' on {when}' if when else ''}: {correction['text']}"


def day(published: str) -> str:
    """`3 November 2025`: the day in UTC, the one that `--since` and `--until` compare with."""
    try:
        found = published_day(published)
    except UsageError:
        return published
    return f"{found.day} {found:%B %Y}"


def count(number: int, name: str) -> str:
    """`1 article`, `2 articles`."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
