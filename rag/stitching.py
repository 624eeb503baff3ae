"""Was a sentence put together of parts that do not belong together? Layer: pure.

Every word of "the jury found him guilty of forging" may stand, in order, in "the jury found him guilty of theft, but
acquitted him of forging". These checks look at what was left out between, before and behind the words used.
"""

from __future__ import annotations

import re
from itertools import pairwise

from rag.lexical import Tokens

_SAYING = re.compile(
    r"\b(?:said|says|told|tells|according|claim(?:s|ed)|argu(?:es|ed)|warn(?:s|ed)|testif\w+|alleg(?:es|ed)|insist(?:s|ed)|"
    r"report(?:s|ed)|announc(?:es|ed)|estimat(?:es|ed))\b",
    re.IGNORECASE,
)
_SAID_AFTER = re.compile(r"\b(?:said|says|told|tells|according)\b", re.IGNORECASE)  # ", the water company said"
_TURN = re.compile(r";|\b(?:but|while|whereas|although|though|however|instead|and that)\b", re.IGNORECASE)
_OF_THEM = re.compile(r"\s+of (?:them|these|those|which|whom)\b", re.IGNORECASE)
_AGAINST = re.compile(r"\b(?:above|below|over|under|than|against|from)(?: the)?\s+$", re.IGNORECASE)
_WHO = re.compile(r",\s+(?:who|which|whose|whom)\b", re.IGNORECASE)


def faults(said: Tokens, source: Tokens) -> list[str]:
    """What was left out that must not be; nothing where the words are the cited ones. `said` and `source` are what
    `lexical.read` makes of the sentence and of the cited words."""
    places = _places(said, source)
    if said.raw == source.raw or not places:
        return []
    found = []
    if any(_turned(said, source, a, b) for a, b in pairwise(places) if b > a + 1):
        found.append("put together of two clauses")
    if any(_counted_between(source, a, b) for a, b in pairwise(places)):
        found.append("a number in between is left out")
    if _half_of_a_choice(said, source):
        found.append("an alternative is left out")
    start, end = source.tokens[min(places)].start, source.tokens[max(places)].end
    head, rest = _TURN.split(source.raw[:start])[-1], _TURN.split(source.raw[end:])[0]
    tail = re.search(r",[^,;]*$", rest)
    if _SAYING.search(head) or (tail and _SAID_AFTER.search(tail[0])):
        found.append("who says so is left out")
    if _of_another(source, places):
        found.append("says of one what is said of another")
    return found


def _places(said: Tokens, source: Tokens) -> list[int]:
    """Where the tokens of the sentence stand among those of the source: behind the one before, where they can."""
    places: list[int] = []
    for key in said.keys:
        there = [i for i, other in enumerate(source.keys) if other == key]
        later = [i for i in there if not places or i > places[-1]]
        places += [min(later or there)] if there else []
    return places


def _turned(said: Tokens, source: Tokens, a: int, b: int) -> bool:
    """Whether the words left out between two that are used begin another clause, which the sentence does not show."""
    turn = _TURN.search(source.raw, source.tokens[a].end, source.tokens[b].start)
    return bool(turn and turn[0].lower() not in said.raw.lower())


def _counted_between(source: Tokens, a: int, b: int) -> bool:
    """As in "23 were hurt seriously" out of "23 were hurt, two of them seriously", or "winds of 178 were forecast" out
    of "winds of 178, above the 165 forecast": what follows is said of those alone."""
    return any(
        token.quantity and (_OF_THEM.match(source.raw, token.end) or _AGAINST.search(source.raw[: token.start]))
        for token in source.tokens[a + 1 : b]
    )


def _half_of_a_choice(said: Tokens, source: Tokens) -> bool:
    """As "Weir Lane" out of "Weir Lane or Linden Court"."""
    return any(
        "or" in second.turned and first.key in said.keys and second.key not in said.keys
        for first, second in pairwise(source.tokens)
    )


def _of_another(source: Tokens, places: list[int]) -> bool:
    """As "the party said" out of "Mr Ost, who leads the party, said": a clause is used together with what comes behind
    it, but not the one that it is about."""
    for clause in _WHO.finditer(source.raw):
        over = source.raw.find(",", clause.end())
        starts = [source.tokens[i].start for i in places]
        if over > 0 and min(starts) > clause.start() and min(starts) < over < max(starts):
            return True
    return False
