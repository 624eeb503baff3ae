"""Questions for an office or an attribute, and the articles that say anything of it. Layer: pure.

"What is the capital of Australia?" finds true sentences about Australia; none answers out of an article without the
word "capital". Only what has one name is looked at: a boss may be called a chief executive, a mayor is called a mayor.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag import lexical
from rag.evidence import Query
from rag.types import Article, Evidence

_ALSO = {"premier": "minister pm", "minister": "premier pm", "king": "monarch", "queen": "monarch", "pope": "pontiff"}
_NOUN = (
    r"capital|mayor|president|prime minister|premier|chancellor|governor|king|queen|emperor|pope|archbishop|ambassador|"
    r"population|currency|anthem|official language"
)
_ASKS = re.compile(
    r"^\W*(?:who|what|which (?:city|town))(?:['’]s|\s+(?:is|are|was|were|became))\s+(?:the\s+)?"
    r"(?:name\s+of\s+(?:the\s+)?)?"
    r"(?:(?!(?:of|to|for|by)\b)\S+\s+){0,3}?"
    rf"(?P<noun>{_NOUN})\b(?!\s+(?:punishment|city|gains?|spending|says?|said))",
    re.IGNORECASE,
)
_SAME = (
    frozenset("us u.s usa america american united states".split()),
    frozenset("uk u.k britain british united kingdom".split()),
)
_LONG = 5  # letters that a country and its people have in common: Brazil, Brazilian
_FAMILY = 6  # letters that an office and its adjective have in common: president, presidential


def telling(query: Query, ranked: Sequence[Evidence]) -> list[Evidence]:
    """The evidence out of articles that name the office or attribute asked for, and whose it is; all of it where the
    question asks for none of these."""
    asks = _ASKS.match(query.text)
    if not asks:
        return list(ranked)
    noun = asks["noun"].split()[-1].lower()
    nouns = {lexical.stem(w) for w in (noun, *_ALSO.get(noun, "").split())}
    names = [name for name in lexical.names(query.text) if lexical.stem(name) not in nouns]
    said: dict[str, bool] = {}
    for item in ranked:
        if item.article.id not in said:
            said[item.article.id] = _says(item.article, nouns, names)
    return [item for item in ranked if said[item.article.id]]


def _says(article: Article, nouns: set[str], names: Sequence[str]) -> bool:
    words = frozenset(lexical.words(f"{article.title} {article.text}"))
    if not any(lexical.stem(w) in nouns or _akin(w, nouns) for w in words):
        return False
    return not names or any(_named(name, words) for name in names)


def _akin(word: str, nouns: set[str]) -> bool:
    return any(len(noun) >= _FAMILY and word.startswith(noun[:_FAMILY]) for noun in nouns)


def _named(name: str, words: frozenset[str]) -> bool:
    alike = next((same for same in _SAME if name in same), frozenset((name,)))
    return bool(alike & words) or (len(name) >= _LONG and any(w.startswith(name[:_LONG]) for w in words))
