"""Whose words a sentence gives, and whose a question asks for. Layer: pure.

Newspapers name who speaks once and go on with "he said", or with quotation marks alone. So the voice of a sentence is
the source that it names itself (`rag.attribution`), or that of the sentences before it, as long as they go on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rag import attribution, lexical
from rag.chunking import split_sentences
from rag.types import Evidence

_VOICE, _WORDS = 1.0, 1.5  # log odds: for a sentence of the one who is asked about, for one with their very words
_OTHER = 3.0  # log odds less for the words of somebody else who is named: they answer another question
_STEP = 0.5  # less than the sentence that they go on from
_GAP = 4  # characters between two sentences, at most
_BACK = 4  # sentences before, at most
_REACH = 1200  # characters before a sentence in which those stand
_QUOTES = re.compile(r"^\s*[“\"]")
_MOST = 3  # sentences of one quotation
_SAYING = (
    r"say|says|said|tell|told|claim|claimed|argue|argued|call|called|describe|described|respond|responded|reply|replied|"
    r"react|reacted|explain|explained|put|justify|justified|promise|promised|warn|warned|think|think of|comment|"
    r"commented|characteri[sz]e|characteri[sz]ed|accuse|accused|compare|compared|predict|predicted|joke|joked"
)
_UTTERANCE = (
    r"verdict|accusation|reaction|response|comment|criticism|argument|promise|warning|jibe|joke|remark|reply|view|opinion|"
    r"words|explanation|description|claim|complaint|prediction|message"
)
_MAKING = r"make|made|give|gave|given|offer|issue|have"  # an utterance
_ASKED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:what|how)\b[^?]{{0,120}}?\b(?:did|does|do|has|have|had)\s+(?P<who>[^?]{{1,80}}?)\s+(?:{_SAYING})\b(?!\s+sorry)",
        rf"\bwhat (?:was|is|were|are)\s+(?P<who>[^?]{{1,80}}?)['’]s?\s+(?:\w+\s+)?(?:{_UTTERANCE})\b",
        rf"\b(?:what|which) (?:\w+\s+)?(?:{_UTTERANCE})\s+(?:did|does|has|had)\s+(?P<who>[^?]{{1,80}}?)\s+"
        rf"(?:{_MAKING})\b",
    )
)
_SPEAKING = re.compile(rf"\b(?:{_SAYING}|{_UTTERANCE}|{_MAKING})\b", re.IGNORECASE)
_GOES_ON = re.compile(
    r"\b(?:he|she|they|it)\s+(?:has\s+|had\s+|also\s+)?(?:said|told|added|replied|called|wrote|warned|asked|argued|joked)\b"
    r"|\b(?:said|added|replied)\s+(?:he|she|they|it)\b"
    r"|^\s*[“\"]",
    re.IGNORECASE,
)
_NAME = r"[^\W\d_a-z][\w’'-]+(?: (?:al|bin|de|del|der|di|la|van|von))?(?: [^\W\d_a-z][\w’'-]+)+"
_FULL_NAME = re.compile(_NAME)
# "Opposition leader Tarek Winslade said": too bold to print as the source, good enough to order sentences by.
_SAYS = re.compile(rf"(?P<name>{_NAME})(?:,[^,]{{3,80}},)?\s+(?:{_SAYING})\b")
_OWN_WORDS = re.compile(r"[“\"][^\W_][^\s”\"]*(?:\s+[^\s”\"]+){2}")  # a word or two may be a name or a doubt


@dataclass(frozen=True, slots=True)
class _Voice:
    """Who speaks: stems of the name, and of all the sentence that names them (`the chairwoman, Thandeka Rowse`)."""

    name: frozenset[str]
    described: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The one whose words a question asks for: stems of what is said of them and of their name, and their role."""

    terms: frozenset[str]
    names: frozenset[str]
    role: str | None

    @classmethod
    def of(cls, who: str) -> _Asked:
        names = frozenset(lexical.stem(name) for name in lexical.names(who))
        return cls(frozenset(lexical.terms(who)), names, _role(who))


def preferred(question: str, ranked: Sequence[Evidence]) -> list[Evidence]:
    """The evidence with sentences of the one whose words a question asks for moved up, their own words most; in its
    order where it asks for nobody's."""
    who = asked_of(question)
    if who is None:
        return list(ranked)
    asked, moved = _Asked.of(who), list[Evidence]()
    scores: dict[tuple[str, int], float] = {}  # of the sentences of this voice, by article and end
    for item in sorted(ranked, key=lambda e: (e.article.id, e.span.start)):
        score = item.score
        if _speaks(asked, item):
            ends = (item.span.start - gap for gap in range(_GAP))
            before = max((scores.get((item.article.id, end), score) for end in ends), default=score)
            # Words that go on are about what they go on from, whether they say so again or not.
            own = bool(_OWN_WORDS.search(item.text))
            score = (max(score, before - _STEP) + _WORDS if own else score) + _VOICE
            scores[item.article.id, item.span.end] = score - _VOICE - _WORDS * own
        moved.append(replace(item, score=score))
    return sorted(moved, key=lambda e: -e.score)


def others_last(question: str, ranked: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The evidence with the words of other named sources moved down, where a question asks for somebody's. Only for
    what is shown: whether anything answers is judged with them, as nothing else was ever fitted."""
    who = asked_of(question)
    if who is None:
        return tuple(ranked)
    asked = _Asked.of(who)
    moved = (replace(e, score=e.score - _OTHER) if _another_speaks(asked, e) else e for e in ranked)
    return tuple(sorted(moved, key=lambda e: -e.score))


def at_length(question: str, item: Evidence, article: Sequence[Evidence]) -> list[Evidence]:
    """A quotation that goes on over several sentences, whole: the one in `item` with what it goes on from and what goes
    on from it; nothing where the question asks for nobody's words, or these stand alone. `article`: its sentences."""
    if asked_of(question) is None or not _OWN_WORDS.search(item.text):
        return []
    at = next((i for i, e in enumerate(article) if e.span == item.span), None)
    if at is None:
        return []
    first = last = at
    while first and last - first + 1 < _MOST and _continues(article[first - 1], article[first]):
        first -= 1
    while last + 1 < len(article) and last - first + 1 < _MOST and _continues(article[last], article[last + 1]):
        last += 1
    found = [*article[first:at], item, *article[at + 1 : last + 1]]
    return found if len(found) > 1 else []


def _continues(before: Evidence, after: Evidence) -> bool:
    """Whether a sentence begins with quoted words and names nobody, right behind one with words of the same voice:
    `"Silver waits," she said. "Paintings travel."`."""
    together = after.span.start - before.span.end < _GAP
    unnamed = attribution.speaker(after.text) is None and not _SAYS.search(after.text)
    return bool(together and unnamed and _QUOTES.match(after.text) and _OWN_WORDS.search(before.text + after.text)
                and re.search(r"[“”\"]", before.text))  # fmt: skip


def asked_of(question: str) -> str | None:
    """Whose words a question asks for: `Tarek Winslade` of "What was Tarek Winslade's jibe about the reserve?"."""
    match = _asking(question)
    return match["who"].strip() if match else None


def anything_asked(question: str) -> bool:
    """Whether a question asks for somebody's words on nothing in particular: "What did Yakup Ataş say?". Whatever they
    said answers it, so there is no fact for a reader to look for."""
    match = _asking(question)
    if match is None or not lexical.names(match["who"]):
        return False
    rest = f"{question[: match.start('who')]} {question[match.end('who') :]}"
    return not lexical.terms(_SPEAKING.sub("", rest))


def _asking(question: str) -> re.Match[str] | None:
    """Where a question asks for somebody's words: `who` are they."""
    return next((match for pattern in _ASKED if (match := pattern.search(question))), None)


def _speaks(asked: _Asked, item: Evidence) -> bool:
    """Whether a sentence gives the words of the one asked for: their name is in that of its voice, or, for somebody
    known by a role, the role is in the sentence that names it."""
    voice = _voice(item)
    if voice is None or not asked.terms:
        return False
    described = asked.terms <= voice.described
    if asked.role:
        return asked.role in voice.described and (asked.names.isdisjoint(voice.described) or described)
    return bool(asked.names & voice.name) if asked.names & voice.described else described


def _role(who: str) -> str | None:
    """What somebody is known by instead of their name: the stem of `chairwoman` in "the Rovers chairwoman"."""
    words = lexical.WORD.findall(who)
    last = lexical.fold(words[-1]) if words else ""
    return lexical.stem(last) if last and words[-1][0].islower() and lexical.names(who) else None


def _another_speaks(asked: _Asked, item: Evidence) -> bool:
    """Whether a sentence gives the words of a named source, and does not speak of the one asked for, who is named
    too."""
    voice = _voice(item)
    if voice is None or not asked.names:
        return False
    spoken_of = voice.described | _stems(item.text)
    return asked.role not in spoken_of if asked.role else asked.names.isdisjoint(spoken_of)


def _voice(item: Evidence) -> _Voice | None:
    text, start = item.article.text, item.span.start
    return _voice_of(text[start : item.span.end], text[max(0, start - _REACH) : start])


@lru_cache(maxsize=1024)
def _voice_of(sentence: str, ahead: str) -> _Voice | None:
    """Whose words a sentence behind `ahead` gives; None where it gives nobody's, or it cannot be told whose."""
    before: list[str] | None = None
    for _ in range(_BACK):
        says = _SAYS.search(sentence)
        if named := attribution.speaker(sentence) or (says and says["name"]):
            return _Voice(_stems(named), _stems(sentence))
        if before is not None and not _GOES_ON.search(sentence):
            # The words go on after a sentence without a speaker: who is named first there.
            first = _FULL_NAME.search(sentence)
            return _Voice(_stems(first.group()), _stems(sentence)) if first else None
        if not _GOES_ON.search(sentence):
            return None
        if before is None:
            before = [ahead[s.start : s.end] for s in split_sentences(ahead)]
        if not before:
            return None
        sentence = before.pop()
    return None


def _stems(text: str) -> frozenset[str]:
    return frozenset(lexical.stem(w) for w in lexical.words(text))
