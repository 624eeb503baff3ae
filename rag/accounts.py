"""Where stories give different figures for the same thing: who says which, and which is the latest. Layer: pure.

Two figures are about the same thing when they count what the question asks for (deaths, arrests, a crowd, ... the words
of `_SAME`), in one unit, in sentences about the names of the question. Figures for other things are left alone: a
disagreement that is none would cost more trust than one that is missed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from rag import lexical
from rag.evidence import Query
from rag.quantities import Quantity, quantities
from rag.types import Evidence

_BEFORE, _AFTER = 8, 5  # words beside a figure that may say what it counts
_MOST = 4
_CONTEXT = 0.4  # of the best sentence's share of the question's terms, in the sentence and around it
# Words that newsrooms use for one another when they count.
_SAME = {
    word: name
    for name, words in {
        "death": "dead die died death deaths toll kill kills killed killing lives bodies fatality fatalities victims",
        "injury": "injured injuries wounded hurt",
        "missing": "missing unaccounted",
        "arrest": "arrest arrests arrested detained detentions",
        "crowd": "marchers protesters demonstrators turnout crowd attended attendance march marched",
        "jobless": "jobless unemployed unemployment",
        "home": "homes houses households",
        "passenger": "passengers riders ridership",
    }.items()
    for word in words.split()
}
_CORRECTED = re.compile(
    r"\b(?:correct(?:ed|ion|s)?|revis(?:ed|es|ion)|lowered|cut its|right figure|in error|instead of|and not|"
    r"replac\w+)\b",
    re.IGNORECASE,
)
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_YEAR_LIKE = re.compile(r"(?:1[89]|20)\d\d")
_ELSE_AFTER = re.compile(
    rf"\s+(?:{_MONTH}\b|(?:\w+\s+)?of\s+(?:the|them|those|these|whom)\b|(?:latest|other|more|new)\b"
    r"|(?:hour|day|week|month|year)s?\b)|-year|\s+years?\s+old"
)
_ELSE_BEFORE = re.compile(
    rf"(?:{_MONTH}|\b(?:aged?|the|these|those|latest|(?:man|woman|boy|girl|person)\s+of))\s+$", re.IGNORECASE
)

_SHARE = re.compile(r"\b(?:share|rate|percentage|proportion|per ?cent)\b|%", re.IGNORECASE)
# "could rise to over 100,000": within the words before a figure.
_NOT_YET = re.compile(
    r"\b(?:could|might|may|would|expected|feared|estimates?d? to)\b(?:\W+\w+){0,4}\W*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Account:
    """One figure: `value` as the sentence writes it. `status`: latest, earlier, corrected, or differs (same day)."""

    evidence: Evidence
    value: str
    number: float
    status: str = "differs"


def counting(query: Query, ranked: Sequence[Evidence]) -> Evidence | None:
    """The best evidence with a figure for what the question counts, about as many of its names as the best of all;
    None where there is none, or the question counts none of these things."""
    wanted = _asked(query)
    names = ranked[0].signals["names_in_context"]
    return next(
        (
            item
            for item in ranked
            if wanted and item.signals["names_in_context"] >= names and _figure(query, item.text, wanted, None)
        ),
        None,
    )


def _asked(query: Query) -> str | None:
    """What a question for a number counts."""
    if query.kind not in ("number", "money"):
        return None
    return next((_SAME[w] for w in lexical.words(query.text) if w in _SAME), None)


def differing(query: Query, best: Evidence, ranked: Sequence[Evidence]) -> list[Account]:
    """The figures for what `best` counts, newest first, where the evidence has more than one; nothing otherwise."""
    wanted = _asked(query)
    quantity = _figure(query, best.text, wanted, None) if wanted else None
    if wanted is None or quantity is None:
        return []
    found = {quantity.value: Account(best, best.text[quantity.left : quantity.right].strip(), float(quantity.value))}
    seen = {best.article.id}
    for item in ranked:
        if item.article.id in seen or not _alike(item, best) or len(found) == _MOST:
            continue
        q = _figure(query, item.text, wanted, quantity.unit)
        if q is not None:
            seen.add(item.article.id)  # its best sentence speaks for the article
        if q is not None and q.value not in found:
            found[q.value] = Account(item, item.text[q.left : q.right].strip(), float(q.value))
    if len(found) == 1:
        return []
    return _dated(list(found.values()))


def same_figure(query: Query, a: Evidence, b: Evidence) -> bool:
    """Whether the question counts something and both sentences, about it alike, have one figure for it."""
    wanted = _asked(query)
    mine = _figure(query, a.text, wanted, None) if wanted else None
    if wanted is None or mine is None or not _alike(b, a):
        return False
    its = _figure(query, b.text, wanted, mine.unit)
    return its is not None and its.value == mine.value


def known_by(accounts: Sequence[Account], day: date) -> list[Account]:
    """The accounts that were known on a day; all of them where none is that old, or none has a date."""
    old = [a for a in accounts if (a.evidence.article.published or "9999")[:10] <= day.isoformat()]
    return _dated([replace(a, status="differs") for a in old]) if old else list(accounts)


def _dated(accounts: list[Account]) -> list[Account]:
    """Newest first, with what each is beside the others."""
    accounts.sort(key=lambda a: a.evidence.article.published or "", reverse=True)
    newest = (accounts[0].evidence.article.published or "")[:10]
    corrected = bool(_CORRECTED.search(accounts[0].evidence.text))
    dated = []
    for account in accounts:
        day = (account.evidence.article.published or "")[:10]
        earlier = "corrected" if corrected else "earlier"
        same = not day or not newest or day == newest
        dated.append(replace(account, status="differs" if same else earlier))
    if any(a.status != "differs" for a in dated) and newest:
        dated[0] = replace(dated[0], status="latest")
    return dated


def _alike(item: Evidence, best: Evidence) -> bool:
    """Whether a sentence is about the question as much as the best one, and about all of its names."""
    mine, its = item.signals, best.signals
    names = mine["names_in_context"] >= its["names_in_context"]
    return names and mine["terms_in_context"] >= _CONTEXT * its["terms_in_context"]


def _figure(query: Query, text: str, wanted: str, unit: str | None) -> Quantity | None:
    """The first figure of a sentence that counts the wanted thing and that the question does not give."""
    given = {q.value for q in quantities(query.text)}
    for quantity in quantities(text):
        if isinstance(quantity.value, str) or quantity.value in given or _counts_else(text, quantity):
            continue
        if _SHARE.search(query.text) and quantity.unit != "%":
            continue
        before = lexical.words(re.split(r"[,;:.]\s", text[: quantity.left])[-1])[-_BEFORE:]
        after = lexical.words(re.split(r"[,;:.]\s", text[quantity.right :])[0])[:_AFTER]
        if unit in (None, quantity.unit) and any(_SAME.get(w) == wanted for w in (*before, *after)):
            return quantity
    return None


def _counts_else(text: str, quantity: Quantity) -> bool:
    """A fear, a forecast, a date, an age, a part of the whole, people named before ("the two"), or the old figure of
    "from 7 to 5"."""
    digits, before = text[quantity.start : quantity.end], text[: quantity.left]
    return bool(
        (_YEAR_LIKE.fullmatch(digits) and not quantity.unit)
        or _ELSE_AFTER.match(text, quantity.end)
        or _ELSE_BEFORE.search(before)
        or _NOT_YET.search(before)
        or (re.search(r"\bfrom\s+$", before) and re.match(r"\s+(?:\w+\s+)?to\s", text[quantity.end :]))
    )
