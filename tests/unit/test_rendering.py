"""The JSON that other people's scripts read: DESIGN section 4, key for key."""

from __future__ import annotations

import json

from rag.rendering import answer_json, error_json, search_json
from rag.types import Answer, AnswerSentence, Article, Citation, Evidence, Hit, Passage, Refusal, Span

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
        "timings_ms": {"retrieve": 41},
        "model": STAMP,
    }
    json.dumps(answer_json(answer))


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


def test_an_error_keeps_what_names_its_line() -> None:
    assert error_json("no question", {"id": 7}) == {"id": 7, "error": "no question"}
    assert error_json("no question") == {"error": "no question"}
