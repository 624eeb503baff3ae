"""The options of `rag eval`. Layer: faces. What they do is in rag/evaluation, imported when the command runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rag.errors import UsageError
from rag.settings import Settings
from rag.terminal import answer_stream, say
from rag.types import Mode


def eval_command(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE|add]", help="The set; the sample's own if left out. 'add': write a question."),
    ] = None,
    target: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Of 'add': the set to write to.")] = None,
    index: Annotated[
        Path | None, typer.Option("--index", metavar="DIR", help="Folder of the index; indexes/default if left out.")
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Whose set FILE is: newsrag, squad, clapnq, rgb, multihop-rag, realtimeqa, beir or jsonl.",
        ),
    ] = "newsrag",
    split: Annotated[str, typer.Option(help="Which part of the questions: dev, test or all.")] = "dev",
    mode: Annotated[Mode, typer.Option(help="'quote' answers with quotations alone, without the LLM.")] = "answer",
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Ask a fixed sample of N questions.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals.")] = 0,
    judge: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Also let this LLM judge: 'bundled' or the path of a GGUF file.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write the report as a page.")
    ] = None,
    fail_under: Annotated[
        list[str] | None, typer.Option(metavar="METRIC=VALUE", help="Exit code 1 when a metric is lower; repeatable.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Exit code 1 when a metric is worse than there, beyond chance.")
    ] = None,
    write_baseline: Annotated[bool, typer.Option("--write-baseline", help="Write this run into --baseline.")] = False,
    compare: Annotated[
        tuple[Path, Path] | None, typer.Option(metavar="A B", help="Show what changed between two saved reports.")
    ] = None,
    sweep: Annotated[
        list[str] | None, typer.Option(metavar="NAME=A,B", help="Run once for each value of a setting; repeatable.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only check the set; unanswerable questions are searched for.")
    ] = False,
) -> int:
    """Score a set of questions: retrieval, answers, citations, refusals, timings."""
    from rag.evaluation import command

    settings = Settings.load()
    adding = file is not None and str(file) == "add"
    if target is not None and not adding:
        raise UsageError("one set at a time; a question is added with: rag eval add FILE")
    with answer_stream() as out:
        if compare is not None:
            return command.compare_files(*compare, json_output=json, out=out)
        if adding:
            if target is None:
                raise UsageError("which set? rag eval add FILE")
            return command.add(target, index, settings, sys.stdin, out, say)
        options = command.Options(
            file=file, index=index, form=form, split=split, mode=mode, limit=limit, seed=seed, judge=judge,
            json_output=json, page=html, fail_under=tuple(fail_under or ()), baseline=baseline,
            write_baseline=write_baseline, sweep=tuple(sweep or ()), check=check,
        )  # fmt: skip
        return command.run(options, settings, out, say)
