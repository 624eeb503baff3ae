"""`rag index`. Layer: faces."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, TextIO

import typer

from rag import batch
from rag.errors import NewsragError, UsageError
from rag.index_report import IndexReport
from rag.options import AsJson, Index
from rag.settings import Settings, default_index
from rag.terminal import Page, Spinner, answer_stream, say
from rag.types import Problem


def index_command(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH...", help="Files, folders, web addresses; '-': standard input.")
    ] = None,
    index: Index = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Embed the stored articles anew with the present settings.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove articles that came from files here and are in them no more.")
    ] = False,
    full_text: Annotated[
        bool, typer.Option("--full-text", help="For feeds: fetch the page of each entry too.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay and keep the index in step with the files and feeds, until Ctrl-C.")
    ] = False,
    interval: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="With --watch: how often files are looked at.")
    ] = 2.0,
    json: AsJson = False,
) -> int:
    """Add or update articles: JSON, CSV, text, HTML, PDF, Word, feeds, mail, WARC, NewsML-G2, archives of these."""
    from rag import wiring

    if not paths and not rebuild:
        raise UsageError("nothing to index: name files or folders, or '-' for standard input")
    if prune and not paths:
        raise UsageError("--prune needs the files or folders that the articles came from")
    if watch and (rebuild or not paths or "-" in paths):
        raise UsageError("--watch needs files, folders or web addresses, and goes with neither --rebuild nor '-'")
    settings, folder = Settings.load(), index or default_index()
    report = IndexReport()
    if watch and paths:
        return _watch(paths, folder, settings, prune=prune, full_text=full_text, interval=interval, json=json)
    with answer_stream() as out:
        with Spinner("reading the first articles") as spinner:
            progress = _progress(spinner)
            if rebuild:
                report = wiring.rebuild_index(folder, settings, progress, say)
            if paths:
                read = wiring.index_paths(
                    paths,
                    folder,
                    settings,
                    prune=prune,
                    progress=progress,
                    notice=say,
                    web=True,
                    full_text=full_text,
                )
                report = _sum(report, read)
        for problem in report.problems:
            say(f"warning: {problem}")
        found = report.added + report.updated + report.unchanged
        if json or found:
            _print_report(out, report, folder, json=json)
    if not found:
        raise UsageError("no article could be read: nothing was indexed")
    return 0


def _watch(
    paths: list[str], folder: Path, settings: Settings, *, prune: bool, full_text: bool, interval: float, json: bool
) -> int:
    """Index whenever there is something new, until Ctrl-C; each run that did something is a line. What fails after the
    first run is tried again."""
    from rag import watching, wiring
    from rag.loading import load_embedder

    local = [path for path in paths if not wiring.is_address(path)]
    say(f"watching {', '.join(paths)}: Ctrl-C ends it")
    with answer_stream() as out, suppress(KeyboardInterrupt):
        embedder = load_embedder(settings, say)
        told: tuple[Problem, ...] = ()
        first = True
        for failed in watching.rounds(local, len(local) < len(paths), interval):
            try:
                report = wiring.index_paths(
                    paths, folder, settings, prune=prune, notice=say, web=True, full_text=full_text, embedder=embedder
                )
            except NewsragError as exc:
                if first:
                    raise
                say(f"error: {exc}; trying again")
                failed()
                continue
            for problem in report.problems if report.problems != told else ():  # once, not in every round
                say(f"warning: {problem}")
            told = report.problems
            if first or report.added or report.updated or report.removed:
                _print_report(out, report, folder, json=json)
            first = False
    say(f"stopped watching; {folder} is as the last line says")
    return 0


def _print_report(out: TextIO, report: IndexReport, folder: Path, *, json: bool) -> None:
    """What the run did, and what the index holds now."""
    from rag import wiring

    stored = {}
    if wiring.exists(folder):
        with wiring.open_store(folder) as store:
            stored = store.count()
    if json:
        print(batch.dumps({"index": str(folder), **asdict(report), "stored": stored}), file=out, flush=True)
    else:
        counts = f"{report.added} added, {report.updated} updated, {report.unchanged} unchanged"
        counts += f", {report.removed} removed" if report.removed else ""
        Page.on(out).line(f"{counts}, {stored.get('passages', 0)} passages in {folder}")


def _progress(spinner: Spinner) -> Callable[[IndexReport], None]:
    def show(report: IndexReport) -> None:
        articles = report.added + report.updated + report.unchanged
        text = f"{articles} articles read, {report.passages} new passages"
        spinner.show(f"{text}, sentences of {report.sentences}, Ctrl-C: later" if report.sentences else text)

    return show


def _sum(a: IndexReport, b: IndexReport) -> IndexReport:
    return replace(
        b, added=a.added + b.added, updated=a.updated + b.updated, unchanged=a.unchanged + b.unchanged,
        passages=a.passages + b.passages, sentences=a.sentences + b.sentences,
    )  # fmt: skip
