"""What a conversation has been about so far: its centre, and the things, people and places mentioned. Layer: pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag import lexical
from rag.conversation import Exchange
from rag.noun_phrases import Phrase, phrases

_MARKERS = re.compile(r"\s*\[\d+\]")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A standalone question. `centre` is what it goes on about, None where it starts on something new; `own` is the
    text without an added topic."""

    text: str
    own: str
    centre: Phrase | None = None
    asks_who_said: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What has been talked about, most recent first; `centre` is what the last question was mainly about."""

    question: str = ""
    centre: Phrase | None = None
    mentioned: tuple[Phrase, ...] = ()
    people: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    heard: frozenset[str] = frozenset()

    def knows(self, phrase: Phrase) -> bool:
        """Whether the words of the phrase stand in an earlier question or answer."""
        return self.heard.issuperset(lexical.terms(phrase.head))

    def after(self, exchange: Exchange, rewritten: Rewrite) -> Context:
        """The context once this question was asked and answered."""
        own = [p for p in phrases(rewritten.own) if not p.generic and p.solid]
        answer = _MARKERS.sub("", exchange.answer)[:600]
        heads = {p.head for p in own}
        new = [p.head for p in phrases(answer) if p.person and p.head not in heads]
        old = [p.head for p in own if p.person]
        people = [*new, *old] if _WHO.search(rewritten.text) else [*old, *new]
        places = [m.group(1) for m in _PLACE.finditer(f"{rewritten.text} {answer}")]
        centre = _found(rewritten.text, answer) or rewritten.centre or _main(rewritten.own, own) or self.centre
        return Context(
            question=self.question if rewritten.asks_who_said else rewritten.text,
            centre=centre,
            mentioned=(*own, *(p for p in self.mentioned if p.head not in heads))[:24],
            people=tuple(dict.fromkeys([*people, *self.people])),
            places=tuple(dict.fromkeys([*places, *self.places])),
            heard=self.heard | set(lexical.terms(f"{rewritten.text} {answer}")),
        )


def _found(question: str, answer: str) -> Phrase | None:
    """What a question for one of its kind found: the Lyrebird satellite of "Which satellite takes its place?". It is
    what comes next is about."""
    kind = _KIND.match(question)
    if kind is None:
        return None
    sort = lexical.stem(lexical.fold(kind["kind"]))
    ends = ((p, p.head.split()) for p in phrases(answer) if not p.generic)
    return next((p for p, words in ends if len(words) > 1 and lexical.stem(lexical.fold(words[-1])) == sort), None)


_KIND = re.compile(r"\W*(?:which|what) (?P<kind>[a-z]+) (?!did\b|does\b|do\b)", re.IGNORECASE)
_WHO = re.compile(r"\b(?:who|whom|whose|which (?:person|player|minister|politician|coach)|name of)\b", re.IGNORECASE)
_PLACE = re.compile(r"\b(?:in|at|near|outside|inside|across)\s+((?:the )?[^\W\d_a-z][\w’'-]*(?: [^\W\d_a-z][\w’'-]*)*)")


_LOCATED = re.compile(r"\b(?:in|at|near|from|outside(?: of)?|inside|across|on|to)\s+$", re.IGNORECASE)


def _main(text: str, named: Sequence[Phrase]) -> Phrase | None:
    """What a question is mainly about: a name before other things, and of `the safety of openers` the openers."""
    names = [p for p in named if p.name]
    free = [p for p in names if not _LOCATED.search(text[: p.start])]
    if free or len(names) == len(named):
        return next(iter([*free, *names]), None)
    for i, phrase in enumerate(named):
        following = named[i + 1] if i + 1 < len(named) else None
        if following is None or text[phrase.end : following.start].strip() not in ("of", "of the"):
            return phrase
    return None


def definite(phrase: Phrase) -> str:
    """The phrase as it would be mentioned again: `the bridge`, `Ankara`, `bees`."""
    return f"the {phrase.head}" if phrase.article or not (phrase.name or phrase.plural) else phrase.head
