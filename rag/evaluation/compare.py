"""Two runs against each other, a run against its gates, and a run against its baseline. Layer: faces."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rag.errors import UsageError
from rag.evaluation.report import Json, scored
from rag.metrics import METRICS
from rag.resampling import Difference, differences

_FORMAT = 1
_NOISE = 1e-5
"""Differences below this come from the rounding of the baseline."""


def compare(first: Json, second: Json, *, seed: int = 0) -> Json:
    """What changed from the first report to the second, over the questions of both; Raises UsageError for none."""
    before = {q["id"]: q for q in first["questions"]}
    after = {q["id"]: q for q in second["questions"]}
    both = [name for name in before if name in after]
    if not both:
        raise UsageError("these reports have no question in common: nothing can be compared")
    found = differences([(scored(before[name]), scored(after[name])) for name in both], seed=seed)
    return {
        "questions": len(both),
        "only": {"first": len(before) - len(both), "second": len(after) - len(both)},
        "metrics": {name: own and {**asdict(own), "verdict": verdict(own)} for name, own in found.items()},
        "changes": [
            {
                "id": name,
                "question": after[name]["question"],
                "verdict": "better" if after[name]["right"] else "worse",
                "before": before[name]["answer"],
                "after": after[name]["answer"],
            }
            for name in both
            if None not in (before[name]["right"], after[name]["right"])
            and before[name]["right"] != after[name]["right"]
        ],
    }


def verdict(difference: Difference) -> str:
    """`better` or `worse` where the whole interval is on that side of no change, else `same`."""
    if difference.high < -_NOISE:
        return "worse"
    return "better" if difference.low > _NOISE else "same"


# ── gates


def parse_gates(given: Sequence[str]) -> dict[str, float]:
    """`METRIC=VALUE` texts to numbers. Raises UsageError for an unknown metric or no number between 0 and 1."""
    gates = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in METRICS:
            raise UsageError(f"--fail-under {text}: no such metric; these are: {', '.join(METRICS)}")
        try:
            gates[name] = float(value)
        except ValueError:
            gates[name] = math.nan
        if not 0 <= gates[name] <= 1:
            raise UsageError(f"--fail-under {text}: give a number between 0 and 1, as in {name}=0.8")
    return gates


def under(report: Json, gates: Mapping[str, float]) -> list[str]:
    """One line for each metric below its gate. One that no question measures is below: a gate must not pass unseen."""
    lines = []
    for name, gate in gates.items():
        measured = report["metrics"][name]
        if measured is None:
            lines.append(f"{name} was not measured by any question, so it is not {gate:g} or more")
        elif measured["value"] < gate:
            lines.append(f"{name} is {measured['value']:.4f}, under {gate:g}")
    return lines


# ── baselines


def run_name(split: str, mode: str, limit: int | None) -> str:
    """What a run is called in a baseline file: only runs of one name are compared."""
    return f"{split} {mode}" + (f" {limit} questions" if limit else "")


def write_baseline(file: Path, report: Json) -> None:
    """Put this run into the file, in place of an earlier one of its name. Raises UsageError: cannot be written."""
    runs = _runs(file) if file.exists() else {}
    keep = ("id", "scores", "probability", "answerable", "right_if_answered", "right")
    kept = {
        **{name: report[name] for name in ("newsrag", "corpus", "model", "seed")},
        "set": report["set"]["digest"],  # its file is where it lies on this machine
        "metrics": {name: own and own["value"] for name, own in report["metrics"].items()},
        "questions": [{name: _rounded(question[name]) for name in keep} for question in report["questions"]],
    }
    runs[run_name(report["split"], report["mode"], report["limit"])] = kept
    try:
        file.write_text(_dumped(runs), "utf-8")
    except OSError as exc:
        raise UsageError(f"cannot write the baseline {file}: {exc.strerror}") from exc


def _rounded(value: object) -> object:
    """Six decimals are far more than a gate needs, and make the file half as long."""
    if isinstance(value, float):
        return round(value, 6)
    return {k: _rounded(v) for k, v in value.items()} if isinstance(value, dict) else value


def _dumped(runs: Json) -> str:
    """One line a question, so that a change of the baseline can be read as a diff."""
    parts = []
    for name, run in sorted(runs.items()):
        head = {key: value for key, value in run.items() if key != "questions"}
        lines = ",\n".join(f"   {json.dumps(question)}" for question in run["questions"])
        parts.append(f' {json.dumps(name)}: {json.dumps(head)[:-1]}, "questions": [\n{lines}\n ]}}')
    return f'{{"format": {_FORMAT}, "runs": {{\n' + ",\n".join(parts) + "\n}}\n"


def _runs(file: Path) -> Json:
    try:
        content = json.loads(file.read_bytes())
        runs = content["runs"] if content["format"] == _FORMAT else None
    except OSError as exc:
        raise UsageError(f"cannot read the baseline {file}: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError):
        runs = None
    if not isinstance(runs, dict):
        raise UsageError(f"{file} is no baseline: write one with `rag eval --write-baseline --baseline {file}`")
    return runs


def baseline_of(file: Path, name: str) -> Json:
    """The run of this name in the file. Raises UsageError where there is none."""
    runs = _runs(file)
    if name not in runs:
        known = ", ".join(sorted(runs)) or "none"
        raise UsageError(f"{file} has no run {name!r}, only {known}: add --write-baseline to make it")
    run: Json = runs[name]
    return run


def regressions(report: Json, baseline: Json) -> list[str]:
    """One line for each metric that is worse than the baseline beyond the paired interval: 95 % of the resampled
    questions say so. One that was measured and no longer is counts as worse."""
    now = {q["id"]: q for q in report["questions"]}
    pairs = [(scored(q), scored(now[q["id"]])) for q in baseline["questions"] if q["id"] in now]
    if not pairs:
        raise UsageError("the baseline has no question in common with this run: write it anew with --write-baseline")
    lines = [
        f"{name} fell from {own.before:.4f} to {own.after:.4f} (change {own.low:+.4f} to {own.high:+.4f}, n {own.n})"
        for name, own in differences(pairs, seed=report["seed"]).items()
        if own and verdict(own) == "worse"
    ]
    measured = baseline["metrics"]
    gone = [name for name in METRICS if measured.get(name) is not None and report["metrics"][name] is None]
    return [*lines, *(f"{name} is no longer measured by any question" for name in gone)]


def not_compared(report: Json, baseline: Json) -> str | None:
    """What a person should know where baseline and run do not have the same questions."""
    before, now = ({q["id"] for q in run["questions"]} for run in (baseline, report))
    if before == now:
        return None
    return f"the baseline lacks {len(now - before)} of the questions and has {len(before - now)} others"
