"""`rag chat`: questions one after the other, follow-ups understood. Layer: faces.

On a terminal it prompts; from a pipe each line is a question. What is asked in the place of a follow-up is said on
standard error before the answer comes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import closing, nullcontext
from functools import partial
from typing import TYPE_CHECKING, TextIO

from rag import batch, conversation, rewriting
from rag.errors import BackendError, NewsragError, UsageError
from rag.interrupts import Interrupts
from rag.rendering import Json, answer_json, article_json, citation_json
from rag.terminal import Page, Spinner, say
from rag.types import Answer, Done, Filters, Mode, Retrieved, SentenceReady

if TYPE_CHECKING:
    from collections.abc import Generator

    from rag.answering import Rag
    from rag.types import Event

HELP = (
    "/sources: what the last answer cites",
    "/open N: the article behind citation N, the cited words marked »like this«",
    "/new: forget what was said so far",
    "/help: this list",
    "/quit: leave (so does Ctrl-D); Ctrl-C stops an answer",
)
_PROMPT = "> "
_COMMAND = re.compile(r"/(\w*)\s*(.*)")


class Chat:
    """One conversation over one index."""

    def __init__(self, rag: Rag, out: TextIO, filters: Filters, mode: Mode, *, json: bool) -> None:
        self._rag, self._out, self._filters, self._mode, self._json = rag, out, filters, mode, json
        self._history: list[Json] = []
        self._last: Answer | None = None
        self._interrupts = Interrupts()

    def run(self) -> None:
        """Until the lines end, or `/quit`. A question that cannot be used costs only itself; a failed model ends a
        piped run (BackendError), as the lines after it would fail too."""
        terminal = sys.stdin.isatty()
        with self._interrupts if terminal else nullcontext():
            if terminal:
                say("ask a question, /help lists the commands")
            for line in self._lines(terminal):
                try:
                    if not self.line(line):
                        return
                except BackendError as exc:
                    if not terminal:
                        raise
                    say(f"error: {exc}")
                except NewsragError as exc:
                    say(f"error: {exc}")
                except KeyboardInterrupt:
                    if not terminal:
                        raise
                    print(file=sys.stderr)
                    say("stopped")

    def _lines(self, terminal: bool) -> Iterator[str]:
        """Lines of standard input, prompted for on a terminal; there Ctrl-C begins a new line: it may have been meant
        for an answer that has just ended, and Ctrl-D leaves."""
        while True:
            if terminal:
                print(_PROMPT, end="", file=sys.stderr, flush=True)
            try:
                raw = self._interrupts.during(sys.stdin.buffer.readline)
            except KeyboardInterrupt:
                if not terminal:
                    raise
                print(file=sys.stderr)
                say("Ctrl-D leaves")
                continue
            if not raw:
                if terminal:
                    print(file=sys.stderr)
                return
            yield raw.decode("utf-8", errors="replace").removeprefix("\ufeff")

    def line(self, line: str) -> bool:
        """A question or a command; whether to go on."""
        line = line.strip()
        command = _COMMAND.fullmatch(line)
        if command is None:
            if line:
                self._ask(line)
            return True
        name, rest = command.groups()
        if name in ("quit", "exit", "q"):
            return False
        if name == "help":
            for text in HELP:
                say(text)
        elif name == "new":
            self._history, self._last = [], None
            say("a new conversation")
        elif name == "sources":
            self._sources()
        elif name == "open":
            self._open(rest)
        else:
            raise UsageError(f"unknown command /{name}: /help lists them")
        return True

    def _ask(self, question: str) -> None:
        page = Page.on(self._out)
        heard = conversation.exchanges(self._history)
        shown = question if conversation.source_asked(question) else rewriting.standalone(question, heard)
        if shown != question:
            say(f"asked as: {shown}")
        stream = self._rag.stream(question, filters=self._filters, mode=self._mode, history=self._history)
        with Spinner("searching") as spinner, closing(_generator(stream)) as events:
            while event := self._interrupts.during(partial(next, events, None)):
                self._show(event, page, spinner, question, shown)

    def _show(self, event: Event, page: Page, spinner: Spinner, question: str, shown: str) -> None:
        match event:
            case Retrieved():
                spinner.show("reading")
            case SentenceReady() if not self._json:
                spinner.hide()
                page.sentence(event.sentence.marked)
            case Done(answer):
                spinner.hide()
                if answer.standalone_question not in (None, shown):
                    say(f"asked as: {answer.standalone_question}")
                self._print(answer_json(answer)) if self._json else page.finish(answer)
                self._remember(question, answer)

    def _remember(self, question: str, answer: Answer) -> None:
        cited = [citation_json(c) for c in answer.citations]
        self._history += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer.answer, "citations": cited},
        ]
        self._last = answer

    def _sources(self) -> None:
        cited = self._last.citations if self._last else ()
        if not cited:
            raise UsageError("nothing is cited yet" if self._last is None else "the last answer cites nothing")
        if self._json:
            self._print({"citations": [citation_json(c) for c in cited]})
        else:
            Page.on(self._out).citations(cited)

    def _open(self, number: str) -> None:
        cited = self._last.citations if self._last else ()
        chosen = next((c for c in cited if number.strip("[] ") == str(c.number)), None)
        if chosen is None:
            numbers = f"1 to {len(cited)}" if cited else "none: the last answer cites nothing"
            raise UsageError(f"/open needs the number of a citation ({numbers})")
        article = self._rag.article(chosen.article_id)
        if article is None:
            raise UsageError(f"the article {chosen.article_id} is no longer in the index")
        if self._json:
            self._print({"article": article_json(article), "start": chosen.start, "end": chosen.end})
        else:
            Page.on(self._out).article(article, chosen.start, chosen.end)

    def _print(self, value: Json) -> None:
        print(batch.dumps(value), file=self._out, flush=True)


def _generator(stream: Iterator[Event]) -> Generator[Event]:
    """The stream as something that can be closed, so that Ctrl-C stops the model at once."""
    yield from stream
