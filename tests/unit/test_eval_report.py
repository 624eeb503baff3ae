"""Reports made of hand-made outcomes: the page, the comparison, the baseline."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rag.errors import UsageError
from rag.evaluation.compare import (
    baseline_of,
    compare,
    not_compared,
    regressions,
    run_name,
    write_baseline,
)
from rag.evaluation.page import html
from rag.evaluation.questions import Question
from rag.evaluation.report import Json, make_report, read_report
from rag.evaluation.runner import Asked, Outcome
from rag.evaluation.tables import cut, print_comparison, print_report
from rag.types import Answer, AnswerSentence, Citation, Refusal

STAMP: Json = {
    "newsrag": "1",
    "set": {"file": "set.jsonl", "digest": "a" * 64},
    "split": "dev",
    "limit": None,
    "seed": 0,
    "mode": "quote",
    "index": "indexes/x",
    "corpus": {"articles": 3, "digest": "b" * 64},
    "model": {"llm": None, "llm_digest": None, "embedder": "hash", "embedder_digest": "c" * 64, "settings": "d" * 12},
    "support_checker": "rag.verifying",
    "judge": None,
}
NAME = run_name("dev", "quote", None)
HOSTILE = '<script>alert("x")</script> & “quoted”'


def outcome(number: int, *, right: bool, text: str = "Nineteen died.", answered: bool = True, **more: Any) -> Outcome:
    question = Question.model_validate(
        {
            "id": f"flood-q{number}",
            "question": f"How many died on day {number}?",
            "kind": "how_many",
            "split": "dev",
            "answers": ["19"],
            "support": [{"article_id": "flood-1", "quote": "Nineteen died"}],
        }
        | more
    )
    sentences = (AnswerSentence(text, (1,), "quoted", 1.0),) if answered else ()
    cited = Citation(1, "flood-1", "Flood", None, None, None, 0, len(text), text)
    answer = Answer(
        question.question,
        answered,
        " ".join(s.marked for s in sentences) or "Not found.",
        sentences,
        (cited,) if answered else (),
        None if answered else Refusal("not_in_corpus", ()),
        {"retrieve": 10 * number, "total": 20 * number},
        {},
    )
    asked = Asked(answer, (), ("flood-1",), 0.05 * (number % 20), 7)
    scores = {"answer_right": float(right), "hit_at_1": 1.0} if question.support else {"refused_unanswerable": 0.0}
    return Outcome(question, asked, scores, right)


def report(*right: bool, **stamp: Any) -> Json:
    return make_report(STAMP | stamp, [outcome(i, right=r) for i, r in enumerate(right, start=1)], seed=0)


# ── the report


def test_a_report_is_json_and_comes_back_as_it_was(tmp_path: Path) -> None:
    made = report(True, False, True)
    assert made["metrics"]["answer_right"]["value"] == pytest.approx(2 / 3)
    assert made["kinds"]["how_many"]["questions"] == 3
    assert made["timings_ms"]["retrieve"] == {"median": 20, "p95": pytest.approx(29), "n": 3}
    assert made["timings_ms"]["cpu"]["median"] == 7
    file = tmp_path / "report.json"
    file.write_text(json.dumps(made), "utf-8")
    assert read_report(file) == made


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"questions": [{}], "metrics": {}}', '{"questions": 1}'])
def test_what_is_no_report_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=r"report\.json"):
        read_report(file)
    with pytest.raises(UsageError, match="cannot read the report"):
        read_report(tmp_path / "nowhere.json")


@pytest.mark.parametrize(("value", "shown"), [(0.9999, "0.999"), (1.0, "1.000"), (0.29, "0.290"), (2 / 3, "0.666")])
def test_numbers_are_cut_off(value: float, shown: str) -> None:
    assert cut(value) == shown


def test_the_tables_name_what_was_measured() -> None:
    console = Console(record=True, width=100)
    print_report(report(True, False), console)
    text = console.export_text()
    for part in ("answer_right", "0.500", "set.jsonl (aaaaaaaaaaaa)", "3 articles (bbbbbbbbbbbb)", "seed 0", "d" * 12):
        assert part in text


# ── the page


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_every_failure_whole() -> None:
    wrong = outcome(1, right=False, text="Eight died.", history=[{"role": "user", "content": "A flood?"}])
    absent = outcome(2, right=False, kind="absent", answers=[], support=[], question="Who is to blame?")
    refused = outcome(3, right=False, answered=False)
    page = Page(html(make_report(STAMP, [wrong, absent, refused, outcome(4, right=True)], seed=0)))
    assert "3 of 4 questions failed" in page.text
    for part in ("How many died on day 1?", "Eight died [1].", "user: A flood?", "19", "Nineteen died", "a refusal"):
        assert part in page.text
    assert "Who is to blame?" in page.text
    assert "Refused, and there is an answer: 1" in page.text
    assert "How many died on day 4?" not in page.text
    assert page.tags.count("details") == 3
    assert page.tags.count("svg") == 4
    assert page.text.index("Failures") < page.text.index("Risk and coverage") < page.text.index("more is better")


def test_the_page_is_whole_in_itself_and_runs_nothing() -> None:
    page = Page(html(report(True, False)))
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert {"src", "onclick", "onload", "style"}.isdisjoint(page.attributes)
    assert all(target.startswith("#") for target in page.attributes["href"])
    assert any("default-src 'none'" in value for value in page.attributes["content"])


def test_nothing_that_comes_from_outside_becomes_markup() -> None:
    hostile = outcome(
        1, right=False, text=HOSTILE, question=HOSTILE, answers=[f"19 {HOSTILE}"], history=[HOSTILE],
        support=[{"article_id": HOSTILE, "quote": HOSTILE}],
    )  # fmt: skip
    source = html(make_report(STAMP | {"index": HOSTILE}, [hostile], seed=0))
    assert "<script" not in source
    page = Page(source)
    assert page.text.count(HOSTILE) >= 7


def test_a_page_without_failures_says_so() -> None:
    page = Page(html(report(True, True)))
    assert "0 of 2 questions failed" in page.text
    assert "None." in page.text


# ── comparison


def test_a_comparison_names_what_changed() -> None:
    before, after = report(True, False, True, True), report(True, True, False, True)
    made = compare(before, after)
    assert made["questions"] == 4
    assert made["metrics"]["answer_right"]["value"] == 0
    assert made["metrics"]["answer_right"]["verdict"] == "same"
    assert [(c["id"], c["verdict"]) for c in made["changes"]] == [("flood-q2", "better"), ("flood-q3", "worse")]
    console = Console(record=True, width=100)
    print_comparison(made, console)
    assert re.search(r"Right before, wrong now: 1\n\s+flood-q3: How many died on day 3", console.export_text())


def test_only_common_questions_are_compared() -> None:
    made = compare(report(True, True, True), report(True, True))
    assert (made["questions"], made["only"]) == (2, {"first": 1, "second": 0})
    other = make_report(STAMP, [outcome(9, right=True)], seed=0)
    with pytest.raises(UsageError, match="no question in common"):
        compare(report(True), other)


def test_a_clear_change_is_called_better_or_worse() -> None:
    low, high = report(*[False] * 20), report(*[True] * 20)
    assert compare(low, high)["metrics"]["answer_right"]["verdict"] == "better"
    assert compare(high, low)["metrics"]["answer_right"]["verdict"] == "worse"
    assert compare(high, low)["metrics"]["hit_at_1"]["verdict"] == "same"


# ── baselines


def test_a_run_is_no_regression_of_itself(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    made = report(*(i % 3 > 0 for i in range(30)))
    write_baseline(file, made)
    stored = baseline_of(file, NAME)
    assert regressions(made, stored) == []
    assert not_compared(made, stored) is None
    assert "set.jsonl" not in file.read_text("utf-8")  # no path of this machine


def test_a_fall_beyond_chance_is_a_regression_and_one_question_is_not(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    write_baseline(file, report(*[True] * 30))
    one, many = report(*[True] * 29, False), report(*[True] * 22, *[False] * 8)
    assert regressions(one, baseline_of(file, NAME)) == []
    lines = regressions(many, baseline_of(file, NAME))
    assert [line.split()[0] for line in lines] == ["answer_right", "selective_accuracy"]
    assert "fell from 1.0000 to 0.7333" in lines[0]


def test_a_metric_that_disappears_is_a_regression(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    absent = outcome(5, right=False, kind="absent", answers=[], support=[])
    write_baseline(file, make_report(STAMP, [outcome(1, right=True), absent], seed=0))
    now = make_report(STAMP, [outcome(1, right=True)], seed=0)
    stored = baseline_of(file, NAME)
    assert "refused_unanswerable is no longer measured by any question" in regressions(now, stored)
    assert not_compared(now, stored) == "the baseline lacks 0 of the questions and has 1 others"


def test_runs_of_other_names_stay_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    quote, answer = report(True), report(True, mode="answer", limit=40)
    assert run_name("dev", "answer", 40) == "dev answer 40 questions"
    write_baseline(file, quote)
    with pytest.raises(UsageError, match="has no run 'dev answer 40 questions', only dev quote"):
        baseline_of(file, "dev answer 40 questions")
    write_baseline(file, answer)
    before = file.read_text("utf-8")
    write_baseline(file, quote)
    assert file.read_text("utf-8") == before
    assert baseline_of(file, NAME)["metrics"]["answer_right"] == 1


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 2, "runs": {}}'])
def test_what_is_no_baseline_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(content, "utf-8")
    with pytest.raises(UsageError, match="is no baseline"):
        baseline_of(file, NAME)
