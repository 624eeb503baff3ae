"""The native API over a real server with the bundled models."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.end_to_end.conftest import ARTICLES, QUESTION, UNANSWERABLE
from tests.serving import Served, serving

NEWCOMER = {
    "id": "https://news.example/otter?page=1",
    "title": "An otter moves into the Lirien canal",
    "text": "An otter named Pim moved into the Lirien canal on Tuesday.",
}


@pytest.fixture(scope="module")
def server(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served") / "index"
    shutil.copytree(index, folder)
    with serving(folder, body_bytes=20_000) as served:
        yield served


def test_a_question_is_answered_with_citations_that_open_the_exact_words(server: Served) -> None:
    reply = server("POST", "/ask", {"question": QUESTION})
    assert reply.status == 200
    answer = reply.json
    assert answer["answered"]
    assert "340" in answer["answer"]
    for citation in answer["citations"]:
        article = server("GET", f"/articles/{quote(citation['article_id'], safe='')}").json
        assert article["text"][citation["start"] : citation["end"]] == citation["quote"]


def test_events_add_up_to_the_same_answer(server: Served) -> None:
    whole = server("POST", "/ask", {"question": QUESTION}).json
    reply = server("POST", "/ask", {"question": QUESTION}, accept="text/event-stream")
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = reply.events
    names = [name for name, _ in events]
    assert names == ["retrieved", *["sentence"] * (len(names) - 2), "done"]
    done = events[-1][1]
    assert done["answer"] == whole["answer"] == " ".join(data["sentence"]["marked"] for _, data in events[1:-1])
    assert done["citations"] == [c for _, data in events[1:-1] for c in data["citations"]]
    assert events[0][1]["evidence"][0]["text"]


def test_a_question_that_no_article_answers_is_refused_with_the_closest_stories(server: Served) -> None:
    answer = server("POST", "/ask", {"question": UNANSWERABLE}).json
    assert not answer["answered"]
    assert answer["refusal"]["closest"]
    assert answer["sentences"] == []


def test_an_answer_explains_itself_where_it_is_asked_to(server: Served) -> None:
    why = server("POST", "/ask", {"question": QUESTION, "explain": True}).json["explain"]
    assert [made["model"] for made in why["answering"]] == ["answerable", "answerable_read"]
    assert why["reader"]["words"]
    assert why["sentences"][0]["citations"] == [1]
    asked = {"question": UNANSWERABLE, "explain": True, "mode": "quote"}
    events = server("POST", "/ask", asked, accept="text/event-stream").events
    assert events[-1][1]["explain"]["answering"][-1]["answers"] is False
    assert "explain" not in server("POST", "/ask", {"question": QUESTION}).json


def test_quote_mode_answers_without_the_model(server: Served) -> None:
    answer = server("POST", "/ask", {"question": QUESTION, "mode": "quote"}).json
    assert answer["model"]["llm"] is None
    assert {s["support"] for s in answer["sentences"]} == {"quoted"}


def test_filters_hold(server: Served) -> None:
    assert not server("POST", "/ask", {"question": QUESTION, "until": "2024"}).json["answered"]
    hits = server("GET", "/search?q=bridge&source=osterlay+echo").json["hits"]
    assert [hit["article_id"] for hit in hits] == ["bridge-1"]


def test_search(server: Served) -> None:
    found = server("GET", "/search?q=golden+loaf&k=2").json
    assert found["query"] == "golden loaf"
    assert found["hits"][0]["article_id"] == "bakery-1"
    assert len(found["hits"]) == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"question": "   "}, "the question is empty"),
        ({"question": "?" * 5}, "the question is empty"),
        ({"question": "storm " * 500}, "shorten it"),
        ({"question": "a storm", "since": "yesterday"}, "YYYY-MM-DD"),
        ({"question": "a storm", "since": "2025", "until": "2024"}, "no article can match"),
        ({"question": "a storm", "source": " "}, "source is empty"),
        ({"question": "a storm", "mode": "guess"}, "mode"),
        ({"question": "a storm", "temperature": 1}, "temperature"),
        ({"question": "a storm", "history": [{"role": "system", "content": "x"}]}, "history.0.role"),
        ({}, "question: Field required"),
        (b"{", "JSON"),
        (b"\xff\xfe", ""),
        ([], ""),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_bad_question_is_a_problem_document(server: Served, body: object, says: str, accept: str) -> None:
    reply = server("POST", "/ask", body, accept=accept, content_type="application/json")
    assert reply.status == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["status"] == 422
    assert says in reply.json["detail"]
    assert reply.json["instance"].endswith(reply.headers["x-request-id"])


def test_articles_are_listed_a_page_at_a_time(server: Served) -> None:
    first = server("GET", "/articles?limit=3").json
    rest = server("GET", f"/articles?limit=3&offset={first['next']}").json
    assert [a["id"] for a in (*first["articles"], *rest["articles"])] == [a["id"] for a in ARTICLES]
    assert (first["total"], rest["next"]) == (4, None)
    assert "text" not in first["articles"][0]
    assert first["articles"][0]["characters"] == len(ARTICLES[0]["text"])
    assert server("GET", "/articles?since=2025-11").json["total"] == 1


def test_an_article_added_is_found_and_one_deleted_is_gone(server: Served) -> None:
    question = {"question": "What is the name of the otter in the Lirien canal?", "mode": "quote"}
    assert not server("POST", "/ask", question).json["answered"]
    report = server("POST", "/articles", NEWCOMER).json
    assert report == {"added": 1, "updated": 0, "unchanged": 0, "ids": [NEWCOMER["id"]], "problems": []}
    assert "Pim" in server("POST", "/ask", question).json["answer"]
    assert server("POST", "/articles", {"articles": [NEWCOMER]}).json["unchanged"] == 1

    place = f"/articles/{quote(NEWCOMER['id'], safe='')}"
    assert server("GET", place).json["text"] == NEWCOMER["text"]
    assert server("DELETE", place).status == 204
    assert not server("POST", "/ask", question).json["answered"]
    assert server("GET", place).status == server("DELETE", place).status == 404


def test_json_lines_are_checked_line_by_line(server: Served) -> None:
    lines = [json.dumps(NEWCOMER), "{", "", json.dumps({"title": "no text"}), "[]"]
    body = "\n".join(lines).encode()
    report = server("POST", "/articles", body, content_type="application/x-ndjson").json
    assert report["added"] == 1
    assert [p["where"] for p in report["problems"]] == ["line 2", "line 4", "line 5"]
    assert server("DELETE", f"/articles/{quote(NEWCOMER['id'], safe='')}").status == 204


@pytest.mark.parametrize(
    ("body", "content_type", "status", "says"),
    [
        (b"", "application/json", 422, "invalid JSON"),
        (b"[]", "application/json", 422, "no article"),
        (b'{"title": "x"}', "application/json", 422, "text is missing"),
        (b'{"title": "x", "text": "y"}', "text/plain", 415, "application/json"),
        (b"x" * 20_001, "application/json", 413, "20000 bytes"),
    ],
)
def test_a_body_without_an_article_is_refused(
    server: Served, body: bytes, content_type: str, status: int, says: str
) -> None:
    reply = server("POST", "/articles", body, content_type=content_type)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
    assert says in reply.json["detail"]


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(server: Served) -> None:
    connection = server.open()
    connection.request(
        "POST", "/articles", body=iter([b" " * 15_000] * 2), headers={"Content-Type": "application/json"}
    )
    assert connection.getresponse().status == 413
    connection.close()


def test_the_page_and_its_files_come_with_a_strict_policy(server: Served) -> None:
    page = server("GET", "/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    script = server("GET", "/static/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert server("GET", "/static/main.js", if_none_match=script.headers["etag"]).status == 304
    for hostile in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "..%5capp.py", ""):
        assert server("GET", f"/static/{hostile}").status == 404


def test_health_and_metrics(server: Served) -> None:
    assert server("GET", "/health/live").status == server("GET", "/health/ready").status == 200
    server("POST", "/ask", {"question": QUESTION})
    text = server("GET", "/metrics").body.decode()
    assert 'newsrag_answers_total{mode="answer",outcome="answered"}' in text
    assert 'newsrag_requests_total{route="/ask",status="200"}' in text
    assert 'newsrag_stage_seconds_count{stage="queue"}' in text
    assert "newsrag_queue_places 0.0" in text


def test_unknown_paths_and_methods_are_problems_too(server: Served) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/ask", 405), ("GET", "/search", 422)):
        reply = server(method, path)
        assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")


def test_the_documentation_needs_nothing_from_elsewhere(server: Served) -> None:
    page = server("GET", "/docs").body.decode()
    assert "/v1/chat/completions" in page
    assert "<script" not in page
    assert "//cdn" not in page
    assert set(server("GET", "/openapi.json").json["paths"]) >= {
        "/ask",
        "/search",
        "/articles",
        "/v1/models",
        "/metrics",
    }
