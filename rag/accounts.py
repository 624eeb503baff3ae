"""Where stories give different figures for the same thing: who says which, and which is the latest. Layer: pure.

Two figures are about the same thing when they count what the question asks for (deaths, arrests, a crowd, ... the words
of `_SAME`), in one unit, in sentences about the names of the question. Figures for other things are left alone: a
disagreement that is none would cost more trust than one that is missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import takewhile

from rag import attribution, lexical
from rag.articles import in_utc
from rag.evidence import Query, meanings
from rag.quantities import MONTH, Quantity, clause, figures, is_money, quantities
from rag.types import Evidence

_BEFORE, _AFTER = 8, 5  # words beside a figure that may say what it counts
_MOST = 4
_CONTEXT = 0.4  # of the best sentence's share of the question's terms, in the sentence and around it
_LACKS = 0.25  # of the question's terms, by rarity, that a story may lack beside that of the best sentence
_STORY_CONTEXT = 0.2  # the same where all evidence is of stories that the question does not name
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
        "passenger": "passenger passengers rider riders ridership",
    }.items()
    for word in words.split()
}
# What newsrooms say in several words, as one of the above.
_SAID_AS = (
    (re.compile(r"\b(?:took|taken|taking|take) part\b|\bturned out\b"), "attended"),
    (re.compile(r"\b(?:not|never) (?:yet )?been found\b|\bstill to be found\b"), "missing"),
)
# One who gives a figure beside somebody else's: "The organisers claimed 40,000."
_GIVES = re.compile(
    r"\b(?:said|says|claim(?:ed|s)?|estimat(?:ed|es)|puts?|count(?:ed|s)?|arrived at|reported|spoke of|gave|"
    r"stands? by)\b"
)
_OPENS = re.compile(r"(?:The\s+)?[^\W\d_a-z][\w’'-]+(?:\s[^\W\d_a-z][\w’'-]+)+")
_BARE = re.compile(r"\s*(?:people)?\s*(?:[.;!”\"]|,|$)")  # a figure that names nothing that it counts
_MANY = re.compile(r"\bhow many\b|\b(?:toll|number)\b", re.IGNORECASE)
_HOW_MANY = re.compile(
    r"\bhow many (?:[\w’'-]+ ){0,3}?(?P<noun>[\w’'-]+) "
    r"(?:did|do|does|was|were|is|are|has|have|had|will|would|can|could)\b",
    re.IGNORECASE,
)
_BEHIND = 3  # words behind a figure, among which is what it counts
_BESIDE = 300  # characters between two figures of one article that are for the same thing
_OF_ONE_SIZE = 10.0  # times the other: beyond that it counts something else
_PEOPLE = frozenset("people persons men women children residents civilians others more patients workers".split())
_COUNTING = frozenset(lexical.stem(word) for word in (*_SAME, *_PEOPLE))
_CORRECTED = re.compile(
    r"\b(?:correct(?:ed|ion|s)?|revis(?:ed|es|ion)|lowered|cut its|right figure|in error|instead of|and not|"
    r"replac\w+)\b",
    re.IGNORECASE,
)
_CALENDAR = frozenset(lexical.stem(w) for w in lexical.CALENDAR)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_LONG_AGO = re.compile(r"\byears? ago\b|\b(?:last|previous) year\b|\brecord\b", re.IGNORECASE)
_OPENING = 300  # characters
_DATE = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?:\s+(?:and|to)\s+\d{{1,2}}(?:st|nd|rd|th)?)?\s+{MONTH}(?:\s+\d{{4}})?\b|"
    rf"{MONTH}\s+\d{{1,2}}(?:,?\s+\d{{4}})?\b"
)
_YEAR_LIKE = re.compile(r"(?:1[89]|20)\d\d")
_ELSE_AFTER = re.compile(
    rf"\s+(?:{MONTH}\b|(?:\w+\s+)?of\s+(?:the|them|those|these|whom)\b|(?:latest|other|more|new)\b"
    r"|(?:second|minute|hour|day|week|month|year|decade)s?\b)|-year|\s+years?\s+old"
    r"|[\s-]+(?:square\s+|cubic\s+)?(?:(?:kilo|centi)?met(?:re|er)|mile|yard|feet\b|foot\b|km\b|m\b|hectare|acre|"
    r"degree|ton(?:ne)?s?\b|kilogram|kilo\b|litre|gallon|page|mph\b|megawatt)"
)
_JOINS = re.compile(r"\b(?:and|but|while)\b", re.IGNORECASE)
_EACH = frozenset(("each", "per", "every"))
_ELSE_BEFORE = re.compile(
    rf"(?:{MONTH}|\b(?:aged?|the|these|those|latest|(?:man|woman|boy|girl|person)\s+of))\s+$", re.IGNORECASE
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
    """The best evidence with a figure for what the question counts, about as many of its names as the best of all and
    out of a story that tells of it too; None where there is none, or the question counts none of these things."""
    wanted = _asked(query)
    if wanted is None:
        return None
    figured = (e for e in ranked if _as_named(query, e, ranked[0]) and _figure(query, e.text, wanted, None))
    return next((e for e in figured if _told_alike(query, e, ranked[0])), None)


def _asked(query: Query) -> str | None:
    """What a question for a number counts; one for money counts nothing, unless it asks how many as well."""
    if query.kind != "number" and not (query.kind == "money" and _MANY.search(query.text)):
        return None
    counts = (w for w in lexical.words(query.text) if w in _SAME)
    return next((_SAME[w] for w in counts if lexical.stem(w) not in query.names), None)  # the Black Death is no death


def differing(query: Query, best: Evidence, ranked: Sequence[Evidence], *, context: float = _CONTEXT) -> list[Account]:
    """The figures for what `best` counts, newest first, where the evidence has more than one; nothing otherwise.
    `context`: the least share of the question's terms in and around a sentence, of that of the best one."""
    wanted = _asked(query)
    quantity = _figure(query, best.text, wanted, None) if wanted else None
    if wanted is None or quantity is None:
        return []
    found = {quantity.value: Account(best, best.text[quantity.left : quantity.right].strip(), float(quantity.value))}
    first = {best.article.id: best}  # its best sentence speaks for the article
    for item in ranked:
        if len(found) == _MOST:
            break
        if item.article.id in first or not _alike(query, item, best, context):
            continue
        q = _figure(query, item.text, wanted, quantity.unit)
        if q is not None and _told_alike(query, item, best):
            first[item.article.id] = item
            found.setdefault(q.value, Account(item, item.text[q.left : q.right].strip(), float(q.value)))
    for account in [a for item in first.values() for a in _beside(query, item, ranked, wanted, quantity)]:
        if len(found) < _MOST:
            found.setdefault(account.number, account)
    if len(found) == 1:
        return []
    return _dated(list(found.values()))


def _beside(query: Query, item: Evidence, ranked: Sequence[Evidence], wanted: str, like: Quantity) -> list[Account]:
    """Figures of others for the same thing in the article of a sentence, beside it: each by another source, of about
    that size, and for the wanted thing or for nothing that is named ("The organisers claimed 40,000.")."""
    near = sorted((e for e in ranked if e.article.id == item.article.id), key=lambda e: e.span.start)
    at, found = item, list[Account]()
    sources = {_source(item.text)}
    for other in (e for e in near if e.span.start > item.span.start):
        who = _source(other.text)
        if other.span.start - at.span.end > _BESIDE or who is None or who in sources or not _GIVES.search(other.text):
            continue
        for q in _counts(other.text):
            if q.unit != like.unit:
                continue
            bare = _BARE.match(other.text, q.right) or _figure(query, other.text, wanted, like.unit) == q
            if bare and 1 / _OF_ONE_SIZE <= float(q.value) / max(1.0, float(like.value)) <= _OF_ONE_SIZE:
                found.append(Account(other, other.text[q.left : q.right].strip(), float(q.value)))
                sources.add(who)
                at = other
                break
    return found


def _source(text: str) -> str | None:
    """Who gives a figure: the source that a sentence names, or the name that it begins with ("The Post arrived at")."""
    opening = _OPENS.match(text)
    return attribution.speaker(text) or (opening.group() if opening else None)


def when(item: Evidence) -> str:
    """When its article came out, in UTC: of two the smaller is the earlier. Nothing where nobody says."""
    return in_utc(item.article.published) if item.article.published else ""


def other_count(query: Query, best: Evidence, ranked: Sequence[Evidence]) -> Evidence | None:
    """The sentence of the same article with another figure for the very thing that the question counts, and with as
    many of its terms: one of the two may be a part of the other ("162 civilians on Friday alone", "340 civilians")."""
    asked = _HOW_MANY.search(query.text)
    if not asked:
        return None
    noun, terms = lexical.stem(lexical.fold(asked["noun"])), best.signals.get("terms", 0.0)
    mine = _counted(best.text, noun)
    if mine is None:
        return None
    beside = (e for e in ranked if e.article.id == best.article.id and e.signals.get("terms", 0.0) >= terms)
    return next((e for e in beside if (its := _counted(e.text, noun)) and its.value != mine.value), None)


def _counted(text: str, noun: str) -> Quantity | None:
    """The first figure with this noun right behind it: "162 Alawite civilians"."""
    for q in _counts(text):
        behind = lexical.words(clause(text, q)[1])[:_BEHIND]
        if noun in {lexical.stem(w) for w in behind}:
            return q
    return None


def same_figure(query: Query, a: Evidence, b: Evidence) -> bool:
    """Whether the question counts something and both sentences, about it alike, have one figure for it; of what was not
    ranked that is not known."""
    wanted = _asked(query) if a.signals and b.signals else None
    mine = _figure(query, a.text, wanted, None) if wanted else None
    if wanted is None or mine is None or not _alike(query, b, a, _CONTEXT):
        return False
    its = _figure(query, b.text, wanted, mine.unit)
    return its is not None and its.value == mine.value


def within_story(query: Query, items: Sequence[Evidence]) -> list[Account]:
    """As `differing`, for evidence that is all of the stories asked about; what was not ranked is left out."""
    rated = [item for item in items if item.signals]
    best = rated and (counting(query, rated) or rated[0])
    return differing(query, best, rated, context=0.0 if query.names else _STORY_CONTEXT) if best else []


def known_by(accounts: Sequence[Account], day: date, *, yearless: bool = False) -> list[Account]:
    """The accounts that were known on a day; all of them where none is that old, or none has a date. `yearless`: the
    question names no year, so that a day after all of them may be meant in theirs."""
    newest = max((when(a.evidence) for a in accounts), default="")[:10]
    if yearless and newest and day.isoformat() > newest > newest[:4] + day.isoformat()[4:]:
        day = date(int(newest[:4]), day.month, min(day.day, 28) if day.month == 2 else day.day)
    old = [a for a in accounts if (when(a.evidence) or "9999")[:10] <= day.isoformat()]
    return _dated([replace(a, status="differs") for a in old]) if old else list(accounts)


def _dated(accounts: list[Account]) -> list[Account]:
    """Newest first, with what each is beside the others."""
    accounts.sort(key=lambda a: when(a.evidence), reverse=True)
    newest = when(accounts[0].evidence)[:10]
    corrected = bool(_CORRECTED.search(accounts[0].evidence.text))
    dated = []
    for account in accounts:
        day = when(account.evidence)[:10]
        earlier = "corrected" if corrected else "earlier"
        same = not day or not newest or day == newest
        dated.append(replace(account, status="differs" if same else earlier))
    if any(a.status != "differs" for a in dated) and newest:
        dated[0] = replace(dated[0], status="latest")
    return dated


def _alike(query: Query, item: Evidence, best: Evidence, context: float) -> bool:
    """Whether a sentence is about the question as much as the best one, and about all of its names."""
    mine, its = item.signals, best.signals
    return _as_named(query, item, best) and mine["terms_in_context"] >= context * its["terms_in_context"]


def _told_alike(query: Query, item: Evidence, best: Evidence) -> bool:
    """Whether a story has about as much of what a question without names is about as that of the best sentence: people
    die in many stories, in few of them of the tsunami."""
    if lasting_names(query) or item.article.id == best.article.id:
        return True
    about, known = [t for t in query.terms if t not in _COUNTING], meanings(query.terms, query.names)
    texts = (f"{a.title} {a.text}" for a in (item.article, best.article))
    mine, its = (lexical.coverage(about, known.of(lexical.words(text)).terms, query.rarity) for text in texts)
    return mine >= its - _LACKS


def _as_named(query: Query, item: Evidence, best: Evidence) -> bool:
    """Whether a sentence is about as many of the question's names as the best one, by itself and its neighbours or, of
    what is not told of another year, by what its article begins with."""
    names = lasting_names(query)
    if len(names) == len(query.names) and item.signals["names_in_context"] >= best.signals["names_in_context"]:
        return True
    article = item.article
    if any(year != (article.published or "")[:4] for year in _YEAR.findall(item.text)) or _LONG_AGO.search(item.text):
        return False
    opening = {lexical.stem(w) for w in lexical.words(f"{article.title} {article.text[:_OPENING]}")}
    return opening.issuperset(names) and (bool(names) or len(names) < len(query.names))


def lasting_names(query: Query) -> list[str]:
    """The names of a question without its dates: reports of a day seldom spell it out."""
    days = {day for match in _DATE.finditer(query.text) for day in re.findall(r"\d+", match.group())}
    return [name for name in query.names if name not in _CALENDAR and name not in days]


def _figure(query: Query, text: str, wanted: str, unit: str | None) -> Quantity | None:
    """The first figure of a sentence that counts the wanted thing and that the question does not give."""
    given = {q.value for q in quantities(query.text)}
    counted = list(_counts(text))
    for i, quantity in enumerate(counted):
        if quantity.value in given:
            continue
        if _SHARE.search(query.text) and quantity.unit != "%":
            continue
        before, after = _words_beside(text, counted, i)
        if _aside(quantity, before, after, wanted):
            continue
        if unit in (None, quantity.unit) and any(_SAME.get(w) == wanted for w in (*before, *after)):
            return quantity
    return None


def _words_beside(text: str, counted: Sequence[Quantity], i: int) -> tuple[list[str], list[str]]:
    """The words that may say what a figure counts, before and behind it: in its clause, and not beyond the next figure,
    whose they are ("26 cases and 11 deaths"), nor beyond a rate."""
    quantity = counted[i]
    before, after = clause(text, quantity)
    before = before[max(0, len(before) - quantity.left + (counted[i - 1].right if i else 0)) :]
    room = counted[i + 1].left - quantity.right if i + 1 < len(counted) else len(after)
    if room < len(after):
        after = _JOINS.split(after[:room])[0]  # "injured 340 people and killed 12"
    behind = takewhile(lambda word: word not in _EACH, lexical.words(_plainly(after))[:_AFTER])
    return lexical.words(_plainly(before))[-_BEFORE:], list(behind)


def _plainly(text: str) -> str:
    """A text with what newsrooms say in several words in one."""
    for pattern, word in _SAID_AS:
        text = pattern.sub(word, text)
    return text


def _aside(quantity: Quantity, before: Sequence[str], after: Sequence[str], wanted: str) -> bool:
    """A small number of something else: "counted marchers from two fixed points"."""
    small = not isinstance(quantity.value, str) and quantity.value < 10 and not quantity.unit
    touching = [*before[-1:], *after]
    named = after[:1] and after[0] not in lexical.STOPWORDS and after[0] not in _PEOPLE
    return bool(small and named and not any(_SAME.get(w) == wanted for w in touching))


def _counts(text: str) -> Iterator[Quantity]:
    """The figures of a sentence that may count something, in order."""
    return (q for q in figures(text) if not isinstance(q.value, str) and not _counts_else(text, q))


def _counts_else(text: str, quantity: Quantity) -> bool:
    """An amount of money, a measure, a fear, a forecast, a date, an age, a part of the whole, people named before ("the
    two"), or the old figure of "from 7 to 5"."""
    digits, before = text[quantity.start : quantity.end], text[: quantity.left]
    return bool(
        is_money(text, quantity)
        or (_YEAR_LIKE.fullmatch(digits) and not quantity.unit)
        or _ELSE_AFTER.match(text, quantity.end)
        or _ELSE_BEFORE.search(before)
        or _NOT_YET.search(before)
        or (re.search(r"\bfrom\s+$", before) and re.match(r"\s+(?:\w+\s+)?to\s", text[quantity.end :]))
    )
