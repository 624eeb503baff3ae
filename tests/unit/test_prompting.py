"""Templates are checked when they are read, and data in them stays data."""

from __future__ import annotations

import pytest

from rag.errors import NotReadyError
from rag.prompting import Prompts, estimated_tokens, evidence_line
from rag.types import Article, Evidence, Message, Span


def evidence(text: str, **fields: str) -> Evidence:
    return Evidence(Article("x", "T", text, **fields), Span(0, len(text)), 1.0)  # type: ignore[arg-type]


def test_the_constant_part_comes_first_and_the_question_last() -> None:
    prompts = Prompts.parse("Be short.\n", "\n$evidence\nQ: $question\n")
    assert prompts.messages("Who\n leads?", [evidence("A."), evidence("B.")]) == [
        Message("system", "Be short."),
        Message("user", "[1] A.\n[2] B.\nQ: Who leads?"),
    ]


def test_dollars_and_placeholders_in_data_stay_as_they_are() -> None:
    prompts = Prompts.parse("s", "$evidence|$question|$$5")
    [_, user] = prompts.messages("$evidence $x $", [evidence("It cost $5 and ${question}.")])
    assert user.content == "[1] It cost $5 and ${question}.|$evidence $x $|$5"


@pytest.mark.parametrize(
    ("system", "question", "message"),
    [
        ("s", "$evidence", "prompts/question.txt: the placeholder $question is missing"),
        ("s", "$question", "prompts/question.txt: the placeholder $evidence is missing"),
        ("s", "$evidence $question $history", "prompts/question.txt: unknown placeholder $history"),
        ("$question", "$evidence $question", "prompts/system.txt: unknown placeholder $question"),
        ("s", "$evidence $question $ 5", "prompts/question.txt: a $ that starts no placeholder"),
        ("costs $5", "$evidence $question", "prompts/system.txt: a $ that starts no placeholder"),
    ],
)
def test_a_wrong_template_is_named_with_its_fault(system: str, question: str, message: str) -> None:
    with pytest.raises(NotReadyError) as caught:
        Prompts.parse(system, question)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"source": "Courier", "published": "2025-11-03T10:00:00+00:00"}, "[3] (Courier, 2025-11-03) It rained."),
        ({"source": "Courier"}, "[3] (Courier) It rained."),
        ({"published": "2025-11-03"}, "[3] (2025-11-03) It rained."),
        ({}, "[3] It rained."),
    ],
)
def test_evidence_is_one_line_with_outlet_and_date(fields: dict[str, str], line: str) -> None:
    assert evidence_line(3, evidence("It\n\n rained.", **fields)) == line


def test_tokens_are_estimated_from_the_length() -> None:
    assert [estimated_tokens("x" * n) for n in (0, 3, 4, 400)] == [1, 1, 2, 101]
