"""`rag eval`: everything from the file name to the exit code. Layer: faces."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rag import __version__, resources
from rag.errors import UsageError
from rag.evaluation.questions import Corpus, Question, QuestionSet, load, match
from rag.evaluation.report import Json, Report, make_report, print_report, report_json
from rag.evaluation.runner import Advance, run_questions
from rag.metrics import METRICS
from rag.settings import Settings, default_index
from rag.types import Mode
from rag.wiring import SAMPLE_INDEX, build_sample, exists, index_paths, open_rag, open_store

OK, UNDER = 0, 1


def run(
    file: Path | None,
    index: Path | None,
    *,
    split: str,
    mode: Mode,
    json_output: bool,
    fail_under: Sequence[str],
    settings: Settings,
    out: TextIO,
) -> int:
    """Score an eval set (None: the shipped one, over the sample corpus); 1 where a metric is under its gate, else 0.

    The report goes to `out`, everything else to stderr. Raises UsageError for a bad gate, set or split before any
    question is asked, and what opening an index and answering raise.
    """
    gates = parse_gates(fail_under)
    shipped = resources.data("eval/questions.jsonl")
    found = load(file or shipped)
    questions = found.of_split(split)
    folder = index or (_sample_index(settings) if _same_file(file, shipped) else default_index())
    report = _measure(found, questions, folder, settings, split, mode)
    if json_output:
        # Escaped to ASCII: a question can hold what a terminal obeys.
        print(json.dumps(report_json(report), indent=2), file=out)
    else:
        print_report(report, Console(file=out, highlight=False))
    failures = under(report, gates)
    for failure in failures:
        print(failure, file=sys.stderr)
    return UNDER if failures else OK


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


def under(report: Report, gates: Mapping[str, float]) -> list[str]:
    """One line for each metric below its gate. One that no question measures is below: a gate must not pass unseen."""
    lines = []
    for name, gate in gates.items():
        measured = report.overall[name]
        if measured is None:
            lines.append(f"{name} was not measured by any question, so it is not {gate:g} or more")
        elif measured.value < gate:
            lines.append(f"{name} is {measured.value:.4f}, under {gate:g}")
    return lines


def _same_file(file: Path | None, shipped: Path) -> bool:
    return file is None or file.resolve() == shipped.resolve()


def _sample_index(settings: Settings) -> Path:
    """The index of the sample corpus, made or brought up to date: after an upgrade the shipped questions may ask for
    articles that an older index lacks."""
    if not exists(SAMPLE_INDEX):
        _notice(f"indexing the sample corpus in {SAMPLE_INDEX}")
        build_sample(settings)
    else:
        index_paths([str(resources.data("eval/corpus"))], SAMPLE_INDEX, settings)
    return SAMPLE_INDEX


def _measure(
    found: QuestionSet, questions: Sequence[Question], folder: Path, settings: Settings, split: str, mode: Mode
) -> Report:
    with open_store(folder) as store:
        corpus = match(found, questions, store.articles())
        facts = store.facts()
        alone = sum(bool(q.history) for q in questions)
        if alone:
            _notice(f"{alone} questions have a history: they are asked without it, follow-ups are not understood yet")
        with open_rag(folder, settings, _notice) as rag, _progress(len(questions)) as advance:
            outcomes = run_questions(rag, questions, corpus, store.article, mode, advance)
    model = _model(outcomes[0].asked.answer.model, facts, settings, mode)
    return make_report(_stamp(found, corpus, folder, split, mode, model), outcomes)


def _model(stamp: Mapping[str, str | None], facts: Mapping[str, str], settings: Settings, mode: Mode) -> Json:
    """The stamp of the answers with the digests of the weights."""
    llm = None
    if mode == "answer":
        llm = resources.LLM_SHA256 if settings.llm == "bundled" else resources.sha256(Path(settings.llm))
    return {**stamp, "llm_digest": llm, "embedder_digest": facts["embedder_digest"]}


def _stamp(found: QuestionSet, corpus: Corpus, folder: Path, split: str, mode: Mode, model: Json) -> Json:
    return {
        "newsrag": __version__,
        "set": {"file": found.file, "digest": found.digest},
        "split": split,
        "mode": mode,
        "index": str(folder),
        "corpus": {"articles": corpus.articles, "digest": corpus.digest},
        "model": model,
    }


@contextmanager
def _progress(total: int) -> Iterator[Advance]:
    """A bar on stderr, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)


def _notice(text: str) -> None:
    print(text, file=sys.stderr)
