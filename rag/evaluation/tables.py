"""Reports and comparisons as tables for a terminal. Layer: faces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rag.evaluation.report import Json

_KIND_COLUMNS = {
    "hit@1": "hit_at_1",
    "evidence": "evidence_coverage",
    "answered": "answered_answerable",
    "right": "answer_right",
    "cited": "cited_right",
    "refused": "refused_unanswerable",
}
NONE = "–"


def cut(value: float) -> str:
    """Three decimals, cut off towards minus infinity: a report never rounds up."""
    return f"{math.floor(value * 1000 + 1e-9) / 1000:.3f}"


def print_report(report: Json, console: Console) -> None:
    """Three tables: all metrics, the kinds of question, the times; then what was measured."""
    console.print(_metrics_table(report), _kinds_table(report), _times_table(report))
    for name, value in about(report).items():
        console.print(f"{name}: {value}", style="dim", markup=False)


def about(report: Json) -> dict[str, str]:
    """What was measured with what, as lines of text; digests by their first twelve digits."""
    model = report["model"]
    lines = {
        "newsrag": report["newsrag"],
        "set": f"{report['set']['file']} ({report['set']['digest'][:12]})",
        "questions": f"{len(report['questions'])} of the split {report['split']}, seed {report['seed']}",
        "mode": report["mode"],
        "index": report["index"],
        "corpus": f"{report['corpus']['articles']} articles ({report['corpus']['digest'][:12]})",
        "embedder": f"{model['embedder']} ({model['embedder_digest'][:12]})",
        "llm": model["llm"] and f"{model['llm']} ({model['llm_digest'][:12]})",
        "settings": model["settings"],
        "judge": report["judge"],
    }
    return {name: value for name, value in lines.items() if value}


def _metrics_table(report: Json) -> Table:
    table = Table("metric", title=f"Questions: {len(report['questions'])}", title_justify="left")
    for column in ("mean", "95 % interval", "n"):
        table.add_column(column, justify="right")
    for name, own in report["metrics"].items():
        if own:
            table.add_row(name, cut(own["value"]), f"{cut(own['low'])} – {cut(own['high'])}", str(own["n"]))
        else:
            table.add_row(name, NONE, NONE, "0")
    return table


def _kinds_table(report: Json) -> Table:
    table = Table("kind", title="By kind of question", title_justify="left")
    for column in ("n", *_KIND_COLUMNS):
        table.add_column(column, justify="right")
    for kind, own in report["kinds"].items():
        cells = (own["metrics"][name] for name in _KIND_COLUMNS.values())
        table.add_row(kind, str(own["questions"]), *(cut(c["value"]) if c else NONE for c in cells))
    return table


def _times_table(report: Json) -> Table:
    table = Table("milliseconds", title="Times", title_justify="left")
    for column in ("median", "p95", "n"):
        table.add_column(column, justify="right")
    for stage, timing in report["timings_ms"].items():
        cells = (timing["median"], timing["p95"], timing["n"])
        table.add_row(stage, *(NONE if c is None else f"{c:.0f}" for c in cells))
    return table


def print_comparison(comparison: Mapping[str, Any], console: Console) -> None:
    """The metrics of both runs with the interval of their difference, then the questions that changed."""
    table = Table("metric", title=f"Questions in both: {comparison['questions']}", title_justify="left")
    for column in ("before", "after", "change", "95 % interval", "n"):
        table.add_column(column, justify="right")
    for name, own in comparison["metrics"].items():
        if own:
            interval = f"{own['low']:+.3f} – {own['high']:+.3f}"
            mark = {"better": " ▲", "worse": " ▼"}.get(own["verdict"], "")
            table.add_row(
                name, cut(own["before"]), cut(own["after"]), f"{own['value']:+.3f}{mark}", interval, str(own["n"])
            )
    console.print(table)
    for side, what in (("worse", "Right before, wrong now"), ("better", "Wrong before, right now")):
        changed = [c for c in comparison["changes"] if c["verdict"] == side]
        console.print(f"{what}: {len(changed)}", markup=False)
        for change in changed:
            console.print(Text(f"  {change['id']}: {change['question']}"))
            console.print(Text(f"    before: {change['before']}\n    after:  {change['after']}"), style="dim")
    only = comparison["only"]
    if any(only.values()):
        console.print(f"In one report only: {only['first']} in the first, {only['second']} in the second.")
