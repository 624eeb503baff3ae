"""Numbers as news writes them. Layer: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_SMALL = {w: i for i, w in enumerate(
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen""".split()
)}  # fmt: skip
_TENS = {w: 10 * i for i, w in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)}
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "bn": 10**9, "trillion": 10**12, "tn": 10**12}
_MULTIPLIERS = {"dozen": 12, "hundred": 100, **_LARGE}
NUMBER_WORDS = frozenset({*_SMALL, *_TENS, *_MULTIPLIERS} - {"zero", "one"})
"""Words that are figures wherever they stand; "one" mostly is none."""
_GLUED = {"k": 10**3, "m": 10**6}  # only without a space: "5m" is five million, "5 m" five metres
_VAGUE = frozenset("dozens hundreds thousands millions billions scores tens".split())
_NUMBER_WORDS = frozenset((*_SMALL, *_TENS, *_MULTIPLIERS, *_VAGUE))  # no other word begins a number
_A_FEW = frozenset("several few couple many".split())
# Where "one" counts nothing: "no one", "one of the best", "one another", "one day".
_NO_COUNT_BEFORE = frozenset("no any every some this that which the each".split())
_NO_COUNT = re.compile(r"\s+(?:another|day\b|of\s+the\s+(?:most|best|worst|\w+est)\b)", re.IGNORECASE)

_HEDGES = {
    phrase: name
    for name, phrases in {
        "least": "at least,more than,over,no fewer than,no less than,upwards of,in excess of,a minimum of",
        "most": "at most,up to,fewer than,less than,under,below,no more than,as many as,as much as,a maximum of",
        "nearly": "nearly,almost,close to",
        "about": "about,around,roughly,approximately,some,an estimated,estimated",
    }.items()
    for phrase in phrases.split(",")
}
# Longest first: "no more than" is not "more than".
_PHRASES = "|".join(sorted(_HEDGES, key=len, reverse=True))
_HEDGE_BEFORE = re.compile(
    rf"(?<![\w-])(?:just |well |slightly )?({_PHRASES}) (?:an? )?$".replace(" ", r"\s+"), re.IGNORECASE
)
_HEDGE_AFTER = re.compile(r"\s+or\s+(?:more|so|fewer|less)\b|\+|-odd\b", re.IGNORECASE)
_AFTER = {"more": "least", "+": "least", "so": "about", "-odd": "about", "fewer": "most", "less": "most"}

_TOKEN = re.compile(
    r"(?P<currency>(?:(?<![^\W\d_])(?:US|NZ|HK|A|C|S))?\$|[€£¥₺₹₽₴]|\b(?:USD|EUR|GBP)\s?\$?\s?(?=\d))?"
    r"(?P<digits>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?P<suffix>st|nd|rd|th)?(?P<percent>\s?%|\s?per\s?cent\b)?|(?P<word>[^\W\d_]+)",
    re.IGNORECASE,
)
_SIGNS = {
    "US$": "$",
    "USD": "$",
    "USD$": "$",
    "EUR": "€",
    "GBP": "£",
    "dollar": "$",
    "euro": "€",
    "yen": "¥",
    "lira": "₺",
}
_UNIT_AFTER = re.compile(
    r"\s?(?P<percent>%|per\s?cent\b)|[\s-](?:US\s)?(?P<money>dollar|euro|yen|lira)s?\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text: its value, unit (`%`, a currency sign or nothing), hedge and place (character offsets).

    Vague ones (`hundreds`, `several thousand`) have their words as value. `left` and `right` also take in the words of
    its hedge and unit: "at least 340" begins at "at".
    """

    value: float | str
    unit: str
    hedge: str
    start: int
    end: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class _Number:
    """What was read at one token: the value and how many tokens it takes."""

    value: Decimal | str
    used: int


def quantities(text: str) -> list[Quantity]:
    """All numbers of a text, in order: `2.7 billion` is one of value 2.7e9, `three hundred and forty` is 340, `a dozen`
    is 12. Ordinals in words (`second`) are words."""
    tokens = list(_TOKEN.finditer(text))
    found: list[Quantity] = []
    i = 0
    while i < len(tokens):
        spelled = tokens[i]["digits"] or tokens[i]["word"].lower() in _NUMBER_WORDS
        number = _number_at(tokens, i, text) if spelled else None
        if number is None:
            i += 1
            continue
        start, end = tokens[i].start(), tokens[i + number.used - 1].end()
        unit, right = _unit(text, tokens[i], end)
        hedge, left, right = _hedge(text, start, right)
        value = number.value if isinstance(number.value, str) else float(number.value)
        found.append(Quantity(value, unit, hedge, start, end, left, right))
        i += number.used
    return found


MONTHS = tuple("January February March April May June July August September October November December".split())
MONTH = rf"(?:{'|'.join(MONTHS)})"
"""One of them, for patterns."""
_CURRENCY_BEHIND = re.compile(
    r"[\s-]+(?:\w+[\s-]+)?(?:dollar|euro|pound|cent|pence|penny|franc|crown|krona|kronor|krone|kroner|florin|guilder|mark|"
    r"rupee|rupiah|peso|real|reais|rand|yuan|yen|won|r[ou]uble|hryvnia|zloty|forint|koruna|lira|shekel|dinar|dirham|"
    r"rial|riyal|baht|ringgit|naira|shilling|peseta)s?\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:.]\s")
_MONTH_BEHIND = re.compile(rf"(?:st|nd|rd|th)?\s+(?:of\s+)?{MONTH}")
_CLOCK_BEHIND = re.compile(r"\s?[ap]\.?m\b|[:.]\d\d\s?[ap]\.?m\b|:\d\d\b")
_HOUR_BEFORE = re.compile(r"\b\d?\d:$")
_LOOK_BACK = 5  # characters, in which an hour stands with what bounds it


def clause(text: str, quantity: Quantity) -> tuple[str, str]:
    """What stands before and behind a number in its clause."""
    return _CLAUSE.split(text[: quantity.left])[-1], _CLAUSE.split(text[quantity.right :], maxsplit=1)[0]


def is_money(text: str, quantity: Quantity) -> bool:
    """Whether a number of a text is an amount of money: with a sign, or before the name of a currency. Nine per cent is
    none, though "per cent" looks like a coin behind a word."""
    return quantity.unit != "%" and bool(quantity.unit or _CURRENCY_BEHIND.match(text, quantity.end))


def figures(text: str) -> list[Quantity]:
    """The numbers of a text that count or measure something: no years, days of the month or times of day."""
    return [q for q in quantities(text) if not _calendar(text, q)]


def _calendar(text: str, quantity: Quantity) -> bool:
    digits = text[quantity.start : quantity.end]
    year = re.fullmatch(r"(?:1[5-9]|20)\d\d", digits) and not quantity.unit
    before = text[: quantity.start].rstrip()
    month = (len(before) < quantity.start and before.endswith(MONTHS)) or _MONTH_BEHIND.match(text, quantity.end)
    hour = _HOUR_BEFORE.search(text, max(0, quantity.start - _LOOK_BACK), quantity.start)
    return bool(year or month or hour or _CLOCK_BEHIND.match(text, quantity.end))


def _number_at(tokens: list[re.Match[str]], i: int, text: str) -> _Number | None:
    """The number that begins at token i; None where there is none."""
    word, before = (tokens[i]["word"] or "").lower(), text[max(0, tokens[i].start() - 24) : tokens[i].start()]
    if word in _VAGUE:
        return _vague(tokens, i, text)
    if word in _MULTIPLIERS and word not in ("bn", "tn"):
        few = _last_word(before)
        return _Number(f"{few} {word}", 1) if few in _A_FEW else _grown(tokens, i, text, _half(before), used=0)
    if tokens[i]["digits"]:
        return _grown(tokens, i, text, Decimal(tokens[i]["digits"].replace(",", "")), used=1)
    if word in _TENS:
        return _grown(tokens, i, text, Decimal(_TENS[word]), used=1, room=10)
    counts = word != "one" or (
        _last_word(before) not in _NO_COUNT_BEFORE and not _NO_COUNT.match(text, tokens[i].end())
    )
    return _grown(tokens, i, text, Decimal(_SMALL[word]), used=1) if word in _SMALL and counts else None


def _grown(tokens: list[re.Match[str]], i: int, text: str, group: Decimal, *, used: int, room: int = 1) -> _Number:
    """A number with the words that go on with it: `two` with `thousand five hundred and six`.

    `group` is what the next multiplier applies to; a number word can be added while it is below `room`.
    """
    total = Decimal(0)
    while i + used < len(tokens):
        word, *after = (_joined(tokens, i + used + k, text) for k in range(4))
        if used == 0:
            word = tokens[i]["word"].lower()
        small = _TENS.get(word, _SMALL.get(word, 0))
        if word in _MULTIPLIERS or (word in _GLUED and _glued(tokens, i + used)):
            room = _MULTIPLIERS.get(word) or _GLUED[word]
            group *= room
            if word in _LARGE:
                total, group = total + group, Decimal(0)
            used += 1
        elif 0 < small < room:
            group += small
            room = 10 if word in _TENS else 1
            used += 1
        elif word == "and" and after[:2] == ["a", "half"]:
            group += Decimal("0.5")
            used += 3
        # "three hundred and forty" is one number, "two hundred and three hundred" are two.
        elif word == "and" and room >= 100 and after[0] in {**_TENS, **_SMALL} and "hundred" not in after[1:]:
            used += 1
        else:
            break
    return _Number(total + group, used)


def _joined(tokens: list[re.Match[str]], i: int, text: str) -> str:
    """The word at token i where only space or a hyphen parts it from the token before."""
    if not 0 < i < len(tokens) or text[tokens[i - 1].end() : tokens[i].start()].strip(" -\u2011\u00a0\n"):
        return ""
    return (tokens[i]["word"] or "").lower()


def _glued(tokens: list[re.Match[str]], i: int) -> bool:
    return bool(tokens[i - 1]["digits"]) and tokens[i - 1].end() == tokens[i].start()


def _vague(tokens: list[re.Match[str]], i: int, text: str) -> _Number:
    """`thousands`, or the whole of `hundreds of thousands`."""
    words = [tokens[i]["word"].lower()]
    while _joined(tokens, i + len(words), text) == "of" and _joined(tokens, i + len(words) + 1, text) in _VAGUE:
        words += ["of", tokens[i + len(words) + 1]["word"].lower()]
    return _Number(" ".join(words), len(words))


def _last_word(before: str) -> str:
    """The last word, without the `of` or `a` of "a couple of hundred"."""
    words = re.findall(r"[^\W\d_]+", before.lower())
    while words and words[-1] in ("of", "a"):
        words.pop()
    return words[-1] if words else ""


def _half(before: str) -> Decimal:
    """What a bare multiplier counts: `a million` once, `half a million` half."""
    return Decimal("0.5") if re.search(r"\bhalf(?:-|\s+an?\s+|\s+)$", before, re.IGNORECASE) else Decimal(1)


def _unit(text: str, first: re.Match[str], end: int) -> tuple[str, int]:
    """The unit and where its words end."""
    after = _UNIT_AFTER.match(text, end)
    if first["percent"]:
        return "%", end
    if after and after["percent"]:
        return "%", after.end()
    if first["currency"]:
        sign = first["currency"].upper().replace(" ", "")
        return _SIGNS.get(sign, sign), end
    if after and after["money"]:
        return _SIGNS[after["money"].lower()], after.end()
    return "", end


def _hedge(text: str, start: int, end: int) -> tuple[str, int, int]:
    """The hedge, and the place of the number with the hedge's words."""
    if before := _HEDGE_BEFORE.search(text[max(0, start - 40) : start]):
        phrase = " ".join(before[1].lower().split())
        nearly = phrase == "under" and before[0].lower().startswith("just")
        return "nearly" if nearly else _HEDGES[phrase], start - len(before[0]), end
    if after := _HEDGE_AFTER.match(text, end):
        return _AFTER[after[0].lower().split()[-1]], start, after.end()
    return "", start, end
