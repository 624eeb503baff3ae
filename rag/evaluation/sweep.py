"""The same questions under several settings: quality against time. Layer: faces."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from rag.errors import IndexMismatchError, UsageError
from rag.evaluation.measure import Notice, Subject, measure, reindexed
from rag.evaluation.report import Json
from rag.evaluation.tables import NONE, cut
from rag.settings import Settings
from rag.types import Mode
from rag.wiring import open_rag

QUALITY = "answer_right"
_MOST = 64
_COLUMNS = ("hit_at_1", "evidence_coverage", QUALITY, "refused_unanswerable")


def parse_sweeps(given: Sequence[str], settings: Settings, mode: Mode) -> list[tuple[dict[str, str], Settings, Mode]]:
    """`NAME=VALUE,VALUE` texts to every combination of their values, as (what differs, settings, mode).

    Raises UsageError for a name that is no setting, a value that it cannot have, or too many combinations.
    """
    lists: dict[str, list[str]] = {}
    for text in given:
        name, _, values = text.partition("=")
        if name != "mode" and name not in Settings.model_fields:
            raise UsageError(f"--sweep {text}: no such setting; these are: mode, {', '.join(Settings.model_fields)}")
        lists[name] = [value.strip() for value in values.split(",") if value.strip()]
        if not lists[name]:
            raise UsageError(f"--sweep {text}: give the values, as in {name}=A,B")
    combinations = [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]
    if len(combinations) > _MOST:
        raise UsageError(f"--sweep asks for {len(combinations)} runs, more than {_MOST}: sweep fewer values")
    return [(c, _changed(settings, c), _mode(c.get("mode", mode))) for c in combinations]


def _changed(settings: Settings, changes: Mapping[str, str]) -> Settings:
    fields = {name: value for name, value in changes.items() if name != "mode"}
    try:
        return Settings(**{**settings.model_dump(), **fields})
    except ValidationError as exc:
        first = exc.errors()[0]
        raise UsageError(f"--sweep {first['loc'][0]}={first['input']}: {first['msg']}") from exc


def _mode(name: str) -> Mode:
    for mode in get_args(Mode):
        if name == mode:
            return mode  # type: ignore[no-any-return]
    raise UsageError(f"--sweep mode={name}: choose from {', '.join(get_args(Mode))}")


def run_sweep(
    what: Subject, runs: Sequence[tuple[dict[str, str], Settings, Mode]], seed: int, notice: Notice
) -> list[Json]:
    """A row for each combination: what differs, its metrics and times, and whether no other is better at both."""
    rows: list[Json] = []
    for changes, settings, mode in runs:
        shown = ", ".join(f"{name}={value}" for name, value in changes.items())
        notice(f"run {len(rows) + 1} of {len(runs)}: {shown}")
        with _fitting(what, settings, notice) as fitting:
            report = measure(fitting, settings, mode, seed, None, notice)
        rows.append(
            {
                "run": changes,
                "metrics": {name: own and own["value"] for name, own in report["metrics"].items()},
                "median_ms": report["timings_ms"]["total"]["median"],
                "cpu_ms": report["timings_ms"]["cpu"]["median"],
            }
        )
    return mark_pareto(rows)


@contextmanager
def _fitting(what: Subject, settings: Settings, notice: Notice) -> Iterator[Subject]:
    """The subject with an index that fits the settings: its own, or one made for this run."""
    with tempfile.TemporaryDirectory(prefix="rag-eval-") as temporary:
        try:
            with open_rag(what.folder, settings):
                folder = what.folder
        except IndexMismatchError:
            folder = reindexed(what.folder, Path(temporary), settings, notice)
        yield replace(what, folder=folder)


def mark_pareto(rows: Sequence[Json]) -> list[Json]:
    """Each row with `best`: no other is at least as good in quality and in time, and better in one (Pareto)."""

    def beats(a: Json, b: Json) -> bool:
        quality = (a["metrics"][QUALITY] or 0.0) - (b["metrics"][QUALITY] or 0.0)
        time = b["cpu_ms"] - a["cpu_ms"]
        return bool(quality >= 0 and time >= 0 and (quality > 0 or time > 0))

    return [{**row, "best": not any(beats(other, row) for other in rows)} for row in rows]


def print_sweep(rows: Sequence[Json], console: Console) -> None:
    """The rows, the fastest first; a star marks those that no other beats."""
    table = Table("", "run", title=f"{QUALITY} against processor time; * no other run beats it", title_justify="left")
    for column in (*_COLUMNS, "cpu ms", "ms"):
        table.add_column(column, justify="right")
    for row in sorted(rows, key=lambda r: r["cpu_ms"]):
        run = "\n".join(f"{name}={value}" for name, value in row["run"].items())
        cells = [NONE if row["metrics"][name] is None else cut(row["metrics"][name]) for name in _COLUMNS]
        table.add_row("*" if row["best"] else "", run, *cells, f"{row['cpu_ms']:.0f}", f"{row['median_ms']:.0f}")
    console.print(table)
