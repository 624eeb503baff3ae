"""The numbers of a run, as JSON and as tables. Layer: faces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from rag.evaluation.runner import Outcome
from rag.metrics import METRICS, Estimate, percentile, summary

Json = dict[str, Any]
Summary = Mapping[str, Estimate | None]
_STAGES = ("retrieve", "first_sentence", "total")
_KIND_COLUMNS = {
    "hit@1": "hit_at_1",
    "evidence": "evidence_coverage",
    "answered": "answered_answerable",
    "right": "answer_right",
    "cited": "cited_right",
    "refused": "refused_unanswerable",
}
_NONE = "–"


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `stamp` says what was measured with what: two reports with equal stamps should hold equal metrics."""

    stamp: Json
    overall: Summary
    kinds: Mapping[str, Summary]
    timings_ms: Mapping[str, Mapping[str, float | None]]
    outcomes: tuple[Outcome, ...]


def make_report(stamp: Json, outcomes: Sequence[Outcome]) -> Report:
    """Summarise the outcomes, over all and per kind in order of the alphabet."""
    by_kind: dict[str, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda o: o.question.kind):
        by_kind.setdefault(outcome.question.kind, []).append(outcome)
    return Report(
        stamp,
        summary([o.scores for o in outcomes]),
        {kind: summary([o.scores for o in own]) for kind, own in by_kind.items()},
        {stage: _timing(stage, outcomes) for stage in _STAGES},
        tuple(outcomes),
    )


def _timing(stage: str, outcomes: Iterable[Outcome]) -> dict[str, float | None]:
    """Median and 95th percentile of one stage. A refusal has no first sentence, so the counts differ."""
    taken = [o.asked.answer.timings_ms[stage] for o in outcomes if stage in o.asked.answer.timings_ms]
    return {"median": percentile(taken, 0.5), "p95": percentile(taken, 0.95), "n": len(taken)}


def report_json(report: Report) -> Json:
    """The whole report; the shape is in docs/evaluation.md."""
    return {
        **report.stamp,
        "metrics": _summary_json(report.overall),
        "kinds": {
            kind: {"questions": _count(report, kind), "metrics": _summary_json(own)}
            for kind, own in report.kinds.items()
        },
        "timings_ms": {stage: dict(timing) for stage, timing in report.timings_ms.items()},
        "questions": [_outcome_json(outcome) for outcome in report.outcomes],
    }


def _summary_json(metrics: Summary) -> Json:
    return {name: own and {k: round(v, 4) for k, v in asdict(own).items()} for name, own in metrics.items()}


def _outcome_json(outcome: Outcome) -> Json:
    question, answer = outcome.question, outcome.asked.answer
    return {
        "id": question.id,
        "kind": question.kind,
        "split": question.split,
        "question": question.question,
        "expected": {
            "answers": list(question.answers),
            "support": [s.model_dump() for s in question.support],
        },
        "answered": answer.answered,
        "right": bool(outcome.scores["answer_right"]) if question.support else not answer.answered,
        "answer": answer.answer,
        "cited": [{"number": c.number, "article_id": c.article_id, "quote": c.quote} for c in answer.citations],
        "found": list(outcome.asked.found),
        "evidence": [{"article_id": e.article.id, "text": e.text} for e in outcome.asked.evidence],
        "scores": {name: None if (s := outcome.scores.get(name)) is None else round(s, 4) for name in METRICS},
        "timings_ms": dict(answer.timings_ms),
    }


def _count(report: Report, kind: str) -> int:
    return sum(o.question.kind == kind for o in report.outcomes)


def print_report(report: Report, console: Console) -> None:
    """Three tables: all metrics, the kinds of question, the times; then what was measured."""
    console.print(_metrics_table(report), _kinds_table(report), _times_table(report))
    stamp, model = report.stamp, report.stamp["model"]
    about = {name: stamp[name] for name in ("newsrag", "set", "split", "mode", "index", "corpus")}
    about |= {name: model[name] for name in ("embedder", "llm", "settings")}
    for name, value in about.items():
        shown = f"{value['digest'][:12]}" if isinstance(value, dict) else value
        if shown:
            console.print(f"{name}: {shown}", style="dim", markup=False)


def _metrics_table(report: Report) -> Table:
    table = Table("metric", title=f"Questions: {len(report.outcomes)}", title_justify="left")
    for column in ("mean", "95 % interval", "n"):
        table.add_column(column, justify="right")
    for name, own in report.overall.items():
        if own:
            table.add_row(name, f"{own.value:.3f}", f"{own.low:.3f} – {own.high:.3f}", str(own.n))
        else:
            table.add_row(name, _NONE, _NONE, "0")
    return table


def _kinds_table(report: Report) -> Table:
    table = Table("kind", title="By kind of question", title_justify="left")
    for column in ("n", *_KIND_COLUMNS):
        table.add_column(column, justify="right")
    for kind, own in report.kinds.items():
        cells = (own[name] for name in _KIND_COLUMNS.values())
        table.add_row(kind, str(_count(report, kind)), *(f"{c.value:.3f}" if c else _NONE for c in cells))
    return table


def _times_table(report: Report) -> Table:
    table = Table("milliseconds", title="Times", title_justify="left")
    for column in ("median", "p95", "n"):
        table.add_column(column, justify="right")
    for stage, timing in report.timings_ms.items():
        cells = (timing["median"], timing["p95"], timing["n"])
        table.add_row(stage, *(_NONE if c is None else f"{c:.0f}" for c in cells))
    return table
