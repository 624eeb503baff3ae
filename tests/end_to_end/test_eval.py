"""`rag eval` over the small index of conftest, with the real embedder and without the language model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.metrics import METRICS

Rag = Callable[..., Any]

EXECUTED = "At least 340 civilians were executed in the coastal towns of Tarva"
SET: list[dict[str, Any]] = [
    {
        "id": "coast-q1",
        "question": "How many civilians were executed in the coastal towns of Tarva?",
        "kind": "how_many",
        "split": "dev",
        "answers": ["340"],
        "support": [{"article_id": "coast-1", "quote": EXECUTED}],
    },
    {
        "id": "bridge-q1",
        "question": "How much will the repairs of the Osterlay bridge cost?",
        "kind": "how_many",
        "split": "test",
        "answers": ["48 million crowns"],
        "support": [{"article_id": "bridge-1", "quote": "two years of repairs costing 48 million crowns"}],
    },
    {
        "id": "other-q1",
        "question": "Which team won the ice hockey final in Brakenmoor?",
        "kind": "outside",
        "split": "test",
        "answers": [],
        "support": [],
    },
]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_lines(*lines: dict[str, Any]) -> Path:
        file = tmp_path / "set.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        return file

    return write_lines


def changed(number: int, **fields: Any) -> dict[str, Any]:
    return SET[number] | fields


def test_the_report_as_json(rag: Rag, index: Path, write: Callable[..., Path]) -> None:
    command = ("eval", write(*SET), "--index", index, "--split", "all", "--mode", "quote", "--json")
    result = rag(*command)
    assert result.code == 0
    report = result.json
    assert (report["split"], report["mode"], report["index"]) == ("all", "quote", str(index))
    assert report["corpus"]["articles"] == 4
    assert report["model"]["llm"] is report["model"]["llm_digest"] is None
    assert len(report["model"]["embedder_digest"]) == len(report["corpus"]["digest"]) == 64
    metrics = report["metrics"]
    assert tuple(metrics) == METRICS
    for name in ("hit_at_1", "mrr_at_10", "ndcg_at_10", "evidence_coverage", "answer_right", "cited_right"):
        assert metrics[name] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 2}, name
    assert metrics["citations_verbatim"]["value"] == metrics["markers_valid"]["value"] == 1.0
    assert metrics["refused_unanswerable"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 1}
    assert report["timings_ms"]["total"]["n"] == 3
    assert {kind: own["questions"] for kind, own in report["kinds"].items()} == {"how_many": 2, "outside": 1}
    first, _, last = report["questions"]
    assert (first["id"], first["answered"], first["right"], first["found"][0]) == ("coast-q1", True, True, "coast-1")
    assert EXECUTED in first["cited"][0]["quote"]
    assert (last["id"], last["answered"], last["right"], last["scores"]["answer_right"]) == (
        "other-q1",
        False,
        True,
        None,
    )
    again = rag(*command).json
    for run in (report, again):
        del run["timings_ms"]
        for question in run["questions"]:
            del question["timings_ms"]
    assert again == report


def test_the_report_as_tables(rag: Rag, index: Path, write: Callable[..., Path]) -> None:
    result = rag("eval", write(*SET), "--index", index, "--mode", "quote")
    assert result.code == 0
    assert "Questions: 1" in result.out
    rows = {line.strip("│ ").split()[0]: line for line in result.out.splitlines() if line.startswith("│")}
    assert set(METRICS) <= set(rows)
    assert "1.000" in rows["hit_at_1"]
    assert "–" in rows["refused_unanswerable"]  # the dev split has no such question
    assert max(map(len, result.out.splitlines())) <= 80


def test_a_metric_under_its_gate_is_exit_code_1(rag: Rag, index: Path, write: Callable[..., Path]) -> None:
    wrong = changed(0, answers=["golden loaf"], support=[{"article_id": "bakery-1", "quote": "the golden loaf"}])
    command = ("eval", write(wrong), "--index", index, "--mode", "quote")
    passed = rag(*command, "--fail-under", "citations_verbatim=1", "--fail-under", "answer_right=0")
    assert passed.code == 0
    failed = rag(*command, "--fail-under", "citations_verbatim=1", "--fail-under", "answer_right=0.5")
    assert failed.code == 1
    assert failed.err.splitlines()[-1] == "answer_right is 0.0000, under 0.5"
    assert "answer_right" in failed.out  # the report all the same


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (
            [changed(0, support=[{"article_id": "coast-1", "quote": "At least 340 soldiers"}])],
            [],
            "set.jsonl:1: the quot",
        ),
        ([SET[0], changed(0, question="Another?")], [], "set.jsonl:2: the id coast-q1 is taken by line 1"),
        ([SET[0], changed(0, id="coast-q2")], [], "set.jsonl:2: the question is already asked on line 1"),
        ([SET[0], changed(1, id="coast-q2")], [], "set.jsonl:2: the story coast is in test here"),
        ([SET[0]], ["--fail-under", "hit_at_3=1"], "no such metric"),
        ([SET[0]], ["--fail-under", "hit_at_1=all"], "give a number between 0 and 1"),
        ([SET[0]], ["--split", "test"], "no question of the split 'test'"),
    ],
)
def test_a_fault_is_one_line_and_exit_code_2(
    rag: Rag, index: Path, write: Callable[..., Path], lines: list[dict[str, Any]], options: list[str], message: str
) -> None:
    result = rag("eval", write(*lines), "--index", index, "--mode", "quote", *options)
    assert result.code == 2
    assert result.out == ""
    assert message in result.err
    assert len(result.err.splitlines()) == 1


def test_no_index_is_exit_code_3(rag: Rag, empty_folder: Path, write: Callable[..., Path]) -> None:
    result = rag("eval", write(*SET), "--mode", "quote")
    assert result.code == 3
    assert "no index" in result.err
    assert sorted(path.name for path in empty_folder.iterdir()) == ["set.jsonl"]
