"""The command line: `rag` and `ask`. Layer: faces.

Standard output carries the result and nothing else. Exit codes: 0 answered or done, 1 refused or nothing found, 2 bad
usage or input, 3 no index, 4 a model or backend failed; 130 interrupted, 141 the reader of our output went away.
What loads models is imported inside the commands, so that `rag --help` answers at once.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TextIO

import typer
from typer.main import get_command

from rag import __version__, batch, questions, served
from rag.articles_command import articles_app
from rag.conversation import History
from rag.errors import NewsragError, UsageError
from rag.eval_command import eval_command
from rag.index_command import index_command
from rag.options import AnswerMode, AsJson, Index, Since, Source, Until
from rag.rendering import Json, answer_json, search_json
from rag.server import command as server_command
from rag.settings import Settings, default_index
from rag.terminal import Page, Spinner, answer_stream, discard_output, say
from rag.types import Done, Event, Filters, Retrieved, SentenceReady

if TYPE_CHECKING:
    from rag.answering import Rag

DONE, NOT_FOUND, FAILED, OUTPUT_CLOSED = 0, 1, 4, 141

NoAdapter = Annotated[
    bool, typer.Option("--no-adapter", help="Let the LLM draft as it came, without the adapter that taught it to read.")
]
NoServer = Annotated[
    bool, typer.Option("--no-server", help="Answer here, also where a `rag serve` runs over the same index.")
]
Timeline = Annotated[bool, typer.Option("--timeline", help="Tell a topic in dated quotations, oldest first.")]
Quick = Annotated[bool, typer.Option("--quick", help="Only up to 10,000 passages.")]
Million = Annotated[bool, typer.Option("--million", help="Also 1,000,000 passages: several GB of disk, many minutes.")]
BatchFile = Annotated[
    str | None,
    typer.Option("--batch", metavar="FILE", help="Questions as JSON Lines ('-': standard input), results too."),
]

app = typer.Typer(add_completion=False, help="Answers over news articles, every sentence cited to its exact words.")
_ask_app = typer.Typer(add_completion=False)
app.command("index")(index_command)
app.add_typer(articles_app, name="articles")
app.command("serve")(server_command.serve)
app.add_typer(server_command.keys_app, name="keys")


def main(arguments: Sequence[str] | None = None) -> int:
    """`rag`: run one command; the exit code."""
    return _run(app, "rag", arguments)


def ask_main(arguments: Sequence[str] | None = None) -> int:
    """`ask`, the same as `rag ask`; the exit code."""
    return _run(_ask_app, "ask", arguments)


def _run(program: typer.Typer, name: str, arguments: Sequence[str] | None) -> int:
    """Every error ends here, as one line on standard error and an exit code."""
    try:
        code = get_command(program).main(arguments, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        return int(code or DONE)
    except NewsragError as exc:
        say(f"error: {exc}")
        return exc.exit_code
    except typer.TyperException as exc:
        say(f"error: {exc.format_message()} (see `{name} --help`)")
        return exc.exit_code
    except (BrokenPipeError, SystemExit):  # SystemExit: typer's answer to the same, with a code that means "refused"
        discard_output()
        return OUTPUT_CLOSED
    except Exception as exc:
        if _debugging():
            traceback.print_exc()
        say(f"internal error: {type(exc).__name__}: {exc} (set NEWSRAG_DEBUG=1 for the traceback)")
        return FAILED


def _debugging() -> bool:
    try:
        return Settings.load().debug
    except UsageError:
        return False


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"newsrag {__version__}")
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        raise UsageError('which command? `rag --help` lists them; a question is asked with: rag ask "QUESTION"')


@app.command("search")
def search_command(
    words: Annotated[str | None, typer.Argument(metavar="WORDS", help="What to look for; '-': standard input.")] = None,
    k: Annotated[int | None, typer.Option("-k", min=1, max=200, metavar="N", help="How many hits.")] = None,
    index: Index = None,
    json: AsJson = False,
    since: Since = None,
    until: Until = None,
    source: Source = None,
    batch_file: BatchFile = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show why each hit is where it is.")] = False,
) -> int:
    """Show the articles that match, by meaning and by words."""
    chosen = batch.filters(since, until, source)
    settings = Settings.load()
    wanted = k or settings.hits
    with _questions(words, batch_file) as asked, _opened(index, settings) as (rag, out, spinner):
        _tell_undated(rag, chosen)

        def found(words: str, filters: Filters, history: History) -> Json:
            hits = rag.search(words, wanted, filters, history)
            return search_json(words, hits, rag.retriever.notes(words, filters) if explain else None)

        if not isinstance(asked, str):
            spinner.hide()
            return _batch(asked, out, chosen, found)
        hits = rag.search(asked, wanted, chosen)
        notes = rag.retriever.notes(asked, chosen) if explain else None
        spinner.hide()
        if json:
            _print_json(out, search_json(asked, hits, notes))
        else:
            page = Page.on(out)
            if notes:
                page.notes(notes)
            page.hits(asked, hits, explain=explain)
    if not hits:
        say("nothing found")
    return DONE if hits else NOT_FOUND


@app.command("ask")
@_ask_app.command()
def ask_command(
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="One question; '-': standard input.")
    ] = None,
    mode: AnswerMode = "answer",
    index: Index = None,
    json: AsJson = False,
    since: Since = None,
    until: Until = None,
    source: Source = None,
    batch_file: BatchFile = None,
    no_adapter: NoAdapter = False,
    no_server: NoServer = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show what decided on the answer and its parts.")] = False,
    timeline: Timeline = False,
) -> int:
    """Answer a question, each sentence cited; exit code 1 when the articles do not answer it."""
    chosen, settings = batch.filters(since, until, source), Settings.load()
    if no_adapter:
        settings = settings.model_copy(update={"adapter": "none"})
    with ExitStack() as opened:
        asked = opened.enter_context(_questions(question, batch_file))
        if isinstance(asked, str) and not (no_server or explain or timeline):
            code = served.ask(index, settings, asked, chosen, mode, json=json)
            if code is not None:
                return code
        from rag import chronicle  # loads what an answer by the server does without

        rag, out, spinner = opened.enter_context(_opened(index, settings))
        _tell_undated(rag, chosen)
        if not isinstance(asked, str):
            spinner.hide()

            def answered(question: str, filters: Filters, history: History) -> Json:
                if timeline:
                    return answer_json(chronicle.ask(rag, question, settings, filters=filters, history=history))
                answer = rag.ask(question, filters=filters, mode=mode, history=history)
                return answer_json(answer, explain=explain)

            return _batch(asked, out, chosen, answered)
        told = chronicle.stream(rag, asked, settings, filters=chosen)
        events = told if timeline else rag.stream(asked, filters=chosen, mode=mode)
        return _ask(events, out, spinner, json=json, explain=explain)


def _ask(events: Iterator[Event], out: TextIO, spinner: Spinner, *, json: bool, explain: bool) -> int:
    """Show the answer while it is made; its exit code."""
    page = Page.on(out)
    spinner.show("searching")
    for event in events:
        match event:
            case Retrieved():
                spinner.show("reading")
            case SentenceReady() if not json:
                spinner.hide()
                if event.sentence.dated_by:
                    page.dated(event.sentence)
                else:
                    page.sentence(event.sentence.marked)
            case Done(answer):
                spinner.hide()
                if json:
                    _print_json(out, answer_json(answer, explain=explain))
                else:
                    page.finish(answer)
                if explain and not json:
                    Page.on(sys.stderr).explanation(answer)
                return DONE if answer.answered else NOT_FOUND
    raise AssertionError("a stream ends with Done")


@app.command("chat")
def chat_command(
    mode: AnswerMode = "answer",
    index: Index = None,
    json: AsJson = False,
    since: Since = None,
    until: Until = None,
    source: Source = None,
) -> int:
    """Ask one question after the other, follow-ups too; /help lists the commands."""
    from rag.chat import Chat

    chosen = batch.filters(since, until, source)
    with _opened(index, Settings.load()) as (rag, out, spinner):
        spinner.hide()
        Chat(rag, out, chosen, mode, json=json).run()
    return DONE


@contextmanager
def _opened(index: Path | None, settings: Settings) -> Iterator[tuple[Rag, TextIO, Spinner]]:
    """What a question needs: the index to ask, where the answer goes, and the spinner until then."""
    from rag import wiring

    with answer_stream() as out, Spinner("loading the models") as spinner:
        folder = wiring.choose_index(index, settings, say)
        with wiring.open_rag(folder, settings, say) as rag:
            yield rag, out, spinner


def _tell_undated(rag: Rag, chosen: Filters) -> None:
    if (chosen.since or chosen.until) and (left := rag.retriever.undated(chosen)):
        served.tell_undated(left)


@contextmanager
def _questions(question: str | None, batch_file: str | None) -> Iterator[str | BinaryIO]:
    """The one question, or the open file of a batch. Raises UsageError, before anything is loaded."""
    if question is not None and batch_file is not None:
        raise UsageError("give a question or --batch, not both")
    if batch_file == "-":
        yield sys.stdin.buffer
    elif batch_file is not None:
        try:
            file = open(batch_file, "rb")  # noqa: SIM115  (closed below; only opening it may fail with this message)
        except OSError as exc:
            raise UsageError(f"cannot read {batch_file}: {exc.strerror}") from exc
        with file:
            yield file
    elif question is None:
        raise UsageError("nothing asked: give a question in quotes, '-' for standard input, or --batch FILE")
    else:
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace") if question == "-" else question
        yield questions.checked(text, Settings.load().question_characters)  # before any model is loaded


def _batch(lines: BinaryIO, out: TextIO, chosen: Filters, respond: batch.Respond) -> int:
    """A line out for each line in, written as soon as it is known."""
    for result in batch.process(lines, respond, chosen):
        _print_json(out, result)
    return DONE


def _print_json(out: TextIO, value: Json) -> None:
    print(batch.dumps(value), file=out, flush=True)


@app.command("status")
def status_command(
    index: Index = None,
    json: AsJson = False,
    check: Annotated[
        bool, typer.Option("--check", help="Verify every invariant of the index; exit code 4 at the first that fails.")
    ] = False,
) -> int:
    """Show what is installed, what the machine offers and what is indexed."""
    from rag import status, wiring

    settings, folder = Settings.load(), index or default_index()
    with answer_stream() as out:
        if check:
            with Spinner("checking the index"):
                broken = next(wiring.check_index(folder, settings), None)
            if broken:
                say(f"check failed: {broken}")
                return FAILED
        report = {**status.report(folder, settings), "checked": check}
        if json:
            _print_json(out, report)
        else:
            Page.on(out).status(report)
    return DONE


app.command("eval")(eval_command)


@app.command("bench")
def bench_command(quick: Quick = False, million: Million = False, json: AsJson = False) -> int:
    """Measure this machine: start-up, indexing, search, answers, memory, each beside what it could be at best."""
    from rag.bench import command

    return command.run(Settings.load(), quick=quick, million=million, json=json)
