"""What saved reports say of answers and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag.errors import UsageError
from rag.evaluation.curves import Run, first_quoted, load, pages, quoted, refusing, summary, together
from rag.linear import LinearModel

MODEL = LinearModel(0.0, {"cosine": 2.0, "noise": 0.1}, 0.5, "by hand")


def question(number: int, *, answerable: bool, right: bool, cosine: float, **more: Any) -> dict[str, Any]:
    signals = {"cosine": cosine, "noise": float(number % 2)}
    return {
        "id": f"q{number}",
        "kind": "other" if answerable else "absent",
        "expected": {"answers": ["19"] if answerable else [], "support": []},
        "answerable": answerable,
        "probability": MODEL.probability(signals),
        "signals": signals,
        "answered": True,
        "right_if_answered": right,
        "cited": [{"quote": "Nineteen died." if right else "It rained."}],
        "scores": {},
        "timings_ms": {"cpu": 10 * number},
    } | more


def run() -> Run:
    asked = [
        question(1, answerable=True, right=True, cosine=1.0),
        question(2, answerable=True, right=False, cosine=0.5),
        question(3, answerable=True, right=True, cosine=-1.0),
        question(4, answerable=False, right=False, cosine=-0.5),
    ]
    return Run("set", "reader", tuple(asked), MODEL)


def test_refusing_is_read_off_the_probabilities() -> None:
    text = "\n".join(summary(run()))
    assert "3 answerable, 1 unanswerable" in text
    assert "| refusal off | right | 0.667" in text
    assert "| refusal on | answerable: answered | 0.667" in text
    assert "| | answerable: right | 0.333" in text
    assert "| | right of the answered | 0.500" in text
    assert "| | unanswerable: refused | 1.000" in text


def test_a_citation_holds_the_answer_as_a_number_too() -> None:
    asked = question(1, answerable=True, right=True, cosine=1.0)
    assert quoted(asked)
    assert first_quoted(asked)
    asked["cited"] = [{"quote": "It rained."}, {"quote": "Nineteen died."}]
    assert quoted(asked)
    assert not first_quoted(asked)
    marked = question(2, answerable=True, right=True, cosine=1.0, expected={"answers": [], "support": []})
    marked["scores"] = {"cited_right": 1.0}
    assert quoted(marked)
    assert first_quoted(marked) is None


def test_what_each_signal_adds_to_the_order() -> None:
    lines = refusing(run())
    assert "Risk at coverage 10%: 0.000, 25%: 0.000, 50%: 0.500, 75%: 0.667, 100%: 0.500; AURC 0.417." in lines
    assert any(line.startswith("AUC of the refusal score 0.667") for line in lines)
    # The cosine orders as the model does; without it only the noise is left, which is on where one answers twice.
    assert "| cosine | 2.0 | 0.667 | 0.833 |" in lines


def test_runs_are_compared_over_the_questions_they_share() -> None:
    first, second = run(), Run("other", "drafts", run().questions[1:], MODEL)
    text = "\n".join(together([first, second]))
    assert "the 2 answerable questions that all were asked" in text
    assert "| set, reader | 0.500" in text
    assert "| other, drafts | 0.500" in text
    assert text.count("| 30 |") == 2
    assert together([first]) == []
    assert together([first, Run("another set", "reader", (), MODEL)]) == []


def test_a_report_names_its_set_and_its_way_of_answering(tmp_path: Path) -> None:
    asked = {**question(1, answerable=True, right=True, cosine=1.0), "question": "How many?", "right": True}
    asked |= {"answer": "Nineteen died. [1]", "history": [], "split": "test"}
    file = tmp_path / "report.json"
    report = {"set": {"file": "somewhere/squad.json"}, "mode": "answer", "metrics": {}, "questions": [asked]}
    file.write_text(json.dumps(report), "utf-8")
    assert load(file).name == "squad.json, drafts"
    asked["signals"]["read"] = -0.1
    file.write_text(json.dumps(report), "utf-8")
    assert load(file).name == "squad.json, reader"
    file.write_text(json.dumps({**report, "mode": "quote"}), "utf-8")
    asked["signals"].pop("read")
    with pytest.raises(UsageError, match="no report"):
        load(_written(tmp_path, "{}"))


def _written(folder: Path, text: str) -> Path:
    file = folder / "bad.json"
    file.write_text(text, "utf-8")
    return file


def test_pages_of_a_squad_file(tmp_path: Path) -> None:
    data = {"data": [{"title": "Islamism", "paragraphs": [{"qas": [{"id": "a"}, {"id": "b"}]}]}]}
    assert pages(_written(tmp_path, json.dumps(data))) == {"a": "Islamism", "b": "Islamism"}
