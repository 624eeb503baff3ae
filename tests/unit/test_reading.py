"""What a reading model is asked: numbered sentences, each article's together, and what its answer means."""

from __future__ import annotations

import pytest

from rag.linear import LinearModel
from rag.reading import Line, about, evidence_text, lines, messages, reading_order, reread
from rag.types import Article, Evidence, Reading, Span

LINES = [
    Line("a", 40, "Ferry sinks (Courier)", "He was arrested."),
    Line("b", 0, "Bridge shut", "Rust was\nfound."),
    Line("a", 0, "Ferry sinks (Courier)", "The captain is Ivo Marek."),
]


def test_articles_come_as_first_named_and_their_sentences_in_their_own_order() -> None:
    assert reading_order(LINES) == [2, 0, 1]
    assert reading_order([]) == []


def test_the_evidence_is_numbered_under_its_headlines_one_line_each() -> None:
    ordered = [LINES[i] for i in reading_order(LINES)]
    assert evidence_text(ordered) == (
        "Ferry sinks (Courier)\n[1] The captain is Ivo Marek.\n[2] He was arrested.\n\nBridge shut\n[3] Rust was found."
    )


@pytest.mark.parametrize(
    ("source", "published", "expected"),
    [
        ("Courier", "2025-03-08T10:00:00Z", "Ferry sinks (Courier, 2025-03-08)"),
        (None, "2025-03-08", "Ferry sinks (2025-03-08)"),
        ("Courier", None, "Ferry sinks (Courier)"),
        (None, None, "Ferry sinks"),
    ],
)
def test_a_headline_names_outlet_and_day_where_they_are_known(
    source: str | None, published: str | None, expected: str
) -> None:
    assert about("Ferry\n sinks", source, published) == expected


def test_the_question_comes_last_and_on_one_line() -> None:
    system, user = messages("Who was\narrested?", LINES)
    assert (system.role, user.role) == ("system", "user")
    assert user.content.endswith("\n\nQuestion: Who was arrested?")


def test_search_and_reader_are_weighed_together() -> None:
    article = Article("a", "T", "One. Two. Three.")
    spans = [Span(0, 4), Span(5, 9), Span(10, 16)]
    evidence = [Evidence(article, s, score, {"kind": 0.5}, 0) for s, score in zip(spans, (2.0, 1.0, 0.0), strict=True)]
    assert [line.text for line in lines(evidence)] == ["One.", "Two.", "Three."]
    read = Reading("x", -1.0, -3.0, (-4.0, -0.1, -90.0))
    ranked = reread(evidence, read, LinearModel(0.0, {"search": 1.0, "read": 1.0}, 0.5, "by hand"))
    assert [e.text for e in ranked] == ["Two.", "One.", "Three."]
    assert ranked[0].score == pytest.approx(0.9)
    assert ranked[2].signals["read"] == -8.0  # beyond that it makes no difference how small
