"""A value that must not exist cannot be made."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import date

import pytest

from rag.errors import InvariantError
from rag.types import Answer, AnswerSentence, Article, Citation, Evidence, Filters, Passage, Problem, Refusal, Span

ARTICLE = Article("ferry", "Ferry sinks", "The ferry sank. Twelve died.", source="Courier", published="2025-03-08")
EVIDENCE = Evidence(ARTICLE, Span(16, 28), 1.0, copies=2)
CITATION = Citation.of(EVIDENCE, 1)
SENTENCE = AnswerSentence("Twelve died.", (1,), "verified", 0.9)
REFUSAL = Refusal("not_in_corpus", (CITATION,))
ANSWER = Answer("q", True, "Twelve died [1].", (SENTENCE,), (CITATION,), None, {}, {})


@pytest.mark.parametrize("field", ["id", "title", "text"])
@pytest.mark.parametrize("value", ["", " \n\t"])
def test_an_article_needs_an_id_a_title_and_a_text(field: str, value: str) -> None:
    with pytest.raises(InvariantError, match=f"an article needs a non-empty {field}"):
        replace(ARTICLE, **{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end", "text", "sentences"),
    [
        (0, 15, "The ferry sank", ()),
        (5, 5, "", ()),
        (9, 5, "", ()),
        (-1, 3, "The ", ()),
        (0, 15, "The ferry sank.", (Span(0, 16),)),
        (4, 15, "ferry sank.", (Span(3, 15),)),
        (4, 15, "ferry sank.", (Span(6, 6),)),
    ],
)
def test_a_passage_holds_its_text_and_its_sentences(
    start: int, end: int, text: str, sentences: tuple[Span, ...]
) -> None:
    with pytest.raises(InvariantError, match="passage 3 of ferry"):
        Passage("ferry", 3, start, end, text, sentences)


@pytest.mark.parametrize("span", [Span(-1, 3), Span(3, 3), Span(5, 3), Span(20, 29)])
def test_evidence_lies_inside_its_article(span: Span) -> None:
    with pytest.raises(InvariantError, match="outside the text of ferry"):
        Evidence(ARTICLE, span, 1.0)


def test_a_citation_is_the_evidence_word_for_word() -> None:
    assert ARTICLE.text[CITATION.start : CITATION.end] == CITATION.quote == "Twelve died."
    assert (CITATION.article_id, CITATION.title, CITATION.source) == ("ferry", "Ferry sinks", "Courier")
    assert (CITATION.published, CITATION.copies) == ("2025-03-08", 2)


@pytest.mark.parametrize("changes", [{"quote": "Twelve"}, {"end": 29}, {"start": -12, "end": 0}])
def test_a_citation_fits_its_offsets(changes: dict[str, object]) -> None:
    with pytest.raises(InvariantError, match="citation 1 of ferry"):
        replace(CITATION, **changes)  # type: ignore[arg-type]


def second(number: int) -> Citation:
    return replace(CITATION, number=number)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"citations": (second(2),)}, "not numbered 1, 2, 3"),
        ({"citations": (CITATION, second(1))}, "not numbered 1, 2, 3"),
        ({"citations": (CITATION, second(2))}, "a marker has no citation, or a citation no marker"),
        ({"citations": ()}, "a marker has no citation, or a citation no marker"),
        ({"sentences": (replace(SENTENCE, citations=(1, 2)),)}, "a marker has no citation"),
        ({"sentences": (SENTENCE, replace(SENTENCE, citations=()))}, "a sentence without a citation"),
        ({"refusal": REFUSAL}, "sentences or a refusal, never both"),
        ({"answered": False}, "sentences or a refusal, never both"),
        ({"answered": False, "refusal": REFUSAL}, "sentences or a refusal, never both"),
        ({"sentences": (), "citations": ()}, "sentences or a refusal, never both and never neither"),
        ({"sentences": (), "citations": (), "answered": False}, "never neither"),
    ],
)
def test_an_answer_is_cited_sentences_or_a_refusal(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvariantError, match=message):
        replace(ANSWER, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "citations", "marked"),
    [
        ("Twelve died.", (1,), "Twelve died [1]."),
        ("Twelve died.", (2, 1), "Twelve died [2][1]."),
        ("Did they?", (1,), "Did they [1]?"),
        ("“Twelve died.”", (1,), "“Twelve died.” [1]"),
        ("They died...", (1,), "They died... [1]"),
        ("Twelve died", (1,), "Twelve died [1]"),
    ],
)
def test_markers_stand_before_the_final_stop(text: str, citations: tuple[int, ...], marked: str) -> None:
    assert AnswerSentence(text, citations, "verified", 1.0).marked == marked


def test_filters_are_true_when_they_filter() -> None:
    assert not Filters()
    assert all([Filters(since=date.min), Filters(until=date.max), Filters(source="")])


def test_values_cannot_be_changed() -> None:
    for value in (ARTICLE, EVIDENCE, CITATION, SENTENCE, ANSWER, Filters(), Problem("a", "b")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, dataclasses.fields(value)[0].name, "other")


def test_a_problem_is_one_line() -> None:
    assert str(Problem("a.md", "it is empty")) == "a.md: it is empty"
