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
from rag.chunking import split_sentences

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
# "On Monday 18 November 2019, what became of …": when, where or by whom, for all that follows.
_LEADS = re.compile(
    r"(?:on|in|at|after|before|during|since|by|under|within|according to|going by)\s[^,:;?]{2,80}(?:, \d{4})?(?=,|$)",
    re.IGNORECASE,
)
_ADVERBIAL = re.compile(rf"^(?P<about>{_LEADS.pattern}),\s+(?={_LED})", re.IGNORECASE)
_BIDS = re.compile(
    r"\W*(?:please|can|could|compare|contrast|tell|explain|describe|list|name|give|show|report|outline|trace|sum|"
    r"summari[sz]e)\b",
    re.IGNORECASE,
)
# "and how much each?", "and what are the two figures?": of the things named before.
_OF_EACH = re.compile(
    rf"^\W*{_LED}(?:\s+{_VERB})*\s+(?:each|both|respectively|(?:the|both|their)\s+(?:(?:two|three|four)\s+\w+|"
    r"(?:figures|numbers|dates|amounts|sums|percentages|shares)))\W*$",
    re.IGNORECASE,
)

# What is set against what: group 1 and 2 are the things, the rest of the question belongs to both.
_ITEM = r"[^,;:?]{2,80}?"
_CUT = r"(?=\s*(?:[,;:?.]|$|\s(?:in|on|at|by|during|since|after|before|for|with|as|to|side)\s))"
_END = r"(?=\s*[?.!]*\s*$)"
_PREPOSITION = r"(?:on|in|of|for|at|by|with|from|to|between|under|during|than)\b"
_PHRASE = rf"(?:(?!\b{_PREPOSITION})[^,;:?]){{2,60}}?"
_EARLIER = re.compile(
    rf"^\W*(?:is|was|did|does|has|had|will)\s+({_ITEM})\s+(?:(?:come|came|happen|happened|begin|begun|start|started|end|"
    rf"ended|open|opened|take place|taken place) (?:before|after)|(?:earlier|later|sooner) than)\s+({_ITEM}){_END}",
    re.IGNORECASE,
)
# The words around two things that only set them against one another: each is asked for without them.
_FRAMES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bhow (?:does|do|did|has|have) ({_ITEM}) compare(?:d)? (?:with|to|against) ({_ITEM}){_END}",
        rf"\bcompar(?:e|ed|ing) ({_ITEM}) (?:with|to|and|against) ({_ITEM}){_END}",
        rf"(?:\bwhat(?:['’]s| is| was| were| are) the )?\b(?:difference|gap|contrast|comparison|differences) between "
        rf"({_ITEM}) and ({_ITEM}){_END}",
        rf"\bhow (?:far apart|different|much apart|alike|similar) (?:were|are|was|is) ({_ITEM}) (?:and|from) "
        rf"({_ITEM}){_END}",
        rf"\b(?:set|put|place|lay) ({_ITEM}) (?:and|beside|against) ({_ITEM}){_CUT}(?=.*\bside by side\b)",
        rf"^\W*(?:is|are|was|were)\s+({_ITEM})\s+(?:more|less|fewer|\w{{2,}}er|better|worse)\b[^,;?]{{0,40}}?\bthan\s+"
        rf"({_ITEM}){_END}",
    )
)
_COMPARED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"[,:;]\s+(the one [^;:?]{{2,80}}?),?\s+and\s+(the (?:one|other) {_ITEM}){_END}",
        rf"[,:;]\s+(?:was it |is it |the one )?({_ITEM})\s+or\s+({_ITEM}){_END}",
        rf"\b{_PREPOSITION}\s+({_PHRASE})\s+(?:versus|vs\.?)\s+({_PHRASE})(?=\s+{_PREPOSITION}|\s*[?.!]*\s*$)",
        rf"\b({_ITEM})\s+(?:versus|vs\.?)\s+({_ITEM}){_END}",
        rf"^\W*(?:did|does|do|has|have|had|will)\s+({_ITEM})\s+(?:more|less|fewer|\w{{2,}}er|better|worse)\b"
        rf"[^,;?]{{0,40}}?\bthan\s+({_ITEM}){_END}",
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
_BOTH_NAMED = re.compile(rf"(?<![\w-])(?<!between )({_NAME})\s+(?:and|or|versus|vs\.?)\s+({_NAME})(?![\w-])")
_OWNER = re.compile(rf"((?:{_NAME})(?:[’']s|s[’']))\s")
_SUBJECT = re.compile(
    rf"\b(?:did|does|do|has|have|had|will|would|can|could|should)\s+((?-i:{_NAME}))(?=\s+[a-z])", re.I
)
_PRONOUN = re.compile(r"\b(did|does|do|has|have|had|will|would|can|could|should)\s+(?:it|he|she|they)\b", re.IGNORECASE)
_SAME_HEAD = re.compile(
    rf"\b(?:the|a|an|what|whose|{_CAPITAL}(?:’s|'s|’|'))\s+(?P<a>[a-z][a-z-]+(?: [a-z-]+)?)\s+and\s+(?:the\s+)?"
    rf"(?P<b>[a-z][a-z-]+)"
    rf"\s+(?=(?:of|in|at|on|for|by|from|during)\b)"
)
# "the schedule for reopening the Aldra mine and for closing the Beltane pit"
_SAME_PLACE = re.compile(
    r"\b(?P<p>for|of|on|in|by|to|from|with|against)\s+(?P<a>(?:[^\s,;:?]+\s+){2,9}?)and\s+(?P=p)\s+"
    r"(?P<b>(?:[^\s,;:?]+\s+){2,9}[^\s,;:?]+)(?=\s*[?.!]*\s*$)",
    re.IGNORECASE,
)
_REFERS = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|that|those|these|this|one|ones|there|then)\b", re.I
)
_MEASURE = re.compile(r"\b(?:what|which|how) (?!many\b|much\b|(?:did|do|does|was|were|is|are)\b)\w+", re.IGNORECASE)
_DATES = frozenset(lexical.stem(w) for w in lexical.CALENDAR)
_RELATIVE = frozenset("who which whose whom where".split())
_THIN = 3  # content words below which a part borrows those of the first
_BARE = 2  # the same where there are names to borrow, of one that has no "the drivers" either
_DETERMINED = re.compile(r"\b(?:the|a|an|his|her|its|their)\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parts:
    """`asked` are questions of their own, in order, one where the question has one part; `own` the stems of each that
    no other part has. `compared`: they are things set against one another."""

    asked: tuple[str, ...]
    own: tuple[tuple[str, ...], ...]
    compared: bool = False


def taken_apart(question: str) -> Parts:
    """The parts of a question. What cannot be told apart plainly stays one part."""
    whole = " ".join(question.split())
    stated, text = _asking(whole)
    pieces = _questions(text)
    if len(pieces) > 1 and _OF_EACH.match(pieces[-1].rpartition(" (")[0] or pieces[-1]):
        *pieces, _ = pieces
        text = text[: text.rindex(pieces[-1]) + len(pieces[-1])] + "?" if len(pieces) == 1 else text
    if len(pieces) > 1:
        return _parts(_written_out(pieces, stated), compared=False)
    if times := _TIMES.search(text):
        first, second = _alternatives(text, times, "a", "b")
        month = re.search(r"[A-Z][a-z]+.*", times["b"])
        if times["a"].isdigit() and len(times["a"]) < len("2025") and month:  # "between 9 and 26 February"
            first = first[: times.start("a")] + f"{times['a']} {month.group()}" + first[times.end("a") :]
        return _parts([first, second], compared=True)
    if things := _things(text, f"{stated} {text}"):
        return _parts(list(things), compared=True)
    if re.match(rf"\W*{_LED}", _without_preface(text)[1], re.IGNORECASE):
        for pattern, a, b in ((_BOTH_NAMED, 1, 2), (_SAME_HEAD, "a", "b"), (_SAME_PLACE, "a", "b")):
            if match := pattern.search(text):
                return _parts(_alternatives(text, match, a, b), compared=False)
    return Parts((whole,), (tuple(lexical.terms(whole)),))


def _asking(text: str) -> tuple[str, str]:
    """What a question states before it asks ("A storm hit Aldra."), and what it asks. A statement behind the question
    ("The accounts vary.") is neither; all is asked where no sentence plainly asks."""
    said = [text[span.start : span.end] for span in split_sentences(text)]
    asks = [s.endswith("?") or bool(_ASKS.search(s) or _BIDS.match(s)) for s in said]
    if all(asks) or not any(asks):
        return "", text
    first = asks.index(True)
    return " ".join(said[:first]), " ".join(s for s, asking in zip(said, asks, strict=True) if asking)


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
    about, text = _without_preface(text)
    pieces = [p for sentence in re.split(r"(?<=\?)\s+(?=\S)", text) for p in _coordinated(sentence)]
    pieces = [p for p in pieces if lexical.words(p)]
    if not about:
        return pieces
    led = _LEADS.match(about)  # "On Monday, what …": it stands before each as before the first
    return [f"{about}, {piece}" if led else f"{piece.rstrip(' ?')} ({about})" for piece in pieces]


def _without_preface(text: str) -> tuple[str, str]:
    """What stands before a question for all of it ("Aldra mine:", "In May 2019,"), and the question."""
    preface = _PREFACE.match(text) or _ADVERBIAL.match(text)
    return (preface["about"], text[preface.end() :]) if preface else ("", text)


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


def _written_out(pieces: Sequence[str], stated: str) -> list[str]:
    """Each with the names that it leaves to the others, and with the first one's words where it has few of its own.
    Where none names anything, with the names of what is `stated` before."""
    everywhere = list(dict.fromkeys(name for piece in pieces for name in _names(piece)))
    everywhere = everywhere or list(dict.fromkeys(_names(stated)))
    subject = _SUBJECT.search(pieces[0])
    written = []
    for i, piece in enumerate(pieces):
        if i and subject and (resolved := _PRONOUN.sub(rf"\1 {subject[1]}", piece, count=1)) != piece:
            written.append(f"{resolved.strip(' ?,;')}?")  # "what did it back" of "what did Aldra concede"
            continue
        written.append(_borrowing(piece, pieces[0] if i else None, everywhere))
    return written


def _borrowing(piece: str, first: str | None, everywhere: Sequence[str]) -> str:
    """A part with the names that it leaves to the others; where it says hardly anything by itself, with the words of
    the `first` one too. `first` is None for the first part itself, which borrows only where it names nothing."""
    known = set(lexical.words(piece))
    borrowed = [n for n in everywhere if not set(lexical.words(n)) <= known]
    if first is None:
        borrowed = [] if _names(piece) else borrowed
    else:
        own = [w for w in lexical.content_words(piece) if w not in lexical.CALENDAR]
        bare = not own or (len(own) < _BARE and not _DETERMINED.search(piece))
        thin = bare if everywhere else len(own) < _THIN or _REFERS.search(piece)
        if thin:
            thing = [w for w in _content(_MEASURE.sub("", first)) if lexical.fold(w) not in known | lexical.CALENDAR]
            borrowed += [w for w in thing if w not in borrowed]
    return f"{piece.strip(' ?,;')} ({' '.join(borrowed)})?" if borrowed else f"{piece.strip(' ?,;')}?"


def _names(text: str) -> list[str]:
    """Names as they are written, without those of the calendar."""
    folded = set(lexical.names(text)) - lexical.CALENDAR
    return [w for w in lexical.WORD.findall(text) if lexical.fold(w) in folded and not w[0].islower()]


def _content(text: str) -> list[str]:
    """Content words as they are written."""
    return [w for w in lexical.WORD.findall(text) if lexical.fold(w) not in lexical.STOPWORDS and len(w) > 1]


def _things(text: str, whole: str) -> tuple[str, str] | None:
    """A question for each of two things that are compared: the text without the other. `whole` has the names for what
    names nothing."""
    if order := _EARLIER.match(text):
        return _named(f"When is {order[1]}?", whole), _named(f"When is {order[2]}?", whole)
    for pattern in (*_FRAMES, *_COMPARED):
        match = pattern.search(text)
        if match and all(lexical.content_words(match[i]) for i in (1, 2)):
            # "the numbers of Ennick and Lower Sedge": the numbers are those of both.
            named = _BOTH_NAMED.search(text, match.start(1), match.end(2))
            if named and named.end(1) != match.end(1):
                named = None  # "the H and J keys of Ennick versus those of Lower Sedge"
            one, other = _alternatives(text, named or match, 1, 2)
            if owner := _OWNER.match(match[1]):  # "Is Aldra's debt bigger than its income?"
                other = re.sub(r"\b(?:its|his|her|their)\b", lambda _: owner[1], other, count=1, flags=re.IGNORECASE)
            if pattern in _FRAMES:
                one, other = (f"{text[: match.start()]}What is {part[match.start(1) :]}" for part in (one, other))
                one, other = (re.sub(r"\W+side by side\b", "", part) for part in (one, other))
            return _named(one, whole), _named(other, whole)
    return None


def _named(part: str, whole: str) -> str:
    """A part that names nothing, with the names of the whole: "the fee they took" is about somebody."""
    missing = [] if _names(part) else list(dict.fromkeys(_names(whole)))
    return f"{part.rstrip(' ?')} ({' '.join(missing)})?" if missing else part


def _alternatives(text: str, match: re.Match[str], a: int | str, b: int | str) -> list[str]:
    """The question with its first thing alone, and with its second alone."""
    head, tail = text[: match.start(a)], text[match.end(b) :]
    return [" ".join(f"{head}{match[thing]}{tail}".split()) for thing in (a, b)]
