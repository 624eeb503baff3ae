"""What kind of answer a question asks for. Layer: pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from rag import lexical
from rag.errors import UsageError
from rag.quantities import quantities

Asked = Literal["number", "money", "when", "who", "where", "said", "why", "other"]

_PATTERNS: tuple[tuple[Asked, str], ...] = (
    (
        "money",
        r"\bhow much (?:money|did .* (?:pay|cost|offer|raise|bid|earn|fine))|"
        r"\b(?:price|cost|fine[ds]?|salary|fee|budget)\b",
    ),
    (
        "number",
        r"\bhow (?:many|much|old|long|far|fast|tall|big|large|high|deep|heavy|often)\b|\b(?:crowd|size|count|figure)\b|"
        r"\b(?:toll|number of|percentage|what (?:share|percent|proportion)|score|turnout|attendance|magnitude|rate)\b",
    ),
    (
        "when",
        r"^\s*when\b|\b(?:what|which) (?:date|day|year|month|time|century)\b|"
        r"\bwhen (?:did|was|were|is|will|does)\b",
    ),
    (
        "said",
        r"\bwhat (?:did|does|has|have) .*\b(?:say|said|tell|claim|argue|call|describe|respond)\b|"
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
        r"\bwhere\b|\b(?:in|at) (?:what|which) \w+|"
        r"\b(?:what|which|in what|in which) (?:city|country|town|place|state|region|village|location|district)\b",
    ),
    ("why", r"\bwhy\b|\bwhat (?:caused|led to|prompted)\b|\bfor what reason\b"),
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
    """The kind of answer wanted, by its question words; the first kind that fits."""
    return next((kind for kind, pattern in _COMPILED if pattern.search(question)), "other")


def fits(kind: Asked, question: str, sentence: str) -> float:
    """Whether a sentence holds something of the wanted kind that the question does not already say: 1 yes, 0 no,
    0.5 where the kind asks for nothing that can be seen."""
    known, given = _known(question)
    if kind in ("number", "money"):
        new = [q for q in quantities(sentence) if q.value not in given]
        if kind == "money":
            return float(any(q.unit not in ("", "%") for q in new) or bool(re.search(r"[$€£¥]", sentence)))
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
