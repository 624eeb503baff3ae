"""A question that is refused as a whole is decided by its parts."""

from __future__ import annotations

import pytest

from rag.evidence import Query
from rag.explaining import lines
from rag.found import Found, by_parts
from rag.types import Article, Evidence, Span

TEXT = "Aldra sold the mine."
ITEM = Evidence(Article("a", "Aldra", TEXT), Span(0, len(TEXT)), 0.0, {}, 0)
TWO = "Who bought the Aldra mine, and what was the price?"


def found(question: str, probability: float) -> Found:
    return Found(Query.of(question, {}), (ITEM,), (ITEM,), probability=probability, threshold=0.4)


def test_likely_parts_answer_what_the_whole_would_not() -> None:
    decided = by_parts(found(TWO, 0.3), lambda part: found(part, 0.8 if "bought" in part else 0.5))
    assert decided.answers
    assert decided.probability == pytest.approx(2 / 3)  # odds of 4 and 1: their geometric mean is 2
    assert list(decided.parts) == ["Who bought the Aldra mine?", "what was the price (Aldra)?"]


def test_unlikely_parts_leave_the_refusal_as_it_was() -> None:
    decided = by_parts(found(TWO, 0.3), lambda part: found(part, 0.8 if "bought" in part else 0.05))
    assert (decided.answers, decided.probability, decided.decisions) == (False, 0.3, ())


def test_one_question_has_no_parts_to_ask() -> None:
    whole = found("Who bought the Aldra mine?", 0.3)

    def part(question: str) -> Found:
        raise AssertionError(question)

    assert by_parts(whole, part) is whole


def test_the_decision_shows_each_part() -> None:
    [made] = by_parts(found(TWO, 0.3), lambda part: found(part, 0.8 if "bought" in part else 0.5)).decisions
    assert [(s["name"], s["value"]) for s in made["signals"]] == [
        ("Who bought the Aldra mine?", 0.8),
        ("what was the price (Aldra)?", 0.5),
    ]
    odds = made["intercept"] + sum(s["contribution"] for s in made["signals"])
    assert odds == pytest.approx(0.6931, abs=1e-3)  # ln 2
    shown = [text for _, text in lines({"answering": [made], "reader": None, "sentences": []})]
    assert shown[0] == "parts: 0.67 against 0.40: answered"
