"""Readers of other people's sets, on tiny hand-made files in each format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import UsageError
from rag.evaluation.outside import FORMATS, OutsideSet, load_outside
from rag.evaluation.questions import Corpus, Question, match
from rag.types import Article

FLOOD = "The river rose at night. Nineteen people died in Marrowby. The mayor wept."
STORM = "A storm crossed the islands. Five boats sank."
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, *rows: Any, lines: bool = True) -> Path:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        text = "".join(json.dumps(row) + "\n" for row in rows) if lines else json.dumps(rows[0])
        file.write_text(text, "utf-8")
        return file

    return write_file


def read(form: str, file: Path) -> tuple[OutsideSet, dict[str, Question], Corpus]:
    """The set, its questions by id, and the set held against its own passages."""
    found = load_outside(form, file)
    questions = found.question_set()
    articles = [Article(r["id"], r["title"], r["text"]) for r in found.passages.values()]
    return found, {q.id: q for q in questions.questions}, match(questions, questions.questions, articles)


def squad(start: int = 25) -> dict[str, Any]:
    asked = [
        {"id": "a", "question": "How many died?", "answers": [{"text": "Nineteen", "answer_start": start}]},
        {"id": "b", "question": "Who built the dam?", "answers": [], "is_impossible": True},
    ]
    return {"data": [{"title": "Marrowby_flood", "paragraphs": [{"context": FLOOD, "qas": asked}]}]}


def test_squad(write: Write) -> None:
    found, questions, corpus = read("squad", write("squad.json", squad(), lines=False))
    [passage] = found.passages.values()
    assert (passage["title"], passage["text"]) == ("Marrowby flood", FLOOD)
    assert questions["a"].answers == ("Nineteen",)
    assert questions["a"].support[0].quote == "Nineteen people died in Marrowby."
    assert corpus.relevant(questions["a"]) == {"Marrowby_flood/0": "Marrowby_flood/0"}
    assert questions["a"].expected.answerable
    assert not questions["b"].expected.answerable


def test_a_planted_wrong_offset_is_found(write: Write) -> None:
    with pytest.raises(UsageError, match="question a: the answer does not stand at 24"):
        load_outside("squad", write("squad.json", squad(24), lines=False))


def test_clapnq(write: Write) -> None:
    passage = {"title": "Flood", "text": FLOOD, "sentences": []}
    chosen = ["Nineteen people died in Marrowby ."]  # tokenised apart: not the passage's own words
    answered = {"answer": "Nineteen.", "selected_sentences": ["The mayor wept.", *chosen]}
    write("set/yes.jsonl", {"id": 1, "input": "what happened", "passages": [passage], "output": [answered]})
    refused = {"answer": "", "selected_sentences": []}
    file = write("set/no.jsonl", {"id": 2, "input": "who won", "passages": [passage], "output": [refused]})
    found, questions, corpus = read("clapnq", file.parent)
    assert len(found.passages) == 1
    assert [s.quote for s in questions["1"].support] == ["The mayor wept."]
    assert len(corpus.relevant(questions["1"])) == 1
    assert questions["1"].answers == ()
    assert not questions["2"].expected.answerable


def test_rgb(write: Write) -> None:
    one = {"id": 0, "query": "How many died?", "answer": ["19", "nineteen"], "positive": [FLOOD], "negative": [STORM]}
    two = {
        "id": 1,
        "query": "How many died and how many boats sank?",
        "answer": [["19", "nineteen"], ["five", "5"]],
        "positive": [[FLOOD], [STORM]],
        "negative": ["Nothing happened."],
    }
    found, questions, corpus = read("rgb", write("en_int.json", one, two))
    assert {p["text"] for p in found.passages.values()} == {FLOOD, STORM, "Nothing happened."}
    assert found.passages[next(iter(corpus.relevant(questions["0"])))]["title"].startswith("The river rose")
    assert (questions["0"].kind, questions["0"].answers) == ("other", ("19", "nineteen"))
    assert (questions["1"].kind, questions["1"].answers) == ("list", ("19", "five"))
    assert len(corpus.relevant(questions["1"])) == 2


def test_multihop_rag(write: Write) -> None:
    news = [
        {"title": "Flood", "body": FLOOD, "source": "The Courier", "published_at": "2023-11-01", "url": "https://a.example/1"},
        {"title": "Storm", "body": STORM, "source": "The Post", "published_at": "2023-11-02", "url": "https://a.example/2"},
    ]  # fmt: skip
    evidence = [
        {"title": "Flood", "fact": "Nineteen people died in Marrowby."},
        {"title": "Storm", "fact": "Words that the article lacks."},
    ]
    asked = [
        {"query": "Did both do harm?", "answer": "Yes", "question_type": "comparison_query", "evidence_list": evidence},
        {"query": "Who?", "answer": "Insufficient information.", "question_type": "null_query", "evidence_list": []},
    ]
    write("corpus.json", news, lines=False)
    file = write("MultiHopRAG.json", asked, lines=False)
    found, questions, corpus = read("multihop-rag", file.parent)
    assert [p["source"] for p in found.passages.values()] == ["The Courier", "The Post"]
    first = questions["multihop-0"]
    assert (first.kind, first.answers) == ("yes_no", ("yes",))
    assert [s.quote for s in first.support] == ["Nineteen people died in Marrowby."]
    assert len(corpus.relevant(first)) == 2
    assert not questions["multihop-1"].expected.answerable


def test_realtimeqa(write: Write) -> None:
    rows = [
        {"question_id": "w_0", "question_sentence": "Which town?", "choices": ["Pell", "Marrowby"], "answer": ["1"]},
        {"question_id": "w_1", "question_sentence": "Who?", "choices": ["A", "None of the above"], "answer": ["1"]},
    ]
    file = write("20231101_qa.jsonl", *rows)
    result = {"title": "Flood", "text": FLOOD, "url": "https://a.example/1", "publish_date": "2023/11/01"}
    write("20231101_gcs.jsonl", {"question_id": "w_0", "search_result": [result, {"title": "", "text": ""}]})
    for where in (file, file.parent):
        found, questions, _ = read("realtimeqa", where)
        [passage] = found.passages.values()
        assert passage["published"] == "2023-11-01"
        assert questions["w_0"].answers == ("Marrowby",)
        assert questions["w_0"].expected.checkable
        assert not questions["w_1"].expected.answerable


def test_beir(write: Write) -> None:
    write("queries.jsonl", {"_id": "q1", "text": "flood deaths"}, {"_id": "q2", "text": "not judged"})
    file = write("corpus.jsonl", {"_id": "d1", "title": "", "text": FLOOD}, {"_id": "d2", "title": "S", "text": STORM})
    with pytest.raises(UsageError, match=r"has no qrels/test\.tsv"):
        load_outside("beir", file.parent)
    (file.parent / "qrels").mkdir()
    judged = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq1\tgone\t1\n"
    (file.parent / "qrels" / "test.tsv").write_text(judged, "utf-8")
    _, questions, corpus = read("beir", file.parent)
    assert list(questions) == ["q1"]
    assert corpus.relevant(questions["q1"]) == {"d1": "d1"}
    assert questions["q1"].expected.answerable
    assert not questions["q1"].expected.checkable


def test_copies_in_a_beir_corpus_are_one_document(write: Write) -> None:
    write("queries.jsonl", {"_id": 1, "text": "flood deaths"})
    file = write("corpus.jsonl", {"_id": "d1", "text": FLOOD}, {"_id": "d2", "text": FLOOD})
    (file.parent / "qrels").mkdir()
    (file.parent / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\td2\t1\n", "utf-8")
    _, questions, corpus = read("beir", file.parent)
    assert corpus.relevant(questions["1"]) == {"d1": "d1"}


def test_words_are_found_in_the_form_in_which_the_index_keeps_them(write: Write) -> None:
    text = "Ou\u0301 est le cafe\u0301\u200b?\r\nA\u0300 Pellan."
    _, questions, _ = read(
        "jsonl", write("set.jsonl", {"question": "Where?", "answers": ["A\u0300 Pellan"], "context": text})
    )
    assert questions["line-1"].articles
    squad = {
        "data": [
            {
                "title": "",
                "paragraphs": [
                    {
                        "context": text,
                        "qas": [
                            {
                                "id": "a",
                                "question": "Where?",
                                "answers": [{"text": "Pellan", "answer_start": text.index("Pellan")}],
                            }
                        ],
                    }
                ],
            }
        ]
    }
    _, questions, _ = read("squad", write("squad.json", squad, lines=False))
    assert questions["a"].support[0].quote.endswith("À Pellan.")


def test_plain_json_lines(write: Write) -> None:
    rows = [
        {"question": "How many died?", "answers": ["Nineteen", "19"], "context": FLOOD},
        {"id": "x", "question": "What sank?", "answer": "boats", "documents": [{"title": "S", "text": STORM}, FLOOD]},
        {"question": "Who won?", "answers": []},
    ]
    found, questions, corpus = read("jsonl", write("set.jsonl", *rows))
    assert list(questions) == ["line-1", "x", "line-3"]
    assert [found.passages[p]["text"] for p in corpus.relevant(questions["line-1"])] == [FLOOD]
    assert [found.passages[p]["title"] for p in corpus.relevant(questions["x"])] == ["S"]
    assert not questions["line-3"].expected.answerable


@pytest.mark.parametrize("form", [f for f in FORMATS if f != "newsrag"])
@pytest.mark.parametrize("content", ["", "[1]", '{"data": 3}', "{", '{"question": 1}\n', "\xff"])
def test_another_format_is_one_line_of_explanation(tmp_path: Path, form: str, content: str) -> None:
    for name in ("set.json", "corpus.json", "corpus.jsonl", "queries.jsonl", "MultiHopRAG.json"):
        (tmp_path / name).write_text(content, "latin-1")
    for where in (tmp_path / "set.json", tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError) as caught:
            load_outside(form, where).question_set()
        assert "\n" not in str(caught.value)


def test_the_digest_follows_the_content(write: Write) -> None:
    row = {"question": "How many died?", "answers": ["19"], "context": FLOOD}
    one, two = (load_outside("jsonl", write(name, row)).question_set() for name in ("a.jsonl", "b.jsonl"))
    assert one.digest == two.digest
    other = load_outside("jsonl", write("c.jsonl", row | {"context": STORM})).question_set()
    assert other.digest != one.digest


def test_an_id_twice_is_refused(write: Write) -> None:
    row = {"id": "x", "question": "How many died?", "answers": ["19"], "context": FLOOD}
    with pytest.raises(UsageError, match="two questions of one id"):
        load_outside("jsonl", write("set.jsonl", row, row)).question_set()
