"""A run as one JSON object: what the tables, the page and every comparison are made from. Layer: faces."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rag.errors import UsageError
from rag.evaluation.questions import Support
from rag.evaluation.runner import Outcome
from rag.metrics import METRICS
from rag.resampling import Estimate, Scored, estimates, percentile

Json = dict[str, Any]


def make_report(
    stamp: Json, outcomes: Sequence[Outcome], seed: int, places: Mapping[tuple[str, str], int] | None = None
) -> Json:
    """The whole report; the shape is in docs/evaluation.md. `stamp` says what was measured with what: two reports with
    equal stamps hold equal numbers, times apart. `places`: where in its article a supporting quotation begins."""
    by_kind: dict[str, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda o: o.question.kind):
        by_kind.setdefault(outcome.question.kind, []).append(outcome)
    return {
        **stamp,
        "metrics": _metrics(outcomes, seed),
        "kinds": {kind: {"questions": len(own), "metrics": _metrics(own, seed)} for kind, own in by_kind.items()},
        "timings_ms": _timings(outcomes),
        "questions": [_question(outcome, places or {}) for outcome in outcomes],
    }


def _metrics(outcomes: Iterable[Outcome], seed: int) -> Json:
    return estimates_json(estimates([outcome.scored for outcome in outcomes], seed=seed))


def estimates_json(found: Mapping[str, Estimate | None]) -> Json:
    """Unrounded: a gate must not pass by rounding."""
    return {name: own and asdict(own) for name, own in found.items()}


def _timings(outcomes: Sequence[Outcome]) -> Json:
    """Median and 95th percentile of each stage. A refusal has no first sentence, so the counts differ."""
    timed = [_times(outcome) for outcome in outcomes]
    stages = dict.fromkeys(stage for times in timed for stage in times)
    return {stage: _timing([times[stage] for times in timed if stage in times]) for stage in stages}


def _timing(taken: Sequence[int]) -> Json:
    return {"median": percentile(taken, 0.5), "p95": percentile(taken, 0.95), "n": len(taken)}


def _times(outcome: Outcome) -> dict[str, int]:
    return {**outcome.asked.answer.timings_ms, "cpu": outcome.asked.cpu_ms}


def _question(outcome: Outcome, places: Mapping[tuple[str, str], int]) -> Json:
    question, answer, expected = outcome.question, outcome.asked.answer, outcome.question.expected
    return {
        "id": question.id,
        "kind": question.kind,
        "split": question.split,
        "question": question.question,
        "history": list(question.history),
        "expected": {
            "answers": list(question.answers),
            "support": [_support(s, places) for s in question.support],
        },
        "answerable": expected.answerable,
        "probability": outcome.asked.probability,
        "answered": answer.answered,
        "right": right(outcome),
        "right_if_answered": outcome.right_if_answered,
        "answer": answer.answer,
        "cited": [
            {
                "number": c.number,
                "article_id": c.article_id,
                "title": c.title,
                "start": c.start,
                "end": c.end,
                "quote": c.quote,
            }
            for c in answer.citations
        ],
        "found": list(outcome.asked.found),
        "evidence": [{"article_id": e.article.id, "text": e.text} for e in outcome.asked.evidence],
        "scores": {name: score for name in METRICS if (score := outcome.scores.get(name)) is not None},
        "timings_ms": _times(outcome),
    }


def _support(support: Support, places: Mapping[tuple[str, str], int]) -> Json:
    """The quotation with where it begins, if it stands in its article to the letter."""
    start = places.get((support.article_id, support.quote)) if support.start is None else support.start
    return {"article_id": support.article_id, "quote": support.quote, **({} if start is None else {"start": start})}


def right(outcome: Outcome) -> bool | None:
    """Whether the question went well: answered right, or refused where there is no answer; None: cannot be told."""
    if not outcome.question.expected.answerable:
        return not outcome.asked.answer.answered
    score = outcome.scores.get("answer_right")
    return None if score is None else bool(score)


def scored(question: Json) -> Scored:
    """A question of a report, as the metrics want it."""
    return Scored(question["scores"], question["probability"], question["answerable"], question["right_if_answered"])


def read_report(file: Path) -> Json:
    """A saved report. Raises UsageError: cannot be read, or is none."""
    try:
        report: Any = json.loads(file.read_bytes())
    except OSError as exc:
        raise UsageError(f"cannot read the report {file}: {exc.strerror}") from exc
    except ValueError as exc:
        raise UsageError(f"{file} is not JSON: save a report with `rag eval --json > {file}`") from exc
    questions = report.get("questions") if isinstance(report, dict) else None
    if not isinstance(questions, list) or not isinstance(report.get("metrics"), dict) or not questions:
        raise UsageError(f"{file} is no report of `rag eval --json`")
    needed = {"id", "question", "scores", "probability", "answerable", "right_if_answered", "right", "answer"}
    if any(not isinstance(q, dict) or not needed <= q.keys() for q in questions):
        raise UsageError(f"{file} was written by another version of newsrag: run that evaluation again")
    found: Json = report
    return found
