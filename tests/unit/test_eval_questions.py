from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag import resources
from rag.errors import UsageError
from rag.evaluation.compare import parse_gates, under
from rag.evaluation.questions import Corpus, Question, QuestionSet, load, match
from rag.matching import holds
from rag.metrics import METRICS
from rag.readers import read
from rag.types import Article

FLOOD = Article("flood-1", "Flood", "Nineteen people died, the county said.\nSome 2,300 people  left “in haste”.")
COPY = Article("flood-2", "Flood, again", 'Nineteen people died, the county said. Some 2,300 people left "in haste".')
STORM = Article("storm-1", "Storm", "Five people died when the storm crossed the islands.")
ARTICLES = (FLOOD, COPY, STORM)

Write = Callable[..., Path]


def line(**changes: Any) -> dict[str, Any]:
    made = {
        "id": "flood-q1",
        "question": "How many people died in the flood?",
        "kind": "how_many",
        "split": "dev",
        "answers": ["19"],
        "support": [{"article_id": "flood-1", "quote": "Nineteen people died"}],
    }
    return made | changes


def absent(**changes: Any) -> dict[str, Any]:
    made = line(id="flood-q2", question="Who is the mayor?", kind="absent", answers=[], support=[])
    return made | changes


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_lines(*lines: dict[str, Any] | str) -> Path:
        file = tmp_path / "set.jsonl"
        file.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines), "utf-8")
        return file

    return write_lines


def corpus(file: Path, articles: tuple[Article, ...] = ARTICLES) -> tuple[QuestionSet, Corpus]:
    found = load(file)
    return found, match(found, found.questions, articles)


# ── reading


def test_a_good_set(write: Write) -> None:
    found = load(write(line(), "", absent(split="dev")))
    assert [q.id for q in found.questions] == ["flood-q1", "flood-q2"]
    assert found.lines == {"flood-q1": 1, "flood-q2": 3}
    assert [q.expected.answerable for q in found.questions] == [True, False]
    assert found.of_split("all") == found.of_split("dev") == found.questions


def test_a_byte_order_mark_and_a_line_separator_are_no_trouble(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    text = json.dumps(line(question="How many\u2028died?"), ensure_ascii=False)
    file.write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n")
    assert load(file).questions[0].question == "How many\u2028died?"


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("{", "Invalid JSON"),
        ("[]", "object"),
        (absent(answer="x"), "answer: unknown field"),
        (absent(support=[{"article_id": "a", "quote": "q", "page": 1}]), "support.0.page: unknown field"),
        ({k: v for k, v in absent().items() if k != "split"}, "split: Field required"),
        (absent(split="train"), "split: Input should be 'dev' or 'test'"),
        (absent(kind="who cares"), "kind: Input should be"),
        (absent(question="  "), "question: String should have at least 1 character"),
        (absent(question="…?"), "the question has no words"),
        (absent(id="flood-q1"), "the id flood-q1 is taken by line 1"),
        (absent(question="how many people DIED in the flood"), "the question is already asked on line 1"),
        (absent(split="test"), "the story flood is in test here and in dev on line 1"),
        (
            line(id="other-q1", question="How many are dead?", split="test"),
            "the article flood-1 is in test here and in dev on line 1",
        ),
        (
            line(id="flood-q2", question="How many people have died in the flood there?"),
            "nearly the question of line 1",
        ),
        (absent(answers=["19"]), "answers and support go together"),
        (line(id="flood-q2", question="How many?", support=[]), "answers and support go together"),
        (absent(kind="who"), "the kind who needs answers"),
        (line(id="flood-q2", question="How many?", kind="outside"), "the kind outside needs no answers"),
        (line(id="flood-q2", question="How many?", answers=["–"]), "the answer '–' has no words"),
        (line(id="flood-q2", question="How many?", answers=["20"]), "none of the answers stands in the quotation"),
        (line(id="flood-q2", question="Did they?", kind="yes_no", answers=["19"]), 'are ["yes"] or ["no"]'),
        (
            line(id="flood-q2", question="Who?", kind="list", answers=["19", "20"]),
            "answer '20' stands in no quotation",
        ),
    ],
)
def test_a_fault_is_one_line_with_its_place(write: Write, second: dict[str, Any] | str, reason: str) -> None:
    file = write(line(), second)
    with pytest.raises(UsageError) as caught:
        load(file)
    message = str(caught.value)
    assert message.startswith(f"{file}:2: ")
    assert reason in message
    assert "\n" not in message


def test_an_earlier_turn_makes_it_another_question(write: Write) -> None:
    again = absent(id="flood-q3", history=[{"role": "user", "content": "Tell me about Marrowby."}])
    assert len(load(write(absent(), again)).questions) == 2


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe{}"])
def test_a_file_without_questions(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "set.jsonl"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"has no questions|is not UTF-8"):
        load(file)
    with pytest.raises(UsageError, match="cannot read the eval set"):
        load(tmp_path / "nowhere.jsonl")


def test_splits(write: Write) -> None:
    found = load(write(line()))
    with pytest.raises(UsageError, match="no question of the split 'test'"):
        found.of_split("test")
    with pytest.raises(UsageError, match="unknown split 'train': choose one of dev, test, all"):
        found.of_split("train")


@pytest.mark.parametrize(
    ("name", "story"),
    [("marrowby-flood-q12", "marrowby-flood"), ("al-quds-q1", "al-quds"), ("a-quarry-q2b", "a-quarry"), ("x7", "x7")],
)
def test_the_story_is_what_stands_before_the_number(name: str, story: str) -> None:
    assert Question.model_validate(absent(id=name)).story == story


# ── against the articles


def test_a_quotation_may_differ_in_typography_only(write: Write) -> None:
    quote = 'Some 2,300 people left "in haste"'
    found, matched = corpus(write(line(answers=["2,300"], support=[{"article_id": "flood-1", "quote": quote}])))
    assert matched.bearing[quote] == {"flood-1", "flood-2"}
    assert matched.articles == 3
    assert matched.relevant(found.questions[0]) == {"flood-1": "flood-1", "flood-2": "flood-1"}


@pytest.mark.parametrize(
    ("support", "reason"),
    [
        ({"article_id": "flood-9", "quote": "Nineteen people died"}, "the index has no article flood-9"),
        ({"article_id": "storm-1", "quote": "Nineteen people died"}, "the quotation is not in the article storm-1"),
        ({"article_id": "flood-1", "quote": "Nineteen  men died"}, "not in the article flood-1: “Nineteen men died”"),
        (
            {"article_id": "flood-1", "quote": "Nineteen people died", "start": 7},
            "the quotation does not begin at 7 of flood-1: “Nineteen people died”",
        ),
    ],
)
def test_a_support_that_is_not_there(write: Write, support: dict[str, str], reason: str) -> None:
    file = write(absent(), line(support=[support]))
    with pytest.raises(UsageError, match=rf"^{file}:2: .*{reason}"):
        corpus(file)


def test_a_right_offset_is_no_fault(write: Write) -> None:
    support = [{"article_id": "flood-1", "quote": "people died", "start": 9}]
    corpus(write(line(answers=["people"], support=support)))


def test_the_same_words_that_want_another_answer_are_another_question(write: Write) -> None:
    storm = [{"article_id": "storm-1", "quote": "Five people died"}]
    other = line(id="flood-q2", question="How many people died in this flood?", answers=["5"], support=storm)
    assert len(load(write(line(), other)).questions) == 2


def test_other_kinds_need_one_of_their_quotations_and_these_all(write: Write) -> None:
    both = [
        {"article_id": "flood-1", "quote": "Nineteen people died"},
        {"article_id": "storm-1", "quote": "Five people died"},
    ]
    found, matched = corpus(write(line(answers=["19", "5"], support=both)))
    assert set(matched.relevant(found.questions[0]).values()) == {"storm-1"}
    found, matched = corpus(write(line(answers=["19", "5"], support=both, kind="two_articles")))
    assert matched.relevant(found.questions[0]) == {
        "flood-1": "flood-1",
        "flood-2": "flood-1",
        "storm-1": "storm-1",
    }


def test_the_digest_is_that_of_the_articles_in_any_order(write: Write) -> None:
    file = write(line())
    digest = corpus(file)[1].digest
    assert corpus(file, ARTICLES[::-1])[1].digest == digest
    changed = Article("storm-1", "Storm", "Six people died when the storm crossed the islands.")
    assert corpus(file, (FLOOD, COPY, changed))[1].digest != digest


# ── gates


def test_gates_are_read_before_anything_is_asked() -> None:
    assert parse_gates(["hit_at_5=0.9", "answer_right=1"]) == {"hit_at_5": 0.9, "answer_right": 1.0}
    for bad in ("hit_at_3=0.9", "hit_at_5", "hit_at_5=", "hit_at_5=much", "hit_at_5=nan", "hit_at_5=1.2", "=0.5"):
        with pytest.raises(UsageError, match=r"^--fail-under "):
            parse_gates([bad])


def test_a_gate_fails_below_its_value_and_where_nothing_was_measured() -> None:
    report = {"metrics": {"hit_at_5": {"value": 0.8, "low": 0.7, "high": 0.9, "n": 10}, "answer_right": None}}
    assert under(report, {"hit_at_5": 0.8}) == []
    assert under(report, {"hit_at_5": 0.81}) == ["hit_at_5 is 0.8000, under 0.81"]
    assert "not measured" in under(report, {"answer_right": 0.0})[0]


# ── the shipped set and its page


def shipped() -> QuestionSet:
    return load(resources.data("eval/questions.jsonl"))


def test_the_shipped_quotations_stand_in_the_sample_corpus() -> None:
    articles = list(read([str(resources.data("eval/corpus"))]))
    assert all(isinstance(item, Article) for item in articles)
    found = shipped()
    match(found, found.questions, (item for item in articles if isinstance(item, Article)))


def test_the_shipped_set_is_uniform() -> None:
    found = shipped()
    assert len(found.questions) >= 250
    assert sum(not q.support for q in found.questions) >= len(found.questions) / 4
    assert {q.kind for q in found.questions} >= {"compare", "summary", "timeline", "follow_up"}
    for question in found.questions:
        assert question.question == " ".join(question.question.split())
        # The first variant is in the corpus's own words; others may help a paraphrase.
        if question.answers and question.kind != "yes_no":
            assert any(holds(support.quote, question.answers[0]) for support in question.support), question.id


def test_every_metric_is_documented() -> None:
    page = Path("docs/evaluation.md").read_text("utf-8")
    assert [name for name in METRICS if f"`{name}`" not in page] == []
