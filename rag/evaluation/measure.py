"""One run: a set, an index and settings in, a report out. Layer: faces."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rag import __version__, resources
from rag.errors import UsageError
from rag.evaluation.judge import make_judge
from rag.evaluation.outside import FORMATS, load_outside
from rag.evaluation.questions import Corpus, Question, QuestionSet, load, match
from rag.evaluation.report import Json, make_report
from rag.evaluation.runner import Advance, Bench, run_questions, support_checker
from rag.loading import load_embedder, load_llm
from rag.settings import Settings, default_index
from rag.types import Mode
from rag.wiring import (
    SAMPLE_INDEX,
    build_sample,
    exists,
    index_paths,
    open_rag,
    open_store,
)

Notice = Callable[[str], None]
SHIPPED = "eval/questions.jsonl"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: questions of one set over one index. `index` is what a report calls it."""

    found: QuestionSet
    questions: tuple[Question, ...]
    folder: Path
    index: str
    split: str
    limit: int | None


@contextmanager
def subject(
    file: Path | None, index: Path | None, form: str, split: str, limit: int | None, settings: Settings, notice: Notice
) -> Iterator[Subject]:
    """The set in `file` (None: the shipped one) and its index; an outside set gets a temporary one of its passages.

    Raises UsageError for a bad set or split before anything is indexed.
    """
    if form != "newsrag":
        if form not in FORMATS:
            raise UsageError(f"unknown format {form!r}: choose one of {', '.join(FORMATS)}")
        with _outside(file, index, form, limit, settings, notice) as made:
            yield made
        return
    shipped = resources.data(SHIPPED)
    found = load(file or shipped)
    questions = sample(found.of_split(split), limit)
    own = file is None or file.resolve() == shipped.resolve()
    folder = index or (_sample_index(settings, notice) if own else default_index())
    yield Subject(found, questions, folder, str(folder), split, limit)


@contextmanager
def _outside(
    file: Path | None, index: Path | None, form: str, limit: int | None, settings: Settings, notice: Notice
) -> Iterator[Subject]:
    if file is None:
        raise UsageError(f"--format {form} needs the set: rag eval --format {form} FILE")
    if index is not None:
        raise UsageError(f"--format {form} asks over the set's own passages: leave out --index")
    made = load_outside(form, file)
    found = made.question_set()
    with tempfile.TemporaryDirectory(prefix="rag-eval-") as temporary:
        notice(f"indexing the {len(made.passages)} passages of {file}")
        folder = _index_lines(list(made.passages.values()), Path(temporary), settings, notice)
        yield Subject(found, sample(found.questions, limit), folder, f"passages of {file}", "all", limit)


def _index_lines(rows: Sequence[Mapping[str, object]], folder: Path, settings: Settings, notice: Notice) -> Path:
    lines = folder / "articles.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    for problem in index_paths([str(lines)], folder / "index", settings).problems[:5]:
        notice(f"warning: {problem}")
    return folder / "index"


def sample(questions: Sequence[Question], limit: int | None) -> tuple[Question, ...]:
    """At most so many of the questions, in their order. Which ones follows from their ids alone: a question more or
    less in the set changes the sample by one."""
    if limit is None or limit >= len(questions):
        return tuple(questions)
    drawn = sorted(questions, key=lambda q: hashlib.sha256(q.id.encode()).digest())[:limit]
    names = {q.id for q in drawn}
    return tuple(q for q in questions if q.id in names)


def _sample_index(settings: Settings, notice: Notice) -> Path:
    """The index of the sample corpus, made or brought up to date: after an upgrade the shipped questions may ask for
    articles that an older index lacks."""
    if not exists(SAMPLE_INDEX):
        notice(f"indexing the sample corpus in {SAMPLE_INDEX}")
        build_sample(settings)
    else:
        index_paths([str(resources.data("eval/corpus"))], SAMPLE_INDEX, settings)
    return SAMPLE_INDEX


def reindexed(folder: Path, temporary: Path, settings: Settings, notice: Notice) -> Path:
    """An index of the same articles for these settings, made in `temporary`."""
    with open_store(folder) as store:
        rows = [{k: v for k, v in asdict(article).items() if v} for article in store.articles()]
    notice(f"indexing {len(rows)} articles anew: these settings need an index of their own")
    return _index_lines(rows, temporary, settings, notice)


def measure(what: Subject, settings: Settings, mode: Mode, seed: int, judge: str | None, notice: Notice) -> Json:
    """Ask all questions and report. Raises what opening an index and answering raise."""
    with open_store(what.folder) as store:
        corpus = match(what.found, what.questions, store.articles())
        facts = store.facts()
        judging = None if judge is None else settings.model_copy(update={"llm": judge})
        unrefusing = settings.model_copy(update={"answerable_threshold": 0.0})
        with (
            open_rag(what.folder, settings, notice) as rag,
            open_rag(what.folder, unrefusing) as never_refuses,
            _progress(len(what.questions)) as advance,
        ):
            supports = support_checker(store, load_embedder(settings), settings.support_threshold)
            judged_by = make_judge(load_llm(judging)) if judging else None
            bench = Bench(rag, never_refuses, corpus, store.article, supports, judged_by)
            outcomes = run_questions(bench, what.questions, mode, advance)
    model = _model(outcomes[0].asked.answer.model, facts, settings, mode)
    stamp = _stamp(what, corpus, mode, seed, model)
    stamp["judge"] = judging and f"{resources.llm_name(judging.llm)} ({(_llm_digest(judging) or 'no digest')[:12]})"
    return make_report(stamp, outcomes, seed, corpus.places)


def _model(stamp: Mapping[str, str | None], facts: Mapping[str, str], settings: Settings, mode: Mode) -> Json:
    """The stamp of the answers with the digests of the weights."""
    llm = _llm_digest(settings) if mode == "answer" else None
    return {**stamp, "llm_digest": llm, "embedder_digest": facts["embedder_digest"]}


def _llm_digest(settings: Settings) -> str | None:
    """SHA-256 of the weights; None where they are not a file here."""
    if settings.llm == "bundled":
        return resources.LLM_SHA256
    path = Path(settings.llm)
    return resources.sha256(path) if path.is_file() else None


def _stamp(what: Subject, corpus: Corpus, mode: Mode, seed: int, model: Json) -> Json:
    return {
        "newsrag": __version__,
        "set": {"file": what.found.file, "digest": what.found.digest},
        "split": what.split,
        "limit": what.limit,
        "seed": seed,
        "mode": mode,
        "index": what.index,
        "corpus": {"articles": corpus.articles, "digest": corpus.digest},
        "model": model,
        "support_checker": "rag.verifying",
    }


@contextmanager
def _progress(total: int) -> Iterator[Advance]:
    """A bar on stderr, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)
