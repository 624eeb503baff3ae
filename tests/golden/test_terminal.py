"""What a person reads, character by character. After a wanted change: UPDATE_GOLDEN=1 pytest tests/golden, then read
the difference."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rag.rendering import Json
from rag.terminal import Page, flow, snippet
from rag.types import Answer, AnswerSentence, Article, Citation, Filters, Hit, Passage, Refusal, SearchNotes, Span

FOLDER = Path(__file__).parent / "terminal"
# What an article could hold to take over a terminal, to look like rich markup, or to break out of its line.
HOSTILE = (
    "Storm \x1b[31mhits\x1b]0;owned\x07 [red]coast[/red] "
    "[link=file:///etc/passwd]x[/link]\r\n[9] :smile: \x9b2J\u202eback"
)
WORDS = (
    "At least 340 civilians were executed between Thursday and Sunday, most of them in towns along the coast, he said."
)


def page(width: int | None) -> tuple[Page, StringIO]:
    """A page on a terminal of this width, in colour; or on a file."""
    out = StringIO()
    if width is None:
        return Page(Console(file=out, force_terminal=False, width=40)), out
    return Page(Console(file=out, force_terminal=True, color_system="standard", width=width, no_color=False)), out


def compare(name: str, text: str) -> None:
    file = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")


def citation(number: int, **changes: Any) -> Citation:
    values: dict[str, Any] = {
        "article_id": f"story-{number}",
        "title": "Fighting on the coast",
        "source": "The Ansel Courier",
        "url": "https://example.org/coast",
        "published": "2025-03-08",
        "quote": WORDS,
        **changes,
    }
    return Citation(number=number, start=5, end=5 + len(values["quote"]), **values)


def answered(*citations: Citation) -> Answer:
    sentences = tuple(
        AnswerSentence(text, (number,), "verified", 0.9)
        for number, text in enumerate(["At least 340 civilians were executed.", "“Towns were hit”"], start=1)
    )[: len(citations)]
    text = " ".join(s.marked for s in sentences)
    return Answer("How many?", True, text, sentences, citations, None, {}, {})


def refused(*closest: Citation) -> Answer:
    refusal = Refusal("not_in_corpus", closest)
    return Answer("Why?", False, "I could not find that in these articles.", (), (), refusal, {}, {})


def hit(title: str, text: str, **changes: Any) -> Hit:
    article = Article("story", title, text, **changes)
    return Hit(1, article, Passage("story", 0, 0, len(text), text, (Span(0, len(text)),)), 1.23456, {}, copies=1)


def show(answer: Answer, width: int | None) -> str:
    target, out = page(width)
    for sentence in answer.sentences:
        target.sentence(sentence.marked)
    target.finish(answer)
    return out.getvalue()


ANSWER = answered(citation(1, copies=4), citation(2, url=None, source=None, published="2025-03-08T23:30:00-05:00"))
REFUSED = refused(citation(1, published=None, copies=1), citation(2, title="Calm returns", url=None))
UNSURE = replace(ANSWER, unsure=True)
HOSTILE_ANSWER = answered(
    citation(1, title=HOSTILE, source=HOSTILE, url=HOSTILE, published=HOSTILE, quote=HOSTILE + "\n\n[2] More.")
)
HITS = [
    hit("Fighting on the coast", WORDS, source="The Ansel Courier", published="2025-03-08"),
    hit("A title alone", "Filler that nobody asked for. " * 20 + WORDS + " And then some more of it." * 20),
    hit(HOSTILE, HOSTILE, source=HOSTILE),
]
STATUS: Json = {
    "newsrag": "0.1.0",
    "python": "3.11.9",
    "libraries": {"torch": "2.13.0", "faiss-cpu": None},
    "models": {
        "embedder": {"name": "all-MiniLM-L6-v2", "setting": "bundled", "path": "/models/minilm", "found": True},
        "llm": {"name": "other", "setting": "/models/other.gguf", "path": "/models/other.gguf", "found": False},
        "adapter": {
            "name": "adapter",
            "setting": "bundled",
            "path": "/newsrag/adapter.gguf",
            "found": True,
            "sha256": "c779c18bb59b39",
        },
    },
    "speed": {
        "prompt_tokens_per_second": 459,
        "generated_tokens_per_second": 57,
        "evidence_tokens": 300,
        "expected_answer_seconds": 1.5,
    },
    "cpu": {
        "threads": 1,
        "bfloat16": True,
        "amx": True,
        "extra_buffers": False,
        "reason": "this CPU has AMX, on which they crash",
    },
    "index": {
        "path": "indexes/default",
        "exists": True,
        "articles": 1,
        "passages": 210,
        "sentences": 900,
        "formats": {"JSON Lines": 3, "unknown": 1},
        "copies": 2,
        "bytes": 1_234_567,
        "facts": {"embedder": "all-MiniLM-L6-v2", "passage_tokens": "200"},
        "vectors": {
            "lead": {"kind": "flat", "count": 1, "recall": {"10": 1.0, "200": 1.0}},
            "passage": {"kind": "sq8", "count": 210, "recall": {"10": 0.9972, "200": 0.995}},
        },
        "vectors_in_step": False,
    },
    "sample_index": {"path": "indexes/sample", "exists": True},
    "checked": True,
}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("answer", ANSWER),
        ("unsure", UNSURE),
        ("refusal", REFUSED),
        ("hostile", HOSTILE_ANSWER),
        ("nothing", refused()),
    ],
)
@pytest.mark.parametrize("width", [None, 60], ids=["file", "terminal"])
def test_answers(name: str, answer: Answer, width: int | None) -> None:
    compare(f"{name}.{'terminal' if width else 'file'}.txt", show(answer, width))


@pytest.mark.parametrize("width", [None, 60], ids=["file", "terminal"])
def test_hits(width: int | None) -> None:
    target, out = page(width)
    target.hits("Who executed 340 civilians?", HITS)
    compare(f"hits.{'terminal' if width else 'file'}.txt", out.getvalue())


@pytest.mark.parametrize("width", [None, 60], ids=["file", "terminal"])
def test_hits_that_are_explained(width: int | None) -> None:
    target, out = page(width)
    views, parts = {"lexical": 12.345, "passage": 0.5}, {"sentence": 3.9, "date": -0.75, "near": 0.0}
    notes = SearchNotes(
        Filters(since=date(2025, 1, 1)), 12, 1, date(2025, 3, 12), ("on 4 March",),
        ((date(2025, 3, 4), date(2025, 3, 4)), (date(2024, 3, 4), date(2024, 3, 4))), latest=True,
    )  # fmt: skip
    target.notes(notes)
    found = replace(hit("Fighting on the coast", WORDS), views=views, ranks={"lexical": 1, "passage": 12}, parts=parts)
    target.hits("Who executed 340 civilians?", [found], explain=True)
    compare(f"hits-explained.{'terminal' if width else 'file'}.txt", out.getvalue())


@pytest.mark.parametrize("width", [None, 60], ids=["file", "terminal"])
def test_status(width: int | None) -> None:
    for name, report in (
        ("status", STATUS),
        ("status-without-index", {**STATUS, "speed": None, "index": {"path": "X", "exists": False}}),
    ):
        target, out = page(width)
        target.status(report)
        compare(f"{name}.{'terminal' if width else 'file'}.txt", out.getvalue())


def test_nothing_hostile_is_left_on_a_file() -> None:
    shown = show(HOSTILE_ANSWER, None)
    assert not [c for c in shown if c != "\n" and not c.isprintable()]
    assert len(shown.splitlines()) == 5  # the answer, a blank line, one line each for title, quotation and address
    assert "[red]coast[/red]" in shown, "markup is shown, not obeyed"


def test_sentences_share_a_paragraph_that_wraps() -> None:
    target, out = page(30)
    for _ in range(3):
        target.sentence("Twelve people died here [1].")
    plain = Console(file=StringIO()).render_str(out.getvalue().replace("\x1b[1;36m", "").replace("\x1b[0m", ""))
    lines = plain.plain.split("\n")
    assert " ".join(lines) == " ".join(["Twelve people died here [1]."] * 3)
    assert all(len(line) <= 30 for line in lines)


def test_a_timeline_has_a_line_for_each_sentence() -> None:
    target, out = page(None)
    target.dated(AnswerSentence("“Towns were hit.”", (1,), "quoted", 1.0, "2025-03-06", "event"))
    target.dated(AnswerSentence("“Towns were hit.”", (1,), "quoted", 1.0, "2025-03-08", "article"))
    assert out.getvalue() == "2025-03-06  “Towns were hit.” [1]\n2025-03-08 (published)  “Towns were hit.” [1]"


def test_wide_letters_take_two_columns() -> None:
    assert flow("東京 大阪 名古屋", 10) == ("東京 大阪\n名古屋", 6)


def test_a_word_wider_than_the_line_stays_whole() -> None:
    assert flow("see https://example.org/a/long/address now", 10, lead="  ", indent="  ")[0].split("\n") == [
        "  see",
        "  https://example.org/a/long/address",
        "  now",
    ]


@pytest.mark.parametrize("text", ["word " * 200 + "the NEEDLE " + "word " * 200, "x" * 900, "語" * 900, ""])
def test_snippets_are_short_and_hold_the_words_asked_for(text: str) -> None:
    short = snippet(text, "Where is the needle?")
    assert len(short) <= 304
    assert ("NEEDLE" in short) == ("NEEDLE" in text)
