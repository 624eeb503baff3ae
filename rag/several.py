"""Which sentences to quote where one cannot answer: by the shape of the question. Layer: pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag import accounts, covering, questions, timeline, voices
from rag.covering import Read, place
from rag.evidence import Query
from rag.kinds import Shape, shape
from rag.quantities import figures
from rag.types import Evidence

MOST = 4
_SUMMARY = 0.3  # the reader's weight where a course of events is told: its reading as one for a fact says little
_ONE_STORY = 3.0  # log odds below the best sentence from which on one is about something else
_LEAST = 3  # sentences of a summary
_MANY = 20  # things that nobody lists in a sentence
_PRONOUN = re.compile(r"\W*(?:he|she|they|it)\b", re.IGNORECASE)
_WHETHER = re.compile(r"\W*(?:is|are|was|were|did|does|do|has|have|had|can|could|will|would|should)\b", re.IGNORECASE)
_WIDE = frozenset(("timeline", "change", "summary", "sides", "correction"))
_Score = Callable[[Evidence], float]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where more evidence comes from: `part` for a part of the question asked by itself, best first; `wide` more of the
    stories; `beside` all sentences of the article of one. `reader_weight`: see `rag.reading.weight`."""

    part: Callable[[str], Sequence[Evidence]]
    wide: Callable[[], Sequence[Evidence]]
    beside: Callable[[Evidence], Sequence[Evidence]]
    reader_weight: float


def sentences(query: Query, ranked: Sequence[Evidence], chosen: Sequence[Evidence], more: Sources) -> list[Evidence]:
    """The sentences to quote, in order; none where the question wants one sentence.

    `ranked` is all the evidence (not empty) and `chosen` what a reader may have read of it.
    """
    wanted, parts = shape(query.text)
    if query.kind == "said" and wanted == "compare" and len(parts.asked) == 1:
        wanted = "one"  # "what did she say of silver compared with gold": one thing that was said
    read = Read.of(chosen)

    def score(item: Evidence) -> float:
        return read.score(item, more.reader_weight)

    if wanted == "one":
        best = chosen[0]  # before `score`: the order that the answer would have
        if voices.asked_of(query.text) and (spoken := voices.at_length(query.text, best, more.beside(best))):
            return spoken
        if _names_nobody(query, best) and (named := _named_before(query, best, more.beside(best))):
            return [named, best]
    if wanted in _WIDE:
        ranked = more.wide()
    if wanted in ("timeline", "change") and (told := accounts.within_story(query, ranked)):
        return [line.evidence for line in timeline.in_order(a.evidence for a in told)]
    if wanted in ("parts", "compare", "change", "timeline") and len(parts.asked) > 1:
        found = covering.of_parts(parts, [more.part(asked) for asked in parts.asked])
        return found if wanted != "timeline" else [line.evidence for line in timeline.in_order(found)]
    make: dict[Shape, Callable[[], list[Evidence]]] = {
        "compare": lambda: _at_least_two(query, _compared(ranked, score), chosen),
        "change": lambda: _at_least_two(query, _compared(ranked, score), chosen),
        "sides": lambda: _sides(ranked, score),
        "summary": lambda: _summary(ranked, lambda e: read.score(e, _SUMMARY)),
        "timeline": lambda: _timeline(ranked, lambda e: read.score(e, _SUMMARY) + covering.nearby(e, chosen[0])),
        "list": lambda: _at_least_two(query, _list(query, ranked, score, more.beside), chosen),
        "correction": lambda: _corrected(ranked, score, more.beside),
        "one": lambda: _answered_back(query, ranked, score, more.beside),
    }
    return make[wanted]() if wanted in make else []


def _at_least_two(query: Query, items: list[Evidence], chosen: Sequence[Evidence]) -> list[Evidence]:
    """Where only one sentence was found and the question wants more: with the one that has most of the question's words
    that this one lacks."""
    if len(items) != 1 or covering.listed(items[0].text):
        return items
    other = covering.complement(items[0], chosen, query.terms, query.rarity)
    return [*items, other] if other else items


def _compared(ranked: Sequence[Evidence], score: _Score) -> list[Evidence]:
    """The best sentence with a figure, and the one with another figure of the same sort; where none with a figure is
    nearly as good as the best of all, the best distinct ones."""
    top = max(score(e) for e in ranked)
    figured = [e for e in ranked if figures(e.text) and score(e) >= top - _ONE_STORY]
    if not figured:
        return covering.distinct(ranked, score, most=2, within=2.0)
    best = max(figured, key=score)
    return [best, *covering.parallel(best, ranked, score)[:1]]


def _summary(ranked: Sequence[Evidence], score: _Score) -> list[Evidence]:
    """The best that say different things, and at least three where the stories have so many, as they were published."""
    near = covering.distinct(ranked, score, most=MOST, within=2.0)
    items = near if len(near) >= _LEAST else covering.distinct(ranked, score, most=_LEAST, within=_ONE_STORY + 1.0)
    return sorted(items, key=lambda e: (accounts.when(e), e.article.id, e.span.start))


def _list(
    query: Query, ranked: Sequence[Evidence], score: _Score, beside: Callable[[Evidence], Sequence[Evidence]]
) -> list[Evidence]:
    """The sentence that names the things one after the other, at or behind the best; else the best distinct ones."""
    best = max(ranked, key=score)
    asked = [int(q.value) for q in figures(query.text) if not isinstance(q.value, str) and 1 < q.value < _MANY]
    if names := covering.enumeration(best, beside(best), max(asked, default=covering.LEAST_LISTED)):
        return list({place(e): e for e in (best, names)}.values())
    return covering.distinct(ranked, score, most=3, within=2.0)


def _names_nobody(query: Query, best: Evidence) -> bool:
    """Whether a sentence answers "who" with "he" or "they"."""
    asked = query.kind == "who" and _PRONOUN.match(best.text)
    return bool(asked) and questions.fits("who", query.text, best.text) < 1.0


def _named_before(query: Query, best: Evidence, article: Sequence[Evidence]) -> Evidence | None:
    """The sentence before, where it says who that is."""
    before = max((e for e in article if e.span.end <= best.span.start), key=lambda e: e.span.end, default=None)
    return before if before and questions.fits("who", query.text, before.text) == 1.0 else None


def _sides(ranked: Sequence[Evidence], score: _Score) -> list[Evidence]:
    return covering.voices(ranked, score, most=3, within=3.0)


def _timeline(ranked: Sequence[Evidence], score: _Score) -> list[Evidence]:
    best = covering.distinct(ranked, score, most=5, within=2.5)
    return [line.evidence for line in timeline.in_order(best)]


def _corrected(
    ranked: Sequence[Evidence], score: _Score, beside: Callable[[Evidence], Sequence[Evidence]]
) -> list[Evidence]:
    """The best sentence; the one that corrects, and that of an earlier article which it corrects. Newest first."""
    best = max(ranked, key=score)
    items = [best]
    putting_right = [e for e in ranked if covering.corrects(e) and e.score >= best.score - _ONE_STORY]
    if following := covering.goes_on_correcting(best, beside(best)):
        items.append(following)
    elif putting_right and not covering.corrects(best):
        items.append(max(putting_right, key=score))
    newest = max(accounts.when(item) for item in items)
    older = [e for e in ranked if accounts.when(e) < newest]
    items += covering.parallel(best, older, score)[:1]
    return sorted({place(e): e for e in items}.values(), key=accounts.when, reverse=True)


def _answered_back(
    query: Query, ranked: Sequence[Evidence], score: _Score, beside: Callable[[Evidence], Sequence[Evidence]]
) -> list[Evidence]:
    """The best sentence with the one in which somebody contradicts it; none where nobody does. Of what is asked with
    yes or no, another one's words on the same thing are an answer too."""
    best = max(ranked, key=score)
    about = query.terms if _WHETHER.match(query.text) else ()
    other = covering.reply(best, beside(best), about) if covering.claims(best) else None
    return sorted((best, other), key=lambda e: e.span.start) if other else []
