"""Which sentences to quote where one cannot answer: by the shape of the question. Layer: pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag import covering, timeline
from rag.accounts import Account
from rag.covering import Read
from rag.evidence import Query
from rag.kinds import Shape, shape
from rag.types import Evidence

Part = Callable[[str], Sequence[Evidence]]
"""The evidence for a part of a question, asked by itself, best first; none where it has no answer."""
MOST = 4
_WHOLE = 0.745  # what the reader counts for beside the search, as fitted in rag/fitted/reading.json
_ONE_PART = 3.0  # log odds below the best of all, from which on a part has no answer
_Score = Callable[[Evidence], float]


def sentences(
    query: Query, ranked: Sequence[Evidence], chosen: Sequence[Evidence], part: Part, accounts: Sequence[Account]
) -> list[Evidence]:
    """The sentences to quote, in order; none where the question wants one sentence.

    `ranked` is all the evidence and `chosen` what a reader may have read of it; `accounts` are figures that differ.
    """
    wanted, parts = shape(query.text)
    read = Read.of(chosen)

    def score(item: Evidence) -> float:
        return read.score(item, _WHOLE)

    if wanted in ("timeline", "change") and accounts:
        return [line.evidence for line in timeline.in_order(a.evidence for a in accounts)]
    if wanted in ("parts", "compare", "change") and len(parts.asked) > 1:
        return covering.of_parts(parts, [part(asked) for asked in parts.asked])
    make: dict[Shape, Callable[[], list[Evidence]]] = {
        "compare": lambda: _compared(ranked, score),
        "change": lambda: _compared(ranked, score),
        "sides": lambda: _sides(ranked, score),
        "summary": lambda: covering.distinct(ranked, score, most=MOST, within=2.5),
        "timeline": lambda: _timeline(ranked, score),
        "list": lambda: covering.distinct(ranked, score, most=3, within=1.0),
        "correction": lambda: _corrected(ranked, score),
        "one": lambda: _answered_back(ranked, score),
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


def _corrected(ranked: Sequence[Evidence], score: _Score) -> list[Evidence]:
    """The sentence that corrects, and the one of an earlier article that it corrects."""
    best = max(ranked, key=lambda e: score(e) + 1.0 * covering.corrects(e))
    older = [e for e in ranked if (e.article.published or "") < (best.article.published or "")]
    return [best, *covering.parallel(best, older, score)[:1]]


def _answered_back(ranked: Sequence[Evidence], score: _Score) -> list[Evidence]:
    """The best sentence with the one that contradicts it beside; none where nothing does."""
    best = max(ranked, key=score)
    other = covering.reply(best, ranked)
    return sorted((best, other), key=lambda e: e.span.start) if other else []
