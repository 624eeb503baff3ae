"""The options of `rag eval`. Layer: faces. What they do is in rag/evaluation, imported when the command runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rag.errors import UsageError
from rag.options import AnswerMode, AsJson, Index
from rag.settings import Settings
from rag.terminal import answer_stream, say

File = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE|add]", help="The set; the sample's own if left out. 'add': write a question."),
]
Target = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Of 'add': the set to write to.")]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help="Whose set FILE is: newsrag, squad, clapnq, rgb, multihop-rag, realtimeqa, beir or jsonl.",
    ),
]
Split = Annotated[str, typer.Option(help="Which part of the questions: dev, test or all.")]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="Ask a fixed sample of N questions.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the intervals.")]
JudgeModel = Annotated[
    str | None, typer.Option(metavar="MODEL", help="Also let this LLM judge: 'bundled' or the path of a GGUF file.")
]
Page = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write the report as a page.")]
Gates = Annotated[
    list[str] | None, typer.Option(metavar="METRIC=VALUE", help="Exit code 1 when a metric is lower; repeatable.")
]
Baseline = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Exit code 1 when a metric is worse than there, beyond chance.")
]
Write = Annotated[bool, typer.Option("--write-baseline", help="Write this run into --baseline.")]
Compare = Annotated[
    tuple[Path, Path] | None, typer.Option(metavar="A B", help="Show what changed between two saved reports.")
]
Sweep = Annotated[
    list[str] | None, typer.Option(metavar="NAME=A,B", help="Run once for each value of a setting; repeatable.")
]
Check = Annotated[bool, typer.Option("--check", help="Only check the set; unanswerable questions are searched for.")]


def eval_command(
    file: File = None,
    target: Target = None,
    index: Index = None,
    form: Format = "newsrag",
    split: Split = "dev",
    mode: AnswerMode = "answer",
    limit: Limit = None,
    seed: Seed = 0,
    judge: JudgeModel = None,
    json: AsJson = False,
    html: Page = None,
    fail_under: Gates = None,
    baseline: Baseline = None,
    write_baseline: Write = False,
    compare: Compare = None,
    sweep: Sweep = None,
    check: Check = False,
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
