"""Sentences drawn to be judged, and the table of the judgements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag.errors import UsageError
from rag.evaluation.judgements import answers, draw, read, table, wilson, without_texts


def question(number: int, *, probability: float = 0.9, answered: bool = True) -> dict[str, Any]:
    shown = [("“It rained.”", [1], "quoted"), ("It rained on Friday.", [2], "verified")] if answered else []
    return {
        "id": f"q{number}",
        "question": "Did it rain?",
        "probability": probability,
        "answered": answered,
        "sentences": [{"text": t, "citations": c, "support": s} for t, c, s in shown],
        "cited": [{"number": n, "article_id": "rain", "start": n, "end": n + 9, "quote": "It rained"} for n in (1, 2)],
    }


def asked(count: int = 20) -> list[dict[str, Any]]:
    return [question(n) for n in range(count)]


def judged(**more: Any) -> dict[str, Any]:
    row = {"set": "set", "system": "reader", "question_id": "q1", "sentence": 0}
    return row | {"support": "fully", "answers": "yes", "reason": "the same words"} | more


def test_of_random_questions_a_random_sentence_and_always_the_same() -> None:
    rows = draw(asked(), 7, 3, drafted=False)
    assert len({r["question_id"] for r in rows}) == 7
    assert {r["sentence"] for r in rows} == {0, 1}
    assert rows == draw(asked()[::-1], 7, 3, drafted=False)
    assert rows != draw(asked(), 7, 4, drafted=False)
    assert len(draw(asked(3), 7, 3, drafted=False)) == 3


def test_what_was_refused_is_not_drawn_neither_of_a_batch_nor_of_a_report(tmp_path: Path) -> None:
    batch = tmp_path / "answers.jsonl"
    lines = [{**question(n, answered=n > 0), "citations": question(n)["cited"]} for n in range(3)]
    batch.write_text("\n".join(map(json.dumps, [*lines, {"id": "q9", "error": "empty"}])), "utf-8")
    assert [q["id"] for q in answers(batch)] == ["q1", "q2"]
    needed = {"scores": {}, "answerable": True, "right_if_answered": True, "right": True, "answer": "", "signals": {}}
    questions = [question(n, probability=n / 2) | needed for n in range(3)]
    report = tmp_path / "report.json"
    body = {"set": {"file": "x"}, "mode": "quote", "metrics": {}, "questions": questions}
    report.write_text(json.dumps(body, indent=2), "utf-8")
    assert [q["id"] for q in answers(report)] == ["q1", "q2"]
    with pytest.raises(UsageError, match="cannot read"):
        answers(tmp_path / "none")


def test_drafts_alone_can_be_drawn_with_the_words_they_cite() -> None:
    (row,) = draw(asked(1), 5, 0, drafted=True)
    assert (row["text"], row["shown_as"], row["sentence"]) == ("It rained on Friday.", "verified", 1)
    assert row["cited"] == [{"article_id": "rain", "start": 2, "end": 11}]
    assert "quotes" not in without_texts(row)
    assert "text" not in without_texts(row)


def test_a_line_without_a_whole_judgement_and_one_judged_twice_are_named(tmp_path: Path) -> None:
    file = tmp_path / "judged.jsonl"
    file.write_text("\n".join(json.dumps(judged(question_id=q)) for q in "ab"), "utf-8")
    assert len(read([file])) == 2
    file.write_text(json.dumps(judged(answers=None)), "utf-8")
    assert table(read([file]))[-1].endswith("| 1 | 1.000 (0.207–1.000) | 0 | 0 | – | 0 | 0 |")
    for fault in ({"support": "mostly"}, {"answers": "maybe"}, {"reason": ""}):
        bad = tmp_path / "bad.jsonl"
        bad.write_text(json.dumps(judged(**fault)), "utf-8")
        with pytest.raises(UsageError, match="line 1"):
            read([bad])
    with pytest.raises(UsageError, match="twice"):
        read([file, file])


def test_the_table_counts_by_system_with_wilsons_interval() -> None:
    rows = [judged(question_id=str(n)) for n in range(9)]
    rows.append(judged(question_id="9", support="partly", answers="no"))
    rows.append(judged(system="drafts"))
    lines = table(rows)
    assert "| set | reader | 10 | 0.900 (0.596–0.982) | 1 | 0 | 0.900 (0.596–0.982) | 0 | 1 |" in lines
    assert lines[-1].startswith("| **all** | **all** | 11 | 0.909")


def test_wilsons_interval_has_a_width_at_one() -> None:
    low, high = wilson(10, 10)
    assert low == pytest.approx(0.7225, abs=1e-4)
    assert high == pytest.approx(1.0)
    assert wilson(0, 10)[0] == pytest.approx(0.0)
