"""Whether a text holds an expected answer, and how much of a quotation it repeats. Layer: pure.

Used by the metrics, the validator of eval sets and the fit of the small models. No model: words and numbers only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from rag import lexical
from rag.quantities import Quantity, quantities

_ARTICLES = frozenset(("a", "an", "the"))
_POSSESSIVE = re.compile(r"[’']s\b", re.IGNORECASE)
_CLOCK = re.compile(r"(?<=\d):(?=\d\d\b)")
_UNIT_AFTER = re.compile(r"[\s-]?(?:(?P<percent>%|per\s?cent\b)|(?P<money>dollars?|euros?|pounds?)\b)", re.IGNORECASE)
_SIGNS = {"dollar": "$", "euro": "€", "pound": "£"}
_MONTHS = {
    name: month
    for month in "january february march april may june july august september october november december".split()
    for name in (month, month[:3], month[:4])
}
_TYPOGRAPHY = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u2011": "-", "\u00ad": None})


class _Number(NamedTuple):
    value: float | str
    unit: str


_Token = str | _Number


def holds(text: str, variant: str) -> bool:
    """Whether a text contains an accepted answer, as whole words in this order.

    Case, diacritics, typography and the words a, an, the do not count (as in SQuAD's scoring: Rajpurkar et al. 2016).
    Numbers compare by value: `twelve` is `12` and `$2.7 billion` is `2.7bn`, but `9` is in neither `97` nor `2.9`. A
    variant's per cent sign must be there; its currency may be missing but not be another one. `June 3` is `3 June`.
    """
    wanted, present = _tokens(variant), _tokens(text)
    places = range(len(present) - len(wanted) + 1) if wanted else ()
    return any(all(_same(w, present[at + i]) for i, w in enumerate(wanted)) for at in places)


def _same(wanted: _Token, found: _Token) -> bool:
    if not isinstance(wanted, _Number) or not isinstance(found, _Number):
        return wanted == found
    missing_currency = not found.unit and wanted.unit != "%"
    return wanted.value == found.value and (wanted.unit in ("", found.unit) or missing_currency)


@lru_cache(maxsize=16384)
def _tokens(text: str) -> tuple[_Token, ...]:
    text = _CLOCK.sub(".", _POSSESSIVE.sub(" ", text))
    found: list[_Token] = []
    at = 0
    for quantity in quantities(text):
        # The 320 of "A320" is part of a name.
        if text[quantity.start].isdigit() and text[: quantity.start][-1:].isalpha():
            continue
        number, end = _number(text, quantity)
        found += [*_words(text[at : quantity.start]), number]
        at = end
    return tuple(_day_first([*found, *_words(text[at:])]))


def _day_first(tokens: list[_Token]) -> list[_Token]:
    """`Nov. 3` as `3 november`, unless a day stands before the month already."""
    for i, token in enumerate(tokens):
        month = _MONTHS.get(token) if isinstance(token, str) else None
        if not month:
            continue
        if i and _is_day(tokens[i - 1]):
            tokens[i] = month
        elif i + 1 < len(tokens) and _is_day(tokens[i + 1]):
            tokens[i], tokens[i + 1] = tokens[i + 1], month
    return tokens


def _is_day(token: _Token) -> bool:
    return isinstance(token, _Number) and not token.unit and token.value in range(1, 32)


def _number(text: str, quantity: Quantity) -> tuple[_Number, int]:
    """The number with a unit that is written out, and where both end."""
    after = _UNIT_AFTER.match(text, quantity.end)
    if not after:
        return _Number(quantity.value, quantity.unit), quantity.end
    money = (after["money"] or "").lower().rstrip("s")
    return _Number(quantity.value, _SIGNS.get(money, "%")), after.end()


def _words(text: str) -> list[_Token]:
    folded = (lexical.fold(m.group()).replace(".", "") for m in lexical.WORD.finditer(text))
    # "one" is mostly a pronoun, so `quantities` leaves it a word; as an answer it is the number.
    return [_Number(1.0, "") if word == "one" else word for word in folded if word not in _ARTICLES]


def plain(text: str) -> str:
    """One form of white space, quotation marks and dashes: what may differ between two copies of the same words."""
    return " ".join(text.translate(_TYPOGRAPHY).split())


def covered(quote: str, texts: Sequence[str]) -> float:
    """Share of a quotation's words that the texts repeat: from each text its longest run in common, united."""
    words = lexical.words(quote)
    repeated: set[int] = set()
    for text in texts:
        run = SequenceMatcher(None, words, lexical.words(text), autojunk=False).find_longest_match()
        repeated.update(range(run.a, run.a + run.size))
    return len(repeated) / max(1, len(words))
