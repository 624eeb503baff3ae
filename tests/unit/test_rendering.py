"""The JSON that other people's scripts read: DESIGN section 4, key for key."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

from rag.rendering import answer_json, answer_of, error_json, search_json
from rag.types import (
    Answer,
    AnswerSentence,
    Article,
    Citation,
    Evidence,
    Filters,
    Hit,
    Passage,
    Refusal,
    SearchNotes,
    Span,
)

ARTICLE = Article(
    "ferry", "Ferry sinks", "The ferry sank.", "https://x.example/1", "Courier", "2025-03-08", ("A. B.",), "en"
)
CITATION = Citation.of(Evidence(ARTICLE, Span(4, 9), 1.0, copies=2), 1)
STAMP = {"llm": "m", "embedder": "e", "settings": "abc"}
CITED = {
    "number": 1,
    "article_id": "ferry",
    "title": "Ferry sinks",
    "source": "Courier",
    "url": "https://x.example/1",
    "published": "2025-03-08",
    "start": 4,
    "end": 9,
    "quote": "ferry",
    "speaker": None,
    "copies": 2,
    "version": 1,
    "copy_outlets": [],
    "independent_outlets": [],
    "correction": None,
}


def test_an_answer() -> None:
    sentence = AnswerSentence("It sank.", (1,), "verified", 0.97)
    answer = Answer("What sank?", True, "It sank [1].", (sentence,), (CITATION,), None, {"retrieve": 41}, STAMP)
    assert answer_json(answer) == {
        "question": "What sank?",
        "standalone_question": None,
        "answered": True,
        "refusal": None,
        "answer": "It sank [1].",
        "sentences": [{"text": "It sank.", "citations": [1], "support": "verified", "score": 0.97}],
        "citations": [CITED],
        "disagreements": [],
        "confidence": None,
        "unsure": False,
        "timings_ms": {"retrieve": 41},
        "model": STAMP,
    }
    json.dumps(answer_json(answer))
    doubted = replace(answer, confidence=0.52, unsure=True)
    again = answer_of(answer_json(doubted))
    assert (again.confidence, again.unsure) == (0.52, True)
    older = {k: v for k, v in answer_json(doubted).items() if k not in ("confidence", "unsure")}
    assert (answer_of(older).confidence, answer_of(older).unsure) == (None, False)


def test_a_refusal() -> None:
    answer = Answer("Who?", False, "No.", (), (), Refusal("not_in_corpus", (CITATION,)), {}, STAMP)
    rendered = answer_json(answer)
    assert rendered["answered"] is False
    assert rendered["refusal"] == {"reason": "not_in_corpus", "closest": [CITED]}
    assert rendered["sentences"] == rendered["citations"] == []


def test_a_search() -> None:
    passage = Passage("ferry", 0, 0, 15, ARTICLE.text, (Span(0, 15),))
    assert search_json("ferry", [Hit(1, ARTICLE, passage, 1.23456, {"lead": 0.5}, copies=4)]) == {
        "query": "ferry",
        "hits": [
            {
                "article_id": "ferry",
                "title": "Ferry sinks",
                "source": "Courier",
                "url": "https://x.example/1",
                "published": "2025-03-08",
                "start": 0,
                "end": 15,
                "text": "The ferry sank.",
                "score": 1.2346,
                "copies": 4,
            }
        ],
    }


def test_a_search_that_explains_itself() -> None:
    passage = Passage("ferry", 0, 0, 15, ARTICLE.text, (Span(0, 15),))
    hit = Hit(1, ARTICLE, passage, 3.0, {"lead": 0.51234567}, ranks={"lead": 2}, parts={"lead": 1.0, "near": 2.0})
    notes = SearchNotes(
        Filters(since=date(2025, 3, 1), source="Courier"), 12, 3, date(2025, 3, 12), ("before May",),
        ((None, date(2024, 4, 30)),), latest=True,
    )  # fmt: skip
    found = search_json("ferry", [hit], notes)
    assert list(found) == ["query", "explain", "hits"]
    assert found["explain"] == {
        "filters": {"since": "2025-03-01", "until": None, "source": "Courier"},
        "articles_searched": 12,
        "left_out_without_date": 3,
        "today": "2025-03-12",
        "dates": {"words": ["before May"], "periods": [{"first": None, "last": "2024-04-30"}]},
        "asks_for_latest": True,
    }
    assert found["hits"][0]["explain"] == {
        "views": {"lead": {"rank": 2, "score": 0.5123}},
        "score_parts": {"lead": 1.0, "near": 2.0},
    }
    json.dumps(found)


def test_an_error_keeps_what_names_its_line() -> None:
    assert error_json("no question", {"id": 7}) == {"id": 7, "error": "no question"}
    assert error_json("no question") == {"error": "no question"}
