"""Several rankings of the same things into one. Layer: pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Ranking = Sequence[tuple[int, float]]
"""(key, score), best first."""


def reciprocal_rank(rankings: Mapping[str, Ranking], weights: Mapping[str, float], k: int = 60) -> dict[int, float]:
    """Sum over the rankings of weight / (k + rank), rank from 1; a thing a ranking lacks gets nothing from it.

    Source: Cormack, Clarke and Büttcher, Reciprocal Rank Fusion, SIGIR 2009.
    """
    fused: dict[int, float] = {}
    for name, ranking in rankings.items():
        for rank, (key, _) in enumerate(ranking, start=1):
            fused[key] = fused.get(key, 0.0) + weights.get(name, 1.0) / (k + rank)
    return fused


def standardised(
    rankings: Mapping[str, Ranking], more: Mapping[str, Ranking] | None = None
) -> dict[int, dict[str, float]]:
    """For each thing its z-score in every ranking; where a ranking lacks it, that ranking's lowest, and 0 in an empty
    one. Each ranking's mean and deviation are its own. `more`: further things with scores in the same units; at worst
    they get one deviation below the lowest, as among things that are alike the deviation is tiny."""
    more = more or {}
    keys = {key for ranking in (*rankings.values(), *more.values()) for key, _ in ranking}
    scored: dict[int, dict[str, float]] = {key: {} for key in keys}
    for name, ranking in rankings.items():
        scores = dict(ranking)
        mean = sum(scores.values()) / max(1, len(scores))
        deviation = math.sqrt(sum((s - mean) ** 2 for s in scores.values()) / max(1, len(scores))) or 1.0
        lowest = min(scores.values(), default=mean)
        scores = {**{key: max(score, lowest - deviation) for key, score in more.get(name, ())}, **scores}
        for key, own in scored.items():
            own[name] = (scores.get(key, lowest) - mean) / deviation
    return scored


def standard_scores(rankings: Mapping[str, Ranking], weights: Mapping[str, float]) -> dict[int, float]:
    """Weighted sum of `standardised`.

    Unlike ranks, scores keep how far ahead the best is, so an exact lexical match is not drowned by five vague
    neighbours (see docs/decisions/0001 for the figures).
    """
    scored = standardised(rankings)
    return {key: sum(weights.get(name, 1.0) * z for name, z in own.items()) for key, own in scored.items()}


def together(rankings: Mapping[str, Ranking], others: Mapping[str, Ranking], weight: float) -> dict[str, Ranking]:
    """Two searches as one, view by view: scores add up, those of `others` times `weight`; what one of them did not
    find counts there as its last."""
    merged: dict[str, Ranking] = {}
    for name, ranking in rankings.items():
        first, second = dict(ranking), dict(others[name])
        least, low = min(first.values(), default=0.0), min(second.values(), default=0.0)
        total = {k: first.get(k, least) + weight * second.get(k, low) for k in {**first, **second}}
        merged[name] = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    return merged
