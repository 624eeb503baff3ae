"""One model, many people: over a real server with the bundled models."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from rag import wiring
from rag.server import engine
from tests.end_to_end.conftest import ARTICLES, QUESTION
from tests.end_to_end.test_archive_trouble import another_writer
from tests.serving import Served, serving

PLACES = 24
QUEUED = 'newsrag_stage_seconds_sum{stage="queue"}'


@pytest.fixture(scope="module")
def server(index: Path) -> Iterator[Served]:
    # So that none is refused for the time it would likely take, however busy the machine is.
    with serving(index, queue=PLACES, request_seconds=3600) as served:
        yield served


@pytest.fixture
def folder(index: Path, tmp_path: Path) -> Path:
    """An index that a test may change."""
    return shutil.copytree(index, tmp_path / "index")


def start(server: Served, number: int = 0, *, path: str = "/ask", events: bool = True) -> HTTPConnection:
    """Ask without reading the answer. Each question is a new prompt for the model."""
    question = f"{QUESTION[:-1]}, according to report {number}?"
    body: Any = {"question": question}
    if path == "/v1/chat/completions":
        body = {"model": "newsrag", "messages": [{"role": "user", "content": question}], "stream": events}
    connection = server.open()
    headers = {"Content-Type": "application/json", **({"Accept": "text/event-stream"} if events else {})}
    connection.request("POST", path, json.dumps(body), headers)
    return connection


def gauge(server: Served, name: str) -> float:
    for line in server("GET", "/metrics").body.decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.split(" ")[1])
    raise AssertionError(name)


def until(condition: Callable[[], bool], seconds: float) -> float:
    """How long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
    return time.monotonic() - began


def first_sentence(server: Served) -> float:
    """Seconds until the first sentence of a new question is there."""
    connection, began = start(server, time.monotonic_ns()), time.monotonic()
    response = connection.getresponse()
    assert next(line for line in response if line in (b"event: sentence\n", b"event: done\n", b"event: error\n"))
    seconds = time.monotonic() - began
    response.read()
    connection.close()
    return seconds


@pytest.mark.parametrize(
    ("path", "events"),
    [("/ask", True), ("/ask", False), ("/v1/chat/completions", True), ("/v1/chat/completions", False)],
)
def test_twenty_clients_that_vanish_leave_nothing_behind(server: Served, path: str, events: bool) -> None:
    alone = first_sentence(server)
    vanishing = [start(server, number, path=path, events=events) for number in range(20)]
    until(lambda: gauge(server, "newsrag_queue_places") >= 19 and gauge(server, "newsrag_queue_waiting") >= 1, 60)
    for connection in vanishing:
        connection.close()
    until(lambda: gauge(server, "newsrag_queue_places") == 0, 2 + alone)  # 2 seconds, and what a busy machine adds
    assert gauge(server, "newsrag_model_running") == gauge(server, "newsrag_queue_waiting") == 0
    waited = gauge(server, QUEUED)
    first_sentence(server)
    assert gauge(server, QUEUED) - waited < 0.5


def test_a_full_queue_refuses_at_once_and_searching_goes_on(server: Served) -> None:
    waiting = [start(server, number) for number in range(PLACES)]
    until(lambda: gauge(server, "newsrag_queue_places") == PLACES, 60)
    for path, body in (
        ("/ask", {"question": QUESTION}),
        ("/v1/chat/completions", {"model": "newsrag", "messages": [{"role": "user", "content": QUESTION}]}),
    ):
        refused = server("POST", path, body, accept="text/event-stream")
        assert (refused.status, refused.headers["content-type"]) == (503, "application/problem+json")
        assert int(refused.headers["retry-after"]) >= 1
        assert "try again" in refused.json["detail"]
    assert server("GET", "/search?q=bridge").json["hits"]
    assert server("POST", "/ask", {"question": QUESTION, "mode": "quote"}).json["answered"]
    assert gauge(server, "newsrag_model_running") == 1
    assert gauge(server, "newsrag_queue_places") > PLACES // 2  # an answer or two may be done by now
    for connection in waiting:
        connection.close()
    until(lambda: gauge(server, "newsrag_queue_places") == 0, 30)


def test_who_waits_is_told_the_place(server: Served) -> None:
    connections = [start(server, number) for number in range(3)]
    responses = [connection.getresponse() for connection in connections]
    streams = [response.read().decode() for response in responses]
    for connection in connections:
        connection.close()
    places = sorted([json.loads(block.split("data: ")[1])["position"] for block in stream.split("\n\n")
                     if block.startswith("event: queued")] for stream in streams)  # fmt: skip
    assert places == [[], [1], [2, 1]]
    assert all("event: done" in stream for stream in streams)


def test_a_request_has_a_time_limit(index: Path) -> None:
    with serving(index, request_seconds=0.05) as server:
        late = server("POST", "/ask", {"question": QUESTION})
        assert (late.status, late.json["type"]) == (504, "urn:newsrag:problem:timeout")
        asked = {"model": "newsrag", "messages": [{"role": "user", "content": QUESTION}]}
        chat = server("POST", "/v1/chat/completions", asked)
        assert chat.status == 504
        assert chat.json["error"]["code"] == "timeout"
        until(lambda: gauge(server, "newsrag_queue_places") == 0, 30)


def test_a_changed_index_is_used_without_a_restart(folder: Path, tmp_path: Path, rag: Any) -> None:
    file = tmp_path / "new.jsonl"
    otter = {"id": "otter", "title": "Otter", "text": "An otter called Pim moved to Lirien."}
    file.write_text(json.dumps(otter), "utf-8")
    with serving(folder) as server:
        assert server("GET", "/search?q=otter+Pim").json["hits"][0]["article_id"] != "otter"
        assert rag("index", file, "--index", folder).code == 0
        until(lambda: server("GET", "/search?q=otter+Pim").json["hits"][0]["article_id"] == "otter", 30)
        assert gauge(server, "newsrag_index_reloads_total") == 1
        assert server.notices == []


def test_an_index_emptied_is_not_ready_until_it_has_articles_again(folder: Path) -> None:
    with serving(folder) as server:
        for article in ARTICLES:
            assert server("DELETE", f"/articles/{article['id']}").status == 204
        assert server("GET", "/health/ready").status == server("POST", "/ask", {"question": QUESTION}).status == 503
        assert server("GET", "/health/live").status == 200
        assert server("POST", "/articles", ARTICLES[0]).json["added"] == 1
        assert server("GET", "/health/ready").status == 200
        assert server("POST", "/ask", {"question": QUESTION, "mode": "quote"}).json["answered"]


OTTER = {"id": "otter", "title": "Otter", "text": "An otter called Pimborelle moved to Lirien."}


def test_answers_that_wait_hold_no_old_state_and_keep_no_removal_waiting(folder: Path) -> None:
    with serving(folder, request_seconds=3600) as server:
        asked = [start(server, number, events=number % 2 == 0) for number in range(8)]
        until(lambda: gauge(server, "newsrag_queue_waiting") >= 6, 120)
        for number in range(4):
            assert server("POST", "/articles", {**OTTER, "text": f"{OTTER['text']} Twice {number}."}).status == 200
        # The present one, and what the answer that runs and the one that was just begun may still use.
        assert gauge(server, "newsrag_index_states") <= 3
        assert gauge(server, "newsrag_queue_waiting") >= 2
        assert server("DELETE", "/articles/otter").status == 204
        replies = [connection.getresponse() for connection in asked]
        bodies = [reply.read().decode() for reply in replies]
        assert [reply.status for reply in replies] == [200] * 8
        assert all("340" in body and "otter" not in body for body in bodies)
        assert all(body.count("event: done") == 1 for body in bodies[::2])
        until(lambda: gauge(server, "newsrag_index_states") == 1, 30)
        for connection in asked:
            connection.close()


def test_a_change_that_another_program_keeps_waiting_is_a_problem_and_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "WRITER_WAIT_S", 0.2)
    with serving(folder) as server:
        with another_writer(folder):
            replies = [server("DELETE", "/articles/bridge-1"), server("POST", "/articles", OTTER)]
            for reply in replies:
                assert (reply.status, reply.headers["content-type"]) == (503, "application/problem+json")
                assert (reply.json["type"], reply.headers["retry-after"]) == ("urn:newsrag:problem:index_locked", "10")
                assert "nothing was changed" in reply.json["detail"]
            assert server("GET", "/articles/bridge-1").status == 200
        assert server("DELETE", "/articles/bridge-1").status == 204


def test_a_removal_that_another_reader_keeps_waiting_is_finished_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_READERS_WAIT_S", 0.5)
    with serving(folder) as server:
        assert server("POST", "/articles", OTTER).status == 200
        with wiring.open_store(folder) as store, store.snapshot():
            later = server("DELETE", "/articles/otter")
            assert (later.status, later.json["status"]) == (202, "removed")
            assert server("GET", "/articles/otter").status == server("DELETE", "/articles/otter").status == 404
            assert all(hit["article_id"] != "otter" for hit in server("GET", "/search?q=otter+Pimborelle").json["hits"])
            assert gauge(server, "newsrag_removal_unfinished") == 1
            assert words_in_files(folder, b"Pimborelle")
        until(lambda: gauge(server, "newsrag_removal_unfinished") == 0, 60)
        assert not words_in_files(folder, b"Pimborelle")
        assert len([line for line in server.notices if "goes on taking its words" in line]) == 1


def words_in_files(folder: Path, words: bytes) -> bool:
    return any(words in file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_questions_and_changes_at_the_same_time(folder: Path) -> None:
    """Readers never see an error or half a change while articles come and go."""
    seen: list[int] = []
    with serving(folder) as server:
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                reply = server("POST", "/ask", {"question": QUESTION, "mode": "quote"})
                seen.append(reply.status)
                assert "340" in reply.json["answer"]

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        for number in range(4):
            article = {"id": "otter", "title": "Otter", "text": f"An otter moved to Lirien {number} times."}
            assert server("POST", "/articles", article).status == 200
            assert server("DELETE", "/articles/otter").status == 204
        done.set()
        for asker in askers:
            asker.join(60)
    assert set(seen) == {200}
