"""XML of unknown origin to a tree: nothing in it is expanded or fetched. Layer: adapters (defusedxml)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.errors import UsageError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parse(data: bytes) -> Element:
    """The root element. Raises `UsageError`: it is not well-formed, or it defines entities."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(data)
    except DefusedXmlException as error:
        raise UsageError("defines XML entities, which are not expanded; it is not read") from error
    except (ParseError, ValueError, LookupError) as error:
        raise UsageError(f"is not well-formed XML: {error}") from error
    return root


def local(element: Element) -> str:
    """The name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def all_named(root: Element, *names: str) -> Iterator[Element]:
    """Every element below `root`, or itself, with one of the local names, in document order."""
    return (element for element in root.iter() if local(element) in names)


def first_text(root: Element, *names: str) -> str | None:
    """The text of the first such element that has any; the names are tried in their order."""
    for name in names:
        for element in all_named(root, name):
            if text := " ".join("".join(element.itertext()).split()):
                return text
    return None
