"""Which sentences to quote where one cannot answer: by the shape of the question. Layer: pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag import accounts, covering, timeline
from rag.covering import Read, place
from rag.evidence import Query
from rag.kinds import Shape, shape
from rag.types import Evidence

MOST = 4
_SUMMARY = 0.3  # and in a summary, where one reading of the question as one for a fact says little
_ONE_STORY = 3.0  # log odds below the best sentence from which on one is about something else
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
    if query.kind == "said" and wanted in ("compare", "change") and len(parts.asked) == 1:
        return []  # "what did she say of silver compared with gold": one thing that was said
    read = Read.of(chosen)

    def score(item: Evidence) -> float:
        return read.score(item, more.reader_weight)

    if wanted in _WIDE:
        ranked = more.wide()
    if wanted in ("timeline", "change") and (told := accounts.within_story(query, ranked)):
        return [line.evidence for line in timeline.in_order(a.evidence for a in told)]
    if wanted in ("parts", "compare", "change", "timeline") and len(parts.asked) > 1:
        found = covering.of_parts(parts, [more.part(asked) for asked in parts.asked])
        return found if wanted != "timeline" else [line.evidence for line in timeline.in_order(found)]
    make: dict[Shape, Callable[[], list[Evidence]]] = {
        "compare": lambda: _compared(ranked, score),
        "change": lambda: _compared(ranked, score),
        "sides": lambda: _sides(ranked, score),
        "summary": lambda: covering.distinct(ranked, lambda e: read.score(e, _SUMMARY), most=MOST, within=2.0),
        "timeline": lambda: _timeline(ranked, score),
        "list": lambda: covering.distinct(ranked, score, most=3, within=2.0),
        "correction": lambda: _corrected(ranked, score, more.beside),
        "one": lambda: _answered_back(ranked, score, more.beside),
    }
    return make[wanted]() if wanted in make else []


def _compared(ranked: Sequence[Evidence], score: _Score) -> list[Evidence]:
    """The best sentence with a figure, and the one with another figure of the same sort."""
    figured = [e for e in ranked if covering.figures(e.text)]
    if not figured:
        return covering.distinct(ranked, score, most=2, within=2.0)
    best = max(figured, key=score)
    return [best, *covering.parallel(best, ranked, score)[:1]]


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
    newest = max(item.article.published or "" for item in items)
    older = [e for e in ranked if (e.article.published or "") < newest]
    items += covering.parallel(best, older, score)[:1]
    return sorted({place(e): e for e in items}.values(), key=lambda e: e.article.published or "", reverse=True)


def _answered_back(
    ranked: Sequence[Evidence], score: _Score, beside: Callable[[Evidence], Sequence[Evidence]]
) -> list[Evidence]:
    """The best sentence with the one in which somebody contradicts it; none where nobody does."""
    best = max(ranked, key=score)
    other = covering.reply(best, beside(best)) if covering.claims(best) else None
    return sorted((best, other), key=lambda e: e.span.start) if other else []
