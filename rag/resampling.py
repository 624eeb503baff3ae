"""The metrics of a whole run, with intervals, and the paired difference of two runs. Layer: pure.

Intervals are 95 % percentile bootstrap over questions (Efron and Tibshirani 1993, ch. 13), from one seed, so that equal
scores give equal intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rag.metrics import CURVES, METRICS

RESAMPLES = 2000
BINS = 10
Draws = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scored:
    """One question of a run. `probability`: that the corpus answers it, as the system thought; `right`: whether its
    answer is right, given whatever the probability; None where that is not known or no answer can be made."""

    values: Mapping[str, float | None]
    probability: float | None = None
    answerable: bool = False
    right: bool | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric over n questions with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from one run to another over the n questions that both measured, with its 95 % interval."""

    before: float
    after: float
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class _Sample:
    """The questions that a metric is about, and the metric of each resample (a row of question numbers)."""

    size: int
    of: Callable[[Draws], Values] = field(repr=False)


def estimates(scored: Sequence[Scored], *, seed: int = 0) -> dict[str, Estimate | None]:
    """Every metric of a run; None where no question says anything about it."""
    return {name: _estimate(_sample(name, _about(name, scored)), seed) for name in METRICS}


def estimate(values: Sequence[float], *, seed: int = 0) -> Estimate | None:
    """The mean of these values; None of no values."""
    return _estimate(_mean(np.asarray(values, dtype=np.float64)), seed)


def _estimate(sample: _Sample, seed: int) -> Estimate | None:
    if not sample.size:
        return None
    value = float(sample.of(np.arange(sample.size)[None])[0])
    if np.isnan(value):
        return None
    low, high = _interval(sample.of(_draws(sample.size, seed)))
    return Estimate(value, low, high, sample.size)


def differences(pairs: Sequence[tuple[Scored, Scored]], *, seed: int = 0) -> dict[str, Difference | None]:
    """Every metric of two runs over the same questions, resampled together: paired bootstrap (Efron and Tibshirani
    1993, ch. 8). None where one of the runs does not measure it."""
    found = {}
    for name in METRICS:
        about = [pair for pair in pairs if any(_about(name, pair))]
        found[name] = _difference(_sample(name, [a for a, _ in about]), _sample(name, [b for _, b in about]), seed)
    return found


def _difference(first: _Sample, second: _Sample, seed: int) -> Difference | None:
    if not first.size:
        return None
    whole = np.arange(first.size)[None]
    before, after = float(first.of(whole)[0]), float(second.of(whole)[0])
    if np.isnan(before) or np.isnan(after):
        return None
    draws = _draws(first.size, seed)
    low, high = _interval(second.of(draws) - first.of(draws))
    return Difference(before, after, after - before, low, high, first.size)


@lru_cache(maxsize=8)
def _draws(size: int, seed: int) -> Draws:
    return np.random.default_rng(seed).integers(0, size, (RESAMPLES, size))


def _interval(values: Values) -> tuple[float, float]:
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)


# ── the metrics


def _about(name: str, scored: Sequence[Scored]) -> list[Scored]:
    """The questions that say something about a metric."""
    if name == "selective_accuracy":
        return [s for s in scored if s.probability is not None and s.right is not None]
    if name in CURVES:
        return [s for s in scored if s.probability is not None]
    return [s for s in scored if s.values.get(name) is not None]


def _sample(name: str, scored: Sequence[Scored]) -> _Sample:
    if name not in CURVES:
        return _mean(np.array([np.nan if (v := s.values.get(name)) is None else v for s in scored]))
    probability = np.array([np.nan if s.probability is None else s.probability for s in scored])
    if name == "selective_accuracy":
        return _selective_accuracy(probability, np.array([bool(s.right) for s in scored]))
    answerable = np.array([s.answerable for s in scored], dtype=bool)
    return (_refusal_auc if name == "refusal_auc" else _calibration)(probability, answerable)


def _mean(values: Values) -> _Sample:
    """The mean of those that are numbers."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    return _Sample(len(values), lambda draws: _ratio(filled[draws].sum(axis=1), known[draws].sum(axis=1)))


def _ratio(part: npt.NDArray[np.generic], whole: npt.NDArray[np.generic]) -> Values:
    """Part by whole; not a number where the whole is 0."""
    result = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=result, where=np.asarray(whole) != 0)
    return result


def _selective_accuracy(probability: Values, right: npt.NDArray[np.bool_]) -> _Sample:
    """1 minus the area under the risk-coverage curve (Geifman and El-Yaniv 2017): the accuracy of the k surest
    answers, averaged over all k. Of equally sure answers the wrong ones come first."""
    ranked = right[np.lexsort((right, -probability))].astype(np.float64)
    at = np.arange(1, len(ranked) + 1)
    place = np.empty(len(ranked), dtype=np.int64)
    place[np.lexsort((right, -probability))] = np.arange(len(ranked))

    def of(draws: Draws) -> Values:
        means: Values = (np.cumsum(ranked[np.sort(place[draws], axis=1)], axis=1) / at).mean(axis=1)
        return means

    return _Sample(len(ranked), of)


def _refusal_auc(probability: Values, answerable: npt.NDArray[np.bool_]) -> _Sample:
    """Area under the ROC curve: how often an answerable question gets the higher probability (Hanley and McNeil 1982);
    a tie is half."""
    yes, no = probability[answerable], probability[~answerable]
    above = (yes[:, None] > no) + 0.5 * (yes[:, None] == no)

    def of(draws: Draws) -> Values:
        times = _counts(draws, len(probability))
        left, right = times[:, answerable], times[:, ~answerable]
        return _ratio(((left @ above) * right).sum(axis=1), left.sum(axis=1) * right.sum(axis=1))

    return _Sample(len(probability), of)


def _calibration(probability: Values, answerable: npt.NDArray[np.bool_]) -> _Sample:
    """1 minus the expected calibration error over ten equal bins (Guo et al. 2017)."""
    member = np.eye(BINS)[_bins(probability)]
    gap = member * (probability - answerable)[:, None]
    return _Sample(
        len(probability), lambda draws: 1 - np.abs(_counts(draws, len(probability)) @ gap).sum(axis=1) / draws.shape[1]
    )


def _bins(probability: Values) -> Draws:
    return np.minimum((np.nan_to_num(probability) * BINS).astype(np.int64), BINS - 1)


def _counts(draws: Draws, size: int) -> Values:
    """How often each question was drawn, a row a resample."""
    offset = draws + size * np.arange(len(draws))[:, None]
    return np.bincount(offset.ravel(), minlength=size * len(draws)).reshape(len(draws), size).astype(np.float64)


# ── the curves


def risk_coverage(scored: Sequence[Scored]) -> list[tuple[float, float]]:
    """(coverage, risk) after each question, the surest first: the share answered, and of those the share wrong."""
    about = _about("selective_accuracy", scored)
    ranked = sorted(about, key=lambda s: (-(s.probability or 0.0), bool(s.right)))
    wrong = np.cumsum([not s.right for s in ranked])
    return [((i + 1) / len(ranked), float(wrong[i]) / (i + 1)) for i in range(len(ranked))]


def reliability(scored: Sequence[Scored]) -> list[tuple[float, float, int]]:
    """(mean probability, share answerable, count) of each bin that is not empty."""
    about = _about("calibration", scored)
    bins: dict[int, list[Scored]] = {}
    for item, number in zip(about, _bins(np.array([s.probability for s in about], dtype=np.float64)), strict=True):
        bins.setdefault(int(number), []).append(item)
    return [
        (sum(s.probability or 0.0 for s in own) / len(own), sum(s.answerable for s in own) / len(own), len(own))
        for _, own in sorted(bins.items())
    ]


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which this share of the values lies, interpolated linearly; None of no values."""
    return float(np.percentile(values, 100 * share)) if values else None
