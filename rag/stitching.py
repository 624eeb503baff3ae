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
# "rival of the", "two of the young", "rival of" a name; "atmosphere of optimism" is no thing of another.
_DETERMINER = r"(?:the|an?|its|their|his|her|our|this|that|these|those)"
_OF = re.compile(r"\s+of(?P<the>\s+" + _DETERMINER + r")?(?:\s+[^\W\d_][\w'-]*)*\s+", re.IGNORECASE)
_OWNED = re.compile(r"'s?(?:\s+[^\W\d_][\w'-]*)*\s+")
# "The city of Brenna" is Brenna, and what "a group of students" did students did.
_SAME_THING = re.compile(
    r"(?:city|town|village|state|province|district|county|region|island|republic|kingdom|country|port|month|day|year|"
    r"group|crowd|team|series|pair|number|total|lot|couple|handful|kind|type|sort|piece)s?",
    re.IGNORECASE,
)


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
    if owner := _owner(said, source, places):
        found.append(f"says of {owner!r} what is said of something of it")
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


def _owner(said: Tokens, source: Tokens, places: list[int]) -> str | None:
    """What the sentence speaks of where the cited words speak of something of it: "the mayor" out of "the rival of the
    mayor", "the minister's wife", "two of the ministers"."""
    used = set(places)
    for i in sorted(used):
        token = source.tokens[i]
        if token.quantity or token.in_calendar or _joined_there(said, token.key):
            continue
        head = next((j for j in range(i - 1, -1, -1) if _of(source, j, i)), None)
        if head is not None and used.isdisjoint(range(head, i)) and not _same(source, head, token.start):
            return token.shown
        behind = next((j for j in range(i + 1, len(source.tokens)) if j not in used), None)
        if behind == i + 1 and _OWNED.fullmatch(source.raw, token.end, source.tokens[behind].start):
            return token.shown
    return None


def _of(source: Tokens, head: int, i: int) -> bool:
    """Whether token `head` is a thing of token `i`, which is a name or something definite."""
    joined = _OF.fullmatch(source.raw, source.tokens[head].end, source.tokens[i].start)
    return bool(joined and (joined["the"] or source.tokens[i].name))


def _same(source: Tokens, head: int, until: int) -> bool:
    """Whether "the city of Brenna" or "hundreds of people": what is of it is the thing itself."""
    token = source.tokens[head]
    of_known = re.match(r"\s+of (?:the|its|their|his|her|these|those)\b", source.raw[token.end : until])
    return bool(_SAME_THING.fullmatch(token.shown) or (token.quantity and not of_known))


def _joined_there(said: Tokens, key: str) -> bool:
    """Whether the sentence itself speaks of something of it, or owned by it."""
    return any(
        token.key == key
        and (re.search(r"\bof(?: \w+)* $", said.raw[: token.start]) or said.raw[token.end :].startswith("'"))
        for token in said.tokens
    )
