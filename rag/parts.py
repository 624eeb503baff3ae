"""A question taken apart into questions that one sentence each can answer. Layer: pure.

"When and where was the treaty signed?", "Who won, and by how much?", "How does Ennick compare with Lower Sedge?" want a
sentence for each part, often out of different articles. A part is written out with the names that it leaves to the rest
of the question, so that it can be searched for by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag import lexical

MOST = 4
"""Parts at most: what asks for more is no question but a list."""

_WH = r"(?:whose|whom|who|what|which|when|where|why|how)"
_LED = rf"(?:(?:in|on|at|by|to|for|from|of|with|under|after|until|since|over|about)\s+)?{_WH}\b"
_VERB = r"(?:was|were|is|are|did|do|does|has|have|had|will|would|can|could|should|much|many|long|far|old|big|often)\b"
_COORDINATED = re.compile(rf"\s*[,;]?\s+(?:and|but|or)\s+(?:then\s+|also\s+)?(?={_LED})", re.IGNORECASE)
_LISTED = re.compile(rf"\s*[,;]\s+(?={_LED}\s+{_VERB})", re.IGNORECASE)
_TWO_WORDS = re.compile(rf"^\W*({_WH})\s+and\s+((?:for |by |to |in )?{_WH})\s+(?={_VERB})", re.IGNORECASE)
_ASKS = re.compile(rf"^\W*(?:(?:and|so|please)\s+)?{_LED}|^\W*{_VERB}|:\s*{_LED}", re.IGNORECASE)
_PREFACE = re.compile(rf"^(?P<about>[^:?]{{3,}}):\s+(?={_LED})", re.IGNORECASE)

# What is set against what: group 1 and 2 are the things, the rest of the question belongs to both.
_ITEM = r"[^,;:?]{2,80}?"
_CUT = r"(?=\s*(?:[,;:?.]|$|\s(?:in|on|at|by|during|since|after|before|for|with|as|to|side)\s))"
_END = r"(?=\s*[?.!]*\s*$)"
_COMPARED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bhow (?:does|do|did|has|have) ({_ITEM}) compare(?:d)? (?:with|to|against) ({_ITEM}){_END}",
        rf"\bcompar(?:e|ed|ing) ({_ITEM}) (?:with|to|and|against) ({_ITEM}){_END}",
        rf"\b(?:difference|gap|contrast|comparison|differences) between ({_ITEM}) and ({_ITEM}){_END}",
        rf"\bhow (?:far apart|different|much apart|alike|similar) (?:were|are|was|is) ({_ITEM}) (?:and|from) "
        rf"({_ITEM}){_END}",
        rf"\b(?:set|put|place|lay) ({_ITEM}) (?:and|beside|against) ({_ITEM}){_CUT}.*\bside by side\b",
        rf"[,:;]\s+(?:was it |is it |the one )?({_ITEM})\s+or\s+({_ITEM}){_END}",
        rf"\b({_ITEM})\s+(?:versus|vs\.?)\s+({_ITEM}){_END}",
        rf"^\W*(?:is|are|was|were|did|does|do|has|have|had|will)\s+({_ITEM})\s+(?:more|less|fewer|\w{{2,}}er|better|"
        rf"worse)\b[^,;?]{{0,40}}?\bthan\s+({_ITEM}){_END}",
    )
)
_CAPITAL = r"[^\W\d_a-z][\w’'.-]*"
_WHEN = (
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:\d{1,2} )?(?:January|February|March|April|May|June|July|August|"
    r"September|October|November|December)(?: \d{1,2})?(?:,? \d{4})?|\d{4}|\d{1,2}(?= and \d{1,2} [A-Z]))"
)
_TIMES = re.compile(
    rf"\b(?:from|between|in|on)\s+(?P<a>{_WHEN})\s+(?:to|and(?: (?:in|on))?|until|till|through)\s+(?P<b>{_WHEN})\b"
)
_NAME = rf"(?:(?:the|The)\s+)?{_CAPITAL}(?:\s+(?:of|de|la|al|bin|van|von)\s+{_CAPITAL}|\s+{_CAPITAL}|\s+\d+)*"
_BOTH_NAMED = re.compile(rf"(?<![\w-])({_NAME})\s+(?:and|or|versus|vs\.?)\s+({_NAME})(?![\w-])")
_SAME_HEAD = re.compile(
    rf"\b(?:the|a|an|what|whose|{_CAPITAL}(?:’s|'s|’|'))\s+(?P<a>[a-z][a-z-]+(?: [a-z-]+)?)\s+and\s+(?:the\s+)?"
    rf"(?P<b>[a-z][a-z-]+)"
    rf"\s+(?=(?:of|in|at|on|for|by|from|during)\b)"
)
_REFERS = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|that|those|these|this|one|ones|there|then)\b", re.I
)
_MEASURE = re.compile(r"\b(?:what|which|how) (?!many\b|much\b|(?:did|do|does|was|were|is|are)\b)\w+", re.IGNORECASE)
_DATES = frozenset(lexical.stem(w) for w in lexical.CALENDAR)
_RELATIVE = frozenset("who which whose whom where".split())
_THIN = 3  # content words below which a part borrows those of the first


@dataclass(frozen=True, slots=True)
class Parts:
    """`asked` are questions of their own, in order, one where the question has one part; `own` the stems of each that
    no other part has. `compared`: they are things set against one another."""

    asked: tuple[str, ...]
    own: tuple[tuple[str, ...], ...]
    compared: bool = False


def taken_apart(question: str) -> Parts:
    """The parts of a question. What cannot be told apart plainly stays one part."""
    text = " ".join(question.split())
    pieces = _questions(text)
    if len(pieces) > 1:
        return _parts(_written_out(pieces), compared=False)
    if times := _TIMES.search(text):
        first, second = _alternatives(text, times, "a", "b")
        month = re.search(r"[A-Z][a-z]+.*", times["b"])
        if times["a"].isdigit() and len(times["a"]) < len("2025") and month:  # "between 9 and 26 February"
            first = first[: times.start("a")] + f"{times['a']} {month.group()}" + first[times.end("a") :]
        return _parts([first, second], compared=True)
    if things := _things(text):
        return _parts(list(things), compared=True)
    if not re.match(rf"\W*{_LED}", text, re.IGNORECASE):
        return Parts((text,), (tuple(lexical.terms(text)),))
    if named := _BOTH_NAMED.search(text):
        return _parts(_alternatives(text, named, 1, 2), compared=False)
    if heads := _SAME_HEAD.search(text):
        return _parts(_alternatives(text, heads, "a", "b"), compared=False)
    return Parts((text,), (tuple(lexical.terms(text)),))


def _parts(asked: Sequence[str], *, compared: bool) -> Parts:
    """With the stems that tell them apart. Parts that nothing tells apart are one question."""
    asked = list(dict.fromkeys(asked))[:MOST]
    stems = [lexical.terms(part) for part in asked]
    own = [
        tuple(t for t in mine if t not in _DATES and not any(t in other for other in stems[:i] + stems[i + 1 :]))
        for i, mine in enumerate(stems)
    ]
    return Parts(tuple(asked), tuple(own), compared)


def _questions(text: str) -> list[str]:
    """The questions that a sentence strings together."""
    if double := _TWO_WORDS.match(text):
        rest = text[double.end() :]
        return [f"{double[1]} {rest}", f"{double[2]} {rest}"]
    about = ""
    if preface := _PREFACE.match(text):
        about, text = preface["about"], text[preface.end() :]
    pieces = [p for sentence in re.split(r"(?<=\?)\s+(?=\S)", text) for p in _coordinated(sentence)]
    pieces = [p for p in pieces if lexical.words(p)]
    return [f"{piece.rstrip(' ?')} ({about})" for piece in pieces] if about else pieces


def _coordinated(text: str) -> list[str]:
    """Split before "and when", "and by how much": only where a question stands before, and not at "the man who robbed
    the bank and who fled", which goes on with a clause about the man."""
    pieces, start = [], 0
    cuts = sorted([*_COORDINATED.finditer(text), *_LISTED.finditer(text)], key=lambda m: m.start())
    for cut in cuts:
        before = text[start : cut.start()]
        following = re.match(_LED, text[cut.end() :], re.IGNORECASE)
        word = following.group().split()[-1].lower() if following else ""
        asked = re.sub(rf"^\W*{_LED}", "", before, flags=re.IGNORECASE)
        clause = word in _RELATIVE and re.search(rf"\b{word}\b", asked, re.IGNORECASE)
        if cut.start() <= start or not _ASKS.search(before) or not lexical.content_words(before) or clause:
            continue
        pieces.append(before)
        start = cut.end()
    return [*pieces, text[start:]]


def _written_out(pieces: Sequence[str]) -> list[str]:
    """Each with the names that it leaves to the others, and with the first one's words where it has few of its own."""
    everywhere = list(dict.fromkeys(name for piece in pieces for name in _names(piece)))
    first = pieces[0]
    written = []
    for i, piece in enumerate(pieces):
        known = set(lexical.words(piece))
        borrowed = [n for n in everywhere if not set(lexical.words(n)) <= known] if i else []
        own = [w for w in lexical.content_words(piece) if w not in lexical.CALENDAR]
        if i and (not own or (not everywhere and (len(own) < _THIN or _REFERS.search(piece)))):
            thing = [w for w in _content(_MEASURE.sub("", first)) if lexical.fold(w) not in known | lexical.CALENDAR]
            borrowed += [w for w in thing if w not in borrowed]
        if not i and not _names(first):
            borrowed = everywhere
        written.append(f"{piece.strip(' ?,;')} ({' '.join(borrowed)})?" if borrowed else f"{piece.strip(' ?,;')}?")
    return written


def _names(text: str) -> list[str]:
    """Names as they are written, without those of the calendar."""
    folded = set(lexical.names(text)) - lexical.CALENDAR
    return [w for w in lexical.WORD.findall(text) if lexical.fold(w) in folded and not w[0].islower()]


def _content(text: str) -> list[str]:
    """Content words as they are written."""
    return [w for w in lexical.WORD.findall(text) if lexical.fold(w) not in lexical.STOPWORDS and len(w) > 1]


def _things(text: str) -> tuple[str, str] | None:
    """A question for each of two things that are compared: the whole without the other."""
    for pattern in _COMPARED:
        match = pattern.search(text)
        if match and all(lexical.content_words(match[i]) for i in (1, 2)):
            # "the numbers of Ennick and Lower Sedge": the numbers are those of both.
            named = _BOTH_NAMED.search(text, match.start(1), match.end(2))
            first, second = (_named(part, text) for part in _alternatives(text, named or match, 1, 2))
            return first, second
    return None


def _named(part: str, whole: str) -> str:
    """A part that names nothing, with the names of the whole: "the fee they took" is about somebody."""
    missing = [] if _names(part) else list(dict.fromkeys(_names(whole)))
    return f"{part.rstrip(' ?')} ({' '.join(missing)})?" if missing else part


def _alternatives(text: str, match: re.Match[str], a: int | str, b: int | str) -> list[str]:
    """The question with its first thing alone, and with its second alone."""
    head, tail = text[: match.start(a)], text[match.end(b) :]
    return [" ".join(f"{head}{match[thing]}{tail}".split()) for thing in (a, b)]
