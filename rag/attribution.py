"""Who says so: the person or body that a sentence names as its source. Layer: pure.

Only what the sentence itself spells out is taken. "He said" names nobody, and a wrong name is worse than none.
"""

from __future__ import annotations

import re

from rag.quantities import MONTH

_VERB = (
    r"(?:said|says|told|tells|added|adds|claimed|claims|announced|announces|reported|reports|warned|warns|argued|argues|"
    r"insisted|insists|denied|denies|confirmed|confirms|stated|states|wrote|writes|estimated|estimates|"
    r"acknowledged|complained|replied|explained|noted|admitted|accused)"
)
_CAP = r"[^\W\d_a-zß-ÿ][\w’'.-]*"
# A name, with the small words that stand inside one: Institute of Coastal Studies, Ursula von der Leyen.
_NAME = rf"{_CAP}(?:(?:\s(?:of|for|the|and|de|del|der|di|la|van|von|bin|al))*\s{_CAP})*"
# Sources without a name: "Police said", "The institute denied". A role stands before a name or alone.
_BODY = (
    r"(?:[Tt]he\s+)?(?:[a-z-]+\s+){0,2}(?:police|organisers|organizers|government|ministry|council|company|prosecution|defence|"
    r"defense|institute|court|officials|army|hospital|university|club|union|party|agency|coroner|mayor|spokesman|"
    r"spokeswoman|spokesperson|doctors|residents|witnesses|prosecutors|firefighters|authorities|investigators)"
)
_SOURCE = rf"(?P<source>(?:[Tt]he\s+)?{_NAME}|{_BODY})"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b[Aa]ccording to {_SOURCE}",
        rf"[”\"]\s+{_VERB}\s+(?:[a-z-]+(?:[’']s)?,?\s+){{0,4}}?{_SOURCE}",
        rf"(?:^|[,;]\s|\b(?:but|and|while)\s){_SOURCE}(?:(?:,[^,]{{3,80}}){{0,2}},)?\s+(?:has\s+|have\s+|had\s+)?{_VERB}\b",
    )
)
_PRONOUNS = frozenset(
    "he she it they we i this that these those there who which his her their its one both some many others but and "
    "monday tuesday wednesday thursday friday saturday sunday".split()
)
_DAYS = re.compile(r"\s+(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b.*")
# "The institute March 3 said": a month only before its day, as there are people called May.
_MONTH = re.compile(rf"\s+{MONTH}(?=\s+\d)")
_ACRONYM = re.compile(r"(?:\b[^\W\d_]\.){2,}$")


def speaker(sentence: str) -> str | None:
    """The named source of a sentence, as it is spelled there; None where it names none or only a pronoun."""
    text = " ".join(sentence.split())
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            found = _named(text, *match.span("source"))
            owner = found.endswith(("’s", "'s")) or text[match.end("source") :].startswith(("’", "'"))
            if found and not owner and found.split()[0].lower() not in _PRONOUNS:
                return found
    return None


def _named(text: str, start: int, end: int) -> str:
    """A source without the day that stands behind it, and without the marks around it."""
    month = _MONTH.search(text, start)
    source = text[start : month.start() if month and month.end() == end else end]
    found = _DAYS.sub("", source).strip(" ,;’'")
    return found if _ACRONYM.search(found) else found.rstrip(" .,;’'")
