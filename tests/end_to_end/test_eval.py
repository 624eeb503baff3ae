"""`rag eval` over the small index of conftest, with the real embedder and without the language model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.evaluation.page import html
from rag.metrics import METRICS
from tests.doubles import ScriptedLLM
from tests.end_to_end.conftest import ARTICLES
from tests.serving import serving

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
    assert (last["id"], last["answered"], last["right"]) == ("other-q1", False, True)
    assert "answer_right" not in last["scores"]
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
    assert failed.err.splitlines()[-1] == "rag: answer_right is 0.0000, under 0.5"
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
        ([SET[0]], ["--write-baseline"], "--write-baseline needs the file"),
        ([SET[0]], ["--baseline", "nowhere.json"], "there is no baseline nowhere.json"),
        ([SET[0]], ["--sweep", "nothing=1"], "--sweep nothing=1: no such setting"),
        ([SET[0]], ["--sweep", "hits=0"], "--sweep hits=0: Input should be greater"),
        ([SET[0]], ["--format", "cisi"], "unknown format 'cisi'"),
        ([SET[0]], ["--format", "squad"], "leave out --index"),
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


def test_the_page_and_a_saved_report(rag: Rag, index: Path, write: Callable[..., Path], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    result = rag("eval", write(*SET), "--index", index, "--mode", "quote", "--split", "all", "--html", page, "--json")
    assert result.code == 0
    assert f"rag: the report is in {page}" in result.err
    assert page.read_text("utf-8") == html(result.json)


def test_a_baseline_passes_once_written(rag: Rag, index: Path, write: Callable[..., Path], tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    command = ("eval", write(*SET), "--index", index, "--mode", "quote", "--split", "all", "--baseline", baseline)
    assert rag(*command, "--write-baseline").code == 0
    again = rag(*command)
    assert again.code == 0
    assert again.err == ""
    other = rag(*command, "--limit", "2")
    assert other.code == 2
    assert "has no run 'all quote 2 questions'" in other.err


def test_two_saved_reports_are_compared(rag: Rag, index: Path, write: Callable[..., Path], tmp_path: Path) -> None:
    files = []
    for number, answers in enumerate((["340"], ["at least 340 civilians"])):
        result = rag("eval", write(changed(0, answers=answers)), "--index", index, "--mode", "quote", "--json")
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(result.out, "utf-8")
    result = rag("eval", "--compare", *files)
    assert result.code == 0
    assert "Questions in both: 1" in result.out
    assert "Right before, wrong now: 0" in result.out
    assert rag("eval", "--compare", *files, "--json").json["metrics"]["hit_at_1"]["verdict"] == "same"


def test_a_sweep_asks_once_for_each_value(rag: Rag, index: Path, write: Callable[..., Path]) -> None:
    sweep = ("--sweep", "evidence_sentences=1,6", "--sweep", "passage_tokens=200,40")
    result = rag("eval", write(*SET), "--index", index, "--mode", "quote", "--split", "all", *sweep, "--json")
    assert result.code == 0
    assert [row["run"] for row in result.json] == [
        {"evidence_sentences": sentences, "passage_tokens": tokens} for sentences in "16" for tokens in ("200", "40")
    ]
    assert all(row["metrics"]["answer_right"] == 1 for row in result.json)
    assert any(row["best"] for row in result.json)
    assert "these settings need an index of their own" in result.err


def test_a_language_model_judges_only_where_asked(
    rag: Rag, index: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = ScriptedLLM("Yes.", "It depends")
    monkeypatch.setattr("rag.evaluation.measure.load_llm", lambda _: judge)
    command = ("eval", write(*SET), "--index", index, "--mode", "quote", "--split", "all", "--json")
    assert rag(*command).json["metrics"]["judged_right"] is None
    assert judge.calls == []
    report = rag(*command, "--judge", "bundled").json
    assert report["metrics"]["judged_right"]["value"] == 1
    assert report["metrics"]["judged_right"]["n"] == 1  # the other reply was neither yes nor no
    assert report["judge"].startswith("SmolLM2")
    assert "Right answer: 340" in judge.calls[0][0].content


def test_a_question_without_an_answer_is_searched_for(rag: Rag, index: Path, write: Callable[..., Path]) -> None:
    planted = changed(2, question="How many civilians were executed in Tarva, in the coastal towns?")
    result = rag("eval", write(SET[1], SET[2]), "--index", index, "--split", "all", "--check")
    assert (result.code, result.out) == (0, "2 questions checked: nothing wrong found\n")
    result = rag("eval", write(SET[0], planted), "--index", index, "--split", "all", "--check")
    assert result.code == 2
    assert "set.jsonl:2: other-q1 is said to have no answer, but coast-1 says: At least 340" in result.out
    assert "other-q1 is said to have no answer, but coast-q1 has one" in result.out


def test_a_question_is_added_by_dialogue(rag: Rag, index: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    replies = [
        "How many piers of the bridge at Osterlay are cracked?", "1", "no such words", "six of its nine piers",
        "six", "6", "", "how_many", "", "test",
    ]  # fmt: skip
    result = rag("eval", "add", file, "--index", index, stdin="".join(f"{r}\n" for r in replies).encode())
    assert (result.code, result.out) == (0, "bridge-q1\n"), result.err
    assert "(bridge-1) Engineers found cracks in six of its nine piers." in result.err
    assert "these words do not stand there" in result.err
    added = json.loads(file.read_text("utf-8"))
    assert (added["answers"], added["kind"], added["split"]) == (["six", "6"], "how_many", "test")
    [support] = added["support"]
    assert (support["article_id"], support["quote"]) == ("bridge-1", "six of its nine piers")
    assert support["start"] == ARTICLES[1]["text"].index(support["quote"])
    replies = ["Which team won the ice hockey final in Brakenmoor?", "Brakenmoor", "none", "outside", "", "test"]
    result = rag("eval", "add", file, "--index", index, stdin="".join(f"{r}\n" for r in replies).encode())
    assert (result.code, result.out) == (0, "outside-q1\n"), result.err
    assert rag("eval", file, "--index", index, "--split", "test", "--mode", "quote").code == 0


def test_an_unfinished_or_faulty_addition_changes_nothing(rag: Rag, index: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    result = rag("eval", "add", file, "--index", index, stdin=b"Who won?\n")
    assert result.code == 2
    assert "nothing was written" in result.err
    replies = "How many piers of the bridge at Osterlay are cracked?\n1\n\nseven\n\nhow_many\n\ntest\n"
    result = rag("eval", "add", file, "--index", index, stdin=replies.encode())
    assert result.code == 2
    assert "none of the answers stands in the quotation" in result.err
    assert list(tmp_path.iterdir()) == []
    assert rag("eval", "add").code == rag("eval", file, file).code == 2


# ── kept for `rag serve`


def test_a_run_is_kept_and_served_until_an_article_it_quotes_is_removed(
    rag: Rag, index: Path, tmp_path: Path, write: Callable[..., Path]
) -> None:
    folder = shutil.copytree(index, tmp_path / "index", ignore=shutil.ignore_patterns("reports"))
    made = rag("eval", write(*SET), "--index", folder, "--split", "all", "--mode", "quote", "--json").json
    assert rag("eval", write(*SET), "--index", folder, "--split", "dev", "--mode", "quote", "--check").code == 0
    with serving(folder) as server:
        (kept,) = server("GET", "/eval/reports").json["reports"]
        assert (kept["split"], kept["mode"]) == ("all", "quote")
        assert server("GET", f"/eval/reports/{kept['name']}").json == made
        part = server("GET", f"/eval/parts/{kept['name']}")
        assert part.headers["content-type"] == "text/html; charset=utf-8"
        assert "unsafe" not in part.headers["content-security-policy"]
        for unknown in ("nothing", "20260101T000000000000Z-dev-quote", "..%2f..%2fkeys"):
            assert server("GET", f"/eval/reports/{unknown}").status == 404
            assert server("GET", f"/eval/parts/{unknown}").status == 404
        page = server("GET", "/eval")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert server("GET", "/static/report.css").headers["content-type"].startswith("text/css")
        first = made["questions"][0]["cited"][0]
        article = server("GET", f"/articles/{first['article_id']}").json
        assert article["text"][first["start"] : first["end"]] == first["quote"]
        assert server("DELETE", "/articles/coast-1").status == 204
        assert server("GET", "/eval/reports").json == {"reports": []}
    assert EXECUTED.encode() not in b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_an_index_that_cannot_keep_the_report_is_no_failure(
    rag: Rag, index: Path, tmp_path: Path, write: Callable[..., Path]
) -> None:
    folder = shutil.copytree(index, tmp_path / "index", ignore=shutil.ignore_patterns("reports"))
    (folder / "reports").write_text("in the way", "utf-8")
    result = rag("eval", write(*SET), "--index", folder, "--mode", "quote")
    assert result.code == 0
    assert "cannot keep the report" in result.err
