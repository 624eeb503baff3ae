"""`rag eval`: from the options to the exit code. Layer: faces."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

from rich.console import Console

from rag import kept_reports
from rag.errors import StoreError, UsageError
from rag.evaluation.add import Dialogue, add_question
from rag.evaluation.checks import doubtful
from rag.evaluation.compare import (
    baseline_of,
    compare,
    not_compared,
    parse_gates,
    regressions,
    run_name,
    under,
    write_baseline,
)
from rag.evaluation.measure import Notice, Subject, measure, subject
from rag.evaluation.page import html
from rag.evaluation.questions import match
from rag.evaluation.report import Json, read_report
from rag.evaluation.sweep import parse_sweeps, print_sweep, run_sweep
from rag.evaluation.tables import print_comparison, print_report
from rag.settings import Settings, default_index
from rag.types import Mode
from rag.wiring import open_rag, open_store

OK, UNDER, WRONG_SET = 0, 1, 2
Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for; see `rag eval --help`."""

    file: Path | None = None
    index: Path | None = None
    form: str = "newsrag"
    split: str = "dev"
    mode: Mode = "answer"
    limit: int | None = None
    seed: int = 0
    judge: str | None = None
    json_output: bool = False
    page: Path | None = None
    fail_under: tuple[str, ...] = ()
    baseline: Path | None = None
    write_baseline: bool = False
    sweep: tuple[str, ...] = ()
    check: bool = False


def run(options: Options, settings: Settings, out: TextIO, notice: Notice) -> int:
    """Score an eval set; 1 where a metric is under its gate or worse than the baseline, else 0.

    The report goes to `out`, all else to `notice`, a line at a time. Raises UsageError for bad options or a bad set
    before any question is asked, and what opening an index and answering raise.
    """
    gates = parse_gates(options.fail_under)
    sweeps = parse_sweeps(options.sweep, settings, options.mode)
    _refuse_contradictions(options)
    with subject(options.file, options.index, options.form, options.split, options.limit, settings, notice) as what:
        if options.check:
            return _check(what, settings, out)
        if options.sweep:
            rows = run_sweep(what, sweeps, options.seed, notice)
            _show(rows, print_sweep, options.json_output, out)
            return OK
        earlier = _earlier(options, what)
        report = measure(what, settings, options.mode, options.seed, options.judge, notice)
        if options.form == "newsrag":  # the index of an outside set is gone when this is done
            _keep(what.folder, report, notice)
    failures = under(report, gates)
    if earlier:
        failures += _against(report, earlier, notice)
    elif options.baseline:
        write_baseline(options.baseline, report)
        notice(f"wrote the baseline {options.baseline}")
    _show(report, print_report, options.json_output, out)
    if options.page:
        _write(options.page, html(report))
        notice(f"the report is in {options.page}")
    for failure in failures:
        notice(failure)
    return UNDER if failures else OK


def _keep(folder: Path, report: Json, notice: Notice) -> None:
    """Leave the report where `rag serve` shows it. An index that may not be written to is no reason to fail."""
    try:
        kept_reports.keep(folder, report)
    except StoreError as exc:
        notice(f"warning: {exc}")


def _refuse_contradictions(options: Options) -> None:
    if options.write_baseline and options.baseline is None:
        raise UsageError("--write-baseline needs the file: --baseline eval/baseline.json --write-baseline")
    if options.baseline and not options.write_baseline and not options.baseline.exists():
        raise UsageError(f"there is no baseline {options.baseline}: add --write-baseline to make it")
    if options.sweep and (options.fail_under or options.baseline or options.page or options.judge):
        raise UsageError("--sweep shows a table of runs: leave out gates, baseline, judge and page")


def _earlier(options: Options, what: Subject) -> Json | None:
    """The run to compare with, read before any question is asked."""
    if options.baseline is None or options.write_baseline:
        return None
    return baseline_of(options.baseline, run_name(what.split, options.mode, what.limit))


def _against(report: Json, earlier: Json, notice: Notice) -> list[str]:
    if changed := not_compared(report, earlier):
        notice(changed)
    return regressions(report, earlier)


def _check(what: Subject, settings: Settings, out: TextIO) -> int:
    """Hold the set against the articles; 2 where an unanswerable question seems to have an answer."""
    with open_store(what.folder) as store:
        match(what.found, what.questions, store.articles())
    with open_rag(what.folder, settings) as rag:
        findings = list(doubtful(rag, what.found, what.questions))
    for line in findings:
        print(line, file=out)
    if not findings:
        print(f"{len(what.questions)} questions checked: nothing wrong found", file=out)
    return WRONG_SET if findings else OK


def compare_files(first: Path, second: Path, *, json_output: bool, out: TextIO) -> int:
    """Show what changed between two saved reports. Raises UsageError where one is none, or they share no question."""
    comparison = compare(read_report(first), read_report(second))
    _show(comparison, print_comparison, json_output, out)
    return OK


def add(file: Path, index: Path | None, settings: Settings, replies: TextIO, out: TextIO, notice: Notice) -> int:
    """Write one question with the person; raises as `add_question` and opening an index do."""
    folder = index or default_index()
    with open_store(folder) as store, open_rag(folder, settings, notice) as rag:
        made = add_question(file, rag, store, Dialogue(replies, notice))
    print(made.id, file=out)
    return OK


def _show(value: Shown, as_tables: Callable[[Shown, Console], None], json_output: bool, out: TextIO) -> None:
    """JSON is escaped to ASCII: a question can hold what a terminal obeys."""
    if json_output:
        print(json.dumps(value, indent=2), file=out)
    else:
        as_tables(value, Console(file=out, highlight=False))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as exc:
        raise UsageError(f"cannot write {file}: {exc.strerror}") from exc
