"""What kind of answer a question asks for. Layer: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from rag import lexical
from rag.errors import UsageError
from rag.quantities import figures, is_money, quantities

Asked = Literal["number", "money", "when", "who", "where", "said", "why", "other"]

# "Who paid the fine?" asks for a person: the word that a question opens with says more than the nouns behind it.
_OPENING = re.compile(
    r"^\W*(?:(?:and|so|but)\W+)?(?:(?:by|to|for|from|with|of|at|in|on|under|since|until|till)\s+)?"
    r"(?P<word>who|whom|whose|when|where|why)\b",
    re.IGNORECASE,
)
_OPENS: Mapping[str, Asked] = {
    "who": "who", "whom": "who", "whose": "who", "when": "when", "where": "where", "why": "why"
}  # fmt: skip
_PATTERNS: tuple[tuple[Asked, str], ...] = (
    ("said", r"\bwhat (?:did|does|has|have) .*\b(?:say|said|tell|claim|argue|call|describe|respond)\b"),
    (
        "money",
        r"\bhow much (?:money|(?:is|was|are|were) (?:an?|one|the)\b|(?:did|does|do|will|would|has|have|had) .*"
        r"(?:pay|paid|cost|offer|raise|bid|earn|fine|spend|spent|owe))|"
        r"\b(?:price[ds]?|cost(?:s|ing)?|fine[ds]?|salary|fee|fare|budget|worth)\b",
    ),
    (
        "number",
        r"\bhow (?:many|much|old|long|far|fast|tall|big|large|high|deep|heavy|often)\b|\b(?:crowd|size|count|figure)\b|"
        r"\b(?:toll|number of|percentage|what (?:share|percent|proportion)|score|turnout|attendance|magnitude|rate)\b|"
        r"\b(?:what|which) (?:minute|age|height|speed|distance)\b",
    ),
    (
        "when",
        r"\b(?:what|which) (?:date|day|year|month|time|century|week|hour|decade|season)s?\b|"
        r"\bwhen (?:did|was|were|is|will|does)\b",
    ),
    (
        "said",
        r"\bhow did .*\b(?:respond|react|describe|put|explain|justify|characteri[sz]e)\b|"
        r"\b(?:verdict|accusation|reaction|response|comment|criticism|argument|promise|warning)\b",
    ),
    (
        "who",
        r"\bwho(?:m|se)?\b|\bwhich (?:person|player|minister|politician|coach|company|agency|club|party|team|firm)\b|"
        r"\bwhat (?:person|man|woman)\b|\b(?:by whom|name of the)\b",
    ),
    (
        "where",
        r"\bwhere\b|\b(?:in|at) (?:what|which) (?!way|case|sense|form|order|respect|circumstances|condition)\w+|"
        r"\b(?:what|which|in what|in which) (?:city|country|town|place|state|region|village|location|district)\b",
    ),
    (
        "why",
        r"\bwhy\b|\bwhat (?:caused|led to|prompted|made|explain(?:s|ed)|(?:is|was|lies|lay) behind)\b|"
        r"\breasons? (?:for|why|that|behind|did|does|was|were|is|are|given)\b|\b(?:main|chief|real|only) reason\b|"
        r"\bfor what reason\b",
    ),
)
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _PATTERNS)
_DATE = re.compile(
    r"\b(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\b|\b(?:1[0-9]|20)\d\d\b|"
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:yesterday|today|tomorrow|tonight|century|midnight|noon)\b|"
    r"\b(?:last|next|this|early|late|mid)[ -](?:week|month|year|night|summer|winter|spring|autumn|fall)\b|"
    r"\b\d+ ?[ap]\.?m\b",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?:in|at|near|from|to|outside|inside|off|along|across|of|on|into)\s+(?:the\s+)?[^\W\d_a-z]\w+")
_FULL_NAME = re.compile(r"[^\W\d_a-z][\w’'-]+(?: (?:al|bin|de|del|der|di|la|van|von))? [^\W\d_a-z][\w’'-]+")
_SAID = re.compile(
    r"[“\"]|\b(?:said|told|added|accus\w+|argued|called|claimed|warned|insisted|denied|wrote|described)\b"
)
# "How long" wants a time or a distance: a number of anything else is none.
_LENGTH = re.compile(r"\bhow (long|far)\b(?! ago)", re.IGNORECASE)
_OF_TIME = r"(?:second|minute|hour|day|night|week|fortnight|month|season|year|decade|centur(?:y|ie))s?\b"
_OF_SPACE = r"(?:centimetre|metre|meter|kilometre|kilometer|mile|yard|feet|foot|inch|cm|km|m\b)"
_MEASURED = {
    "long": re.compile(rf"[\s-]+(?:\w+[\s-]+)?(?:{_OF_TIME}|{_OF_SPACE})", re.IGNORECASE),
    "far": re.compile(rf"[\s-]+(?:\w+[\s-]+)?(?:{_OF_SPACE}|{_OF_TIME}|per cent)|\s?%", re.IGNORECASE),
}
_BECAUSE = re.compile(
    r"\b(?:because|due to|after|over|caused?|owing|blam\w+|reason|since|as a result|following|so that|in order|"
    r"to avoid|amid|cit(?:ed|ing))\b", re.IGNORECASE)  # fmt: skip


def checked(question: str, most: int) -> str:
    """The question without outer white space, each half of a character replaced: command lines and JSON can spell
    halves, which no model takes. Raises UsageError when it holds no word or more than `most` characters."""
    question = question.strip().encode("utf-8", errors="replace").decode("utf-8")
    if not lexical.words(question):
        raise UsageError("the question is empty: ask something in words")
    if len(question) > most:
        raise UsageError(f"the question has {len(question)} characters, more than {most}: shorten it")
    return question


def asked(question: str) -> Asked:
    """The kind of answer wanted, by the word that the question opens with, or else the first kind that fits."""
    if opening := _OPENING.match(question):
        return _OPENS[opening["word"].lower()]
    return next((kind for kind, pattern in _COMPILED if pattern.search(question)), "other")


def fits(kind: Asked, question: str, sentence: str) -> float:
    """Whether a sentence holds something of the wanted kind that the question does not already say: 1 yes, 0 no,
    0.5 where the kind asks for nothing that can be seen."""
    known, given = _known(question)
    if kind in ("number", "money"):
        new = [q for q in figures(sentence) if q.value not in given]
        if length := _LENGTH.search(question):
            new = [q for q in new if _MEASURED[length[1].lower()].match(sentence, q.end)]
        if kind == "money":
            return float(any(is_money(sentence, q) for q in new))
        return float(bool(new))
    if kind == "when":
        return float(any(lexical.fold(m.group()) not in known for m in _DATE.finditer(sentence)))
    if kind == "who":
        # A full name is likely a person; a single capitalised word may be anything.
        if any(not set(lexical.words(m.group())) <= known for m in _FULL_NAME.finditer(sentence)):
            return 1.0
        return 0.3 * any(n not in known for n in lexical.names(sentence))
    if kind == "where":
        return float(any(not set(lexical.words(m.group())[1:]) <= known for m in _PLACE.finditer(sentence)))
    if kind == "said":
        return float(bool(_SAID.search(sentence)))
    if kind == "why":
        return float(bool(_BECAUSE.search(sentence)))
    return 0.5


@lru_cache(maxsize=64)
def _known(question: str) -> tuple[frozenset[str], frozenset[float | str]]:
    """The words and the numbers of a question: asked for again with every sentence."""
    return frozenset(lexical.words(question)), frozenset(q.value for q in quantities(question))


def key_names(question: str) -> list[str]:
    """Folded names and numbers of a question: `Who leads the CHP in 2025?` gives chp, 2025."""
    numbers = [m.group() for m in re.finditer(r"\b\d[\d.,]*\b", question)]
    return list(dict.fromkeys([*lexical.names(question), *(lexical.fold(n.rstrip(".,")) for n in numbers)]))
