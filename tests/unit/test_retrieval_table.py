"""The measuring of retrieval: collections, the fit, the table, the archives that cost is measured on."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from rag.errors import UsageError
from rag.evaluation import labelled
from rag.evaluation.labelled import Asked
from rag.evaluation.retrieval_cost import archive
from rag.evaluation.retrieval_table import SIGNALS, Searched, fit, rows
from rag.linear import LinearModel
from rag.retrieval import Ranked


def document(title: str, paragraphs: int) -> dict[str, object]:
    asked = [
        {"id": f"{title}-{n}", "question": f"What is {n}?", "answers": [{"text": f"It is {n}"}] * 2}
        for n in range(paragraphs)
    ]
    absent = {"id": f"{title}-no", "question": "What is not?", "answers": []}
    return {
        "title": title,
        "paragraphs": [{"context": f"{title} {n}. It is {n}.", "qas": [q, absent]} for n, q in enumerate(asked)],
    }


@pytest.fixture
def squad(tmp_path: Path) -> labelled.Collection:
    file = tmp_path / "squad.json"
    file.write_text(json.dumps({"data": [document("B_b", 3), document("A", 7)]}), "utf-8")
    return labelled.squad(file)


def test_every_second_document_is_for_tuning_and_none_for_both(squad: labelled.Collection) -> None:
    tuning, reported = (squad.part(tuning=tuning) for tuning in (True, False))
    assert {a.id.split("-")[0] for a in tuning} == {"A"}
    assert {a.id.split("-")[0] for a in reported} == {"B_b"}
    assert len(tuning) == 7
    assert reported[0] == Asked("B_b-0", "What is 0?", {"B_b/0": "B_b/0"}, ("It is 0",))
    assert {a["title"] for a in squad.articles} == {"A", "B b"}
    some = squad.part(tuning=True, most=3)
    assert len(some) == 3
    assert some == squad.part(tuning=True, most=3)


def test_paragraphs_joined_to_long_articles(squad: labelled.Collection) -> None:
    long = labelled.joined(squad)
    assert [a["id"] for a in long.articles] == ["A/0", "A/5", "B_b/0"]
    assert long.articles[1]["text"] == "A 5. It is 5.\n\nA 6. It is 6."
    assert {a.id: set(a.relevant) for a in long.asked}["A-6"] == {"A/5"}


def test_the_sample_and_its_copies() -> None:
    dev, test = labelled.sample("dev"), labelled.sample("test")
    assert all(a.words and a.relevant and not a.tuning for a in (*dev.asked, *test.asked))
    assert not {a.id for a in dev.asked} & {a.id for a in test.asked}


def test_files_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text('{"id": "a", "title": "T", "text": "X"}\n', "utf-8")
    (tmp_path / "q.jsonl").write_text('{"id": 1, "question": "Q?", "article_id": "a"}\n\n', "utf-8")
    found = labelled.own(tmp_path / "news.jsonl", tmp_path / "q.jsonl")
    assert (found.name, found.asked) == ("news", (Asked("1", "Q?", {"a": "a"}, ()),))
    with pytest.raises(UsageError, match="cannot read"):
        labelled.own(tmp_path / "none.jsonl", tmp_path / "q.jsonl")
    (tmp_path / "cut.json").write_text('{"data": [', "utf-8")
    with pytest.raises(UsageError, match="invalid JSON"):
        labelled.squad(tmp_path / "cut.json")


def searched(number: int, right: int, generator: np.random.Generator) -> Searched:
    """Five articles with random signals; the right one has all its neighbouring terms near each other."""
    first = []
    for key in range(5):
        signals = {name: float(generator.normal()) for name in SIGNALS}
        signals["near"] = float(generator.normal(2.0 if key == right else 0.0))
        first.append(Ranked(key, 0.0, signals, {}, {}))
    views = {name: [(key, -float(key)) for key in range(5)] for name in ("lexical", "lead", "passage")}
    asked = Asked(f"q{number}", "?", {str(right): "right"}, ())
    return Searched(asked, views, first, {key: str(key) for key in range(5)})


def test_the_fit_finds_the_signal_that_tells() -> None:
    generator = np.random.default_rng(2)
    sample = [searched(n, n % 5, generator) for n in range(400)]
    model = fit(sample)
    assert model.weights["near"] == pytest.approx(2.0, abs=0.4)  # the log odds of two normals two apart
    assert all(abs(weight) < 0.4 for name, weight in model.weights.items() if name != "near")
    assert set(fit(sample, ("near", "lead")).weights) == {"near", "lead"}


def test_the_table_says_where_the_right_article_stands() -> None:
    items = [searched(n, right, np.random.default_rng(n)) for n, right in enumerate((0, 2))]
    head, _, *body = rows(items, {"by near": LinearModel(0.0, {"near": 100.0}, 0.5, "by hand")})
    assert head == "| | hit@1 | hit@5 | hit@10 | mrr@10 | ndcg@10 |"
    table = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in body}
    assert table["BM25"][:2] == [".500", "1.000"]
    assert table["BM25"][3] == ".667"  # (1 + 1/3) / 2
    assert set(table) >= {"dense, passages", "standard scores", "reciprocal rank of the three", "by near"}


def test_made_archives_are_whole() -> None:
    for article, passages, vectors in islice(archive(20, 16), 3):
        assert len(passages) == len(vectors["passage"]) == 2
        assert all(article.text[p.start : p.end] == p.text for p in passages)
        assert np.allclose(np.linalg.norm(vectors["passage"], axis=1), 1.0, atol=1e-5)
    assert len(list(archive(20, 16))) == 10
