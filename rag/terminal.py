"""Answers, hits and status as a person reads them. Layer: faces.

Whatever comes from an article, a model or a file name is printed as inert characters on the line it belongs to: no
terminal codes, no rich markup, no line ends of its own.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.status import Status
from rich.text import Text

from rag import explaining, lexical, wording
from rag.articles import one_line
from rag.interrupts import held
from rag.rendering import Json
from rag.timeline import dated
from rag.types import Answer, AnswerSentence, Article, Citation, Hit, SearchNotes

_INDENT = "    "
_SNIPPET_CHARACTERS = 300
_MARKER = r"\[\d+\](?=\[|[.!?]?(?:\s|$))"


@contextmanager
def answer_stream() -> Iterator[TextIO]:
    """Where answers go: standard output, with nothing else on it while this is open.

    What libraries print, from Python or natively to descriptor 1, goes to standard error meanwhile.
    """
    previous = sys.stdout
    previous.flush()
    try:
        target = os.dup(previous.fileno())
    except (OSError, ValueError):  # not a file, when a program calls us in its own process
        yield previous
        return
    native = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        with open(target, "w", encoding="utf-8") as out:
            yield out
    finally:
        sys.stdout = previous
        os.dup2(native, 1)
        os.close(native)


def discard_output() -> None:
    """Let the interpreter's last flush succeed after the reader of our output went away."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def say(line: str) -> None:
    """One line for the person, on standard error."""
    print(f"rag: {one_line(line)}", file=sys.stderr, flush=True)


class Spinner:
    """Says on standard error what is going on, where that is a terminal; silent elsewhere."""

    def __init__(self, text: str) -> None:
        console = Console(stderr=True)
        self._status: Status | None = console.status(text) if console.is_terminal else None

    def __enter__(self) -> Spinner:
        try:
            with held():
                if self._status:
                    self._status.start()
        except KeyboardInterrupt:
            self.hide()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.hide()

    def show(self, text: str) -> None:
        """Replace the text."""
        if self._status:
            self._status.update(text)

    def hide(self) -> None:
        """Take it away: needed before something is printed on the same terminal."""
        if self._status:
            with held():
                self._status.stop()


def flow(text: str, width: int | None, *, column: int = 0, lead: str = "", indent: str = "") -> tuple[str, int]:
    """`text` on from `column`, or after `lead`, broken between words before `width`; also the column where it ends.

    Without a width nothing is broken. A word wider than the line stays whole, so that an address can be copied.
    """
    pieces = [lead]
    column += cell_len(lead)
    space = column > 0 and not lead
    for word in one_line(text).split(" "):
        size = cell_len(word)
        if space and width is not None and column + 1 + size > width:
            pieces.append(f"\n{indent}")
            column = len(indent)
        elif space:
            pieces.append(" ")
            column += 1
        pieces.append(word)
        column += size
        space = True
    return "".join(pieces), column


class Page:
    """Prints results on one console: wrapped and coloured on a terminal, plain and unwrapped elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = console.width if console.is_terminal else None
        self._column = 0

    @classmethod
    def on(cls, out: TextIO) -> Page:
        """A page on an open stream. Whether that is a terminal decides, not what the environment wishes."""
        return cls(Console(file=out, force_terminal=out.isatty()))

    def _print(self, text: str, *, marks: str = "", style: str = "", end: str = "\n") -> None:
        shown = Text(text, style=style)
        if marks:
            shown.highlight_regex(marks, "bold cyan")
        self._console.print(shown, soft_wrap=True, end=end)

    def _paragraph(self, text: str, *, lead: str = "", indent: str = _INDENT, style: str = "") -> None:
        """Text after its lead, which is set off by colour; further lines are indented."""
        marks = f"^{re.escape(lead.rstrip())}" if lead.strip() else ""
        self._print(flow(text, self._width, lead=lead, indent=indent)[0], marks=marks, style=style)

    def line(self, text: str) -> None:
        """One line of our own."""
        self._print(one_line(text))

    def dated(self, sentence: AnswerSentence) -> None:
        """The next line of a timeline, after its date."""
        day, rest = dated(sentence).split(": ", 1)
        lead = "" if not self._column else "\n"
        text, self._column = flow(rest, self._width, lead=f"{day}  ", indent=_INDENT)
        self._print(f"{lead}{text}", marks=_MARKER, end="")

    def sentence(self, marked: str) -> None:
        """The next sentence of the answer, on from the one before it."""
        piece, self._column = flow(marked, self._width, column=self._column)
        self._print(piece, marks=_MARKER, end="")

    def finish(self, answer: Answer) -> None:
        """What follows the sentences: what they cite, or the refusal and what comes closest."""
        if answer.refusal is None:
            self._print("\n")
            if answer.unsure:
                self._print(f"{wording.UNSURE}\n", style="yellow")
            for disagreement in answer.disagreements:
                self._accounts(disagreement["accounts"])
            self.citations(answer.citations)
            return
        self.line(answer.answer)
        if answer.refusal.closest:
            self._print("\nClosest:")
            self.citations(answer.refusal.closest)

    def _accounts(self, accounts: Sequence[Mapping[str, Any]]) -> None:
        """Accounts that differ, newest first."""
        self.line("Accounts differ:")
        for account in accounts:
            who = account["speaker"] and f"according to {account['speaker']}"
            day = account["published"] and wording.day(account["published"])
            status = None if account["status"] == "differs" else account["status"]
            about = ", ".join(part for part in (account["value"], account["source"], day, who, status) if part)
            self._paragraph(f"{about} [{account['citation']}]", lead=_INDENT)
        self._print("")

    def article(self, article: Article, start: int, end: int) -> None:
        """A whole article, the words at `text[start:end]` marked."""
        self._paragraph(article.title, indent="", style="bold")
        self._paragraph(_about(article.source, article.published, article.url or article.id, copies=0), indent="")
        text = f"{article.text[:start]}»{article.text[start:end]}«{article.text[end:]}"
        for paragraph in filter(str.strip, text.split("\n")):
            self._print(flow(paragraph, self._width)[0], marks="»[^«]*«")

    def citations(self, citations: Sequence[Citation]) -> None:
        """Each with its article and its words."""
        for citation in citations:
            last = f"“{citation.title}”"
            if citation.speaker:
                last += f", according to {citation.speaker}"
            about = _about(citation.source, citation.published, last, copies=0) + wording.spread(citation)
            self._paragraph(about, lead=f"[{citation.number}] ")
            self._paragraph(citation.quote, lead=_INDENT)
            if citation.correction:
                self._paragraph(wording.corrected(citation.correction), lead=_INDENT)
            if citation.url:
                self._paragraph(citation.url, lead=_INDENT, style="dim")

    def notes(self, notes: SearchNotes) -> None:
        """What a search made of its question."""
        for line in _notes(notes):
            self._paragraph(line, style="dim")
        self._print("")

    def hits(self, query: str, hits: Sequence[Hit], *, explain: bool = False) -> None:
        """The hits, numbered, each with the part of its passage that holds most of the words asked for; to explain
        them, also where each way of searching put it and what its score is the sum of."""
        for number, hit in enumerate(hits, start=1):
            article = hit.article
            if number > 1:
                self._print("")
            self._paragraph(article.title, lead=f"{number}. ".ljust(len(_INDENT)))
            about = _about(article.source, article.published, f"score {hit.score:.2f}", copies=hit.copies)
            self._paragraph(about, lead=_INDENT, style="dim")
            self._paragraph(snippet(hit.passage.text, query), lead=_INDENT)
            for line in _reasons(hit) if explain else ():
                self._paragraph(line, lead=_INDENT, style="dim")

    def explanation(self, answer: Answer) -> None:
        """What decided on an answer."""
        for depth, line in explaining.lines(answer.explanation):
            self._paragraph(line, lead=_INDENT * depth, indent=_INDENT * (depth + 1), style="dim")

    def status(self, report: Json) -> None:
        """What `rag status` found."""
        for name, text in _status_rows(report):
            self._paragraph(text, lead=f"{name:<12}", indent=" " * 12)


_VIEWS = {"lexical": "words", "lead": "title and lead", "passage": "best passage"}


def _reasons(hit: Hit) -> Iterator[str]:
    places = [
        f"{shown} {f'#{hit.ranks[view]} ({hit.views[view]:.2f})' if view in hit.ranks else 'not found'}"
        for view, shown in _VIEWS.items()
    ]
    yield ", ".join(places)
    if hit.parts:
        biggest = sorted(hit.parts.items(), key=lambda part: -abs(part[1]))
        yield f"{hit.score:.2f} = " + ", ".join(f"{name} {value:+.2f}" for name, value in biggest)


def _notes(notes: SearchNotes) -> Iterator[str]:
    left_out = f"; {wording.count(notes.undated, 'article')} left out for having no date" if notes.undated else ""
    yield f"searched {wording.count(notes.searched, 'article')}{left_out}"
    if notes.periods:
        first, last = notes.periods[0]
        more = f" or {wording.count(len(notes.periods) - 1, 'other period')}" if len(notes.periods) > 1 else ""
        words = ", ".join(notes.date_words)
        yield f"“{words}”, asked on {notes.today}: published near {first or '…'} to {last or '…'}{more} counts more"
    if notes.latest:
        yield "asks for the latest: of articles alike, the more recent counts more"


def _about(source: str | None, published: str | None, last: str, *, copies: int) -> str:
    parts = [part for part in (source, published and wording.day(published), last) if part]
    more = f" (+{copies} {'copy' if copies == 1 else 'copies'})" if copies else ""
    return ", ".join(parts) + more


def snippet(text: str, query: str, size: int = _SNIPPET_CHARACTERS) -> str:
    """At most about `size` characters of a text, where most of the query's words are, cut between words."""
    text = one_line(text)
    if len(text) <= size:
        return text
    wanted = set(lexical.content_words(query))
    found = [(m.start(), w) for m in lexical.WORD.finditer(text) if (w := lexical.fold(m.group())) in wanted]

    def words_from(start: int) -> int:
        return len({word for at, word in found if start <= at < start + size * 2 // 3})

    start = max([0, *(at for at, _ in found)], key=lambda at: (words_from(at), -at))
    # Some words before the first match; where the end is near, the last `size` characters.
    begin = max(0, min(start - size // 6, len(text) - size))
    end = begin + size
    # To the nearest space inside; some scripts have none.
    begin = text.find(" ", begin, end) + 1 or begin if begin else 0
    if end < len(text):
        end = max(text.rfind(" ", begin, end), 0) or end
    return ("… " if begin else "") + text[begin:end] + (" …" if end < len(text) else "")


def _status_rows(report: Json) -> Iterator[tuple[str, str]]:
    yield "newsrag", f"{report['newsrag']} on Python {report['python']}"
    yield "libraries", ", ".join(f"{name} {version or 'missing'}" for name, version in report["libraries"].items())
    for part in ("embedder", "llm"):
        model = report["models"][part]
        place = model["path"] or "its package is not installed"
        yield part, f"{model['name']}, {place}" + ("" if model["found"] else " (no such file or folder here)")
    adapter = report["models"]["adapter"]
    if adapter["found"]:
        yield (
            "adapter",
            f"{adapter['path']}, sha256 {adapter['sha256'][:12]}: the LLM reads, and answers are quotations",
        )
    else:
        yield "adapter", adapter.get("problem") or "none: the LLM drafts"
    if speed := report["speed"]:
        read, written = speed["prompt_tokens_per_second"], speed["generated_tokens_per_second"]
        evidence, seconds = speed["evidence_tokens"], speed["expected_answer_seconds"]
        yield (
            "speed",
            f"reads {read} and writes {written} tokens a second: {evidence} of evidence, {seconds} s an answer",
        )
    cpu = report["cpu"]
    extra = "on" if cpu["extra_buffers"] else "off"
    products = "bfloat16" if cpu["bfloat16"] else "float32"
    buffers = f"llama.cpp's extra buffers are {extra}: {cpu['reason']}"
    yield "cpu", f"{wording.count(cpu['threads'], 'thread')}, vectors in {products}; {buffers}"
    index = report["index"]
    if not index["exists"]:
        sample = report["sample_index"]
        instead = f"; questions go to the sample corpus in {sample['path']}" if sample["exists"] else ""
        yield "index", f"none in {index['path']}{instead}"
        return
    state = "in step" if index["vectors_in_step"] else "out of date, rebuilt at the next question"
    counts = ", ".join(wording.count(index[name], name.rstrip("s")) for name in ("articles", "passages", "sentences"))
    yield "index", f"{index['path']}: {counts}, {index['bytes'] / 1e6:.1f} MB, vectors {state}"
    kinds = ", ".join(f"{name} {count}" for name, count in index["formats"].items())
    yield "articles", f"read from {kinds}; copies of others among them: {index['copies']}"
    for view, facts in index["vectors"].items():
        found = f"finds {facts['recall']['10']:.1%} of the exact first 10" if facts["kind"] != "flat" else "exact"
        yield "vectors", f"{wording.count(facts['count'], view)}, {facts['kind']} index: {found}"
    if report["checked"]:
        yield "check", "every invariant holds"
    yield (
        "built with",
        ", ".join(
            # A digest's first characters are enough to tell two apart.
            f"{name} {value[:12] if name.endswith('digest') else value}"
            for name, value in index["facts"].items()
        ),
    )
