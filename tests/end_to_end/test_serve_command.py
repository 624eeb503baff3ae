"""`rag serve` as a process of its own: how it starts, stops and dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.load_server import GONE, killed
from tests.end_to_end.conftest import QUESTION, UNANSWERABLE, Run

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def process(index: Path, *options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running server and its address."""
    command = [sys.executable, "-m", "rag", "serve", "--index", str(index), "--port", "0", *options]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables) as started:
        try:
            assert started.stderr
            line = started.stderr.readline()
            assert " at http://127.0.0.1:" in line, line
            yield started, line.split(" at ")[1].split(" ")[0].strip()
        finally:
            started.kill()


def call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": "application/json"})) as reply:
        return json.load(reply)


def test_it_serves_logs_json_lines_and_stops_when_told(index: Path, tmp_path: Path) -> None:
    config = tmp_path / "server.toml"
    config.write_text("rate_per_minute = 0\nqueue = 3\n")
    with process(index, "--config", str(config)) as (server, url):
        assert call(f"{url}/ask", {"question": QUESTION, "mode": "quote"})["answered"]
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=60)
    assert out == ""
    lines = [json.loads(line) for line in err.splitlines()]
    assert [(line["route"], line["status"]) for line in lines if line["message"] == "request"] == [("/ask", 200)]
    assert server.returncode == 0


def test_while_it_starts_it_lives_and_asks_to_come_back(index: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "rag", "serve", "--index", str(index), "--port", str(port)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "NEWSRAG_SERVER_LOG": "off"}

    def status(path: str, body: Any = None) -> tuple[int, str | None]:
        try:
            call(f"http://127.0.0.1:{port}{path}", body)
        except urllib.error.HTTPError as refused:
            return refused.code, f"{json.load(refused)['type']} {refused.headers['Retry-After']}"
        except urllib.error.URLError:
            return 0, None
        return 200, None

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=variables) as server:
        try:
            while status("/health/live") == (0, None):
                assert server.poll() is None
                time.sleep(0.01)
            refused = (503, "urn:newsrag:problem:not_ready 10")
            assert status("/health/ready") == refused
            question = {"question": QUESTION, "mode": "quote"}
            chat = {"model": "newsrag", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
            assert status("/ask", question) == status("/v1/chat/completions", chat) == refused
            assert status("/search?q=bridge") == status("/articles", {"title": "A", "text": "B"}) == refused
            assert status("/health/live") == (200, None)
            assert server.stderr
            assert " at http://" in server.stderr.readline()
            assert status("/health/ready") == status("/ask", question) == (200, None)
        finally:
            server.kill()


def test_killed_while_it_writes_it_leaves_a_whole_index(index: Path, tmp_path: Path, rag: Run) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    with process(folder) as (server, url):
        articles = [
            {"title": f"Report {i}", "text": f"Report {i} says that {i} otters live in Lirien."} for i in range(300)
        ]
        data = json.dumps({"articles": articles}).encode()
        request = urllib.request.Request(f"{url}/articles", data, {"Content-Type": "application/json"})
        writing = subprocess.Popen(
            [sys.executable, "-c", "import sys, urllib.request; urllib.request.urlopen(urllib.request.Request("
             "sys.argv[1], sys.stdin.buffer.read(), {'Content-Type': 'application/json'}))", request.full_url],
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert writing.stdin
        writing.stdin.write(data)
        writing.stdin.close()
        while count(folder) <= 4:
            assert writing.poll() is None
            time.sleep(0.05)
        server.kill()
        server.wait(30)
        assert writing.wait(30) != 0
    assert 4 < count(folder) < 304
    assert rag("status", "--check", "--index", folder).code in (0, 4)
    assert rag("ask", QUESTION, "--mode", "quote", "--index", folder).code == 0
    assert rag("status", "--check", "--index", folder).code == 0


def test_clients_of_a_killed_server_get_clean_errors_until_the_next_one_runs(index: Path, tmp_path: Path) -> None:
    """A smaller form of tests/benchmarks/load_server.py."""
    folder = shutil.copytree(index, tmp_path / "index")
    load = killed(folder, [QUESTION, UNANSWERABLE], clients=4, seconds=4, kinds="search quote")
    outcomes = {outcome for _, outcome in load.outcomes}
    assert load.odd(*GONE) == set()
    assert "200" in outcomes
    assert outcomes & set(GONE)


def count(folder: Path) -> int:
    connection = sqlite3.connect(folder / "articles.sqlite")
    try:
        return int(connection.execute("SELECT count(*) FROM articles").fetchone()[0])
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--index", "nowhere"), 3, "no index in nowhere"),
        (("--port", "70000"), 2, "port"),
        (("--host", "not a host"), 2, "cannot listen"),
        (("--config", "nowhere.toml"), 2, "cannot read nowhere.toml"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(
    rag: Run, index: Path, empty_folder: Path, options: tuple[str, ...], code: int, says: str
) -> None:
    more = () if "--index" in options else ("--index", index)
    failed = rag("serve", *options, *more)
    assert (failed.code, failed.out, failed.err.count("\n")) == (code, "", 1)
    assert says in failed.err


def test_a_port_in_use_is_one_line_too(rag: Run, index: Path) -> None:
    with process(index) as (_, url):
        failed = rag("serve", "--index", index, "--port", url.rpartition(":")[2])
    assert failed.code == 2
    assert "Address already in use" in failed.err


@pytest.mark.parametrize(
    ("file", "environment", "says"),
    [
        ("queue = 0", {}, "setting queue"),
        ("qeue = 1", {}, "setting qeue: there is none of this name; the nearest is queue"),
        ("queue =", {}, "is not TOML"),
        ("", {"NEWSRAG_SERVER_QUEUE": "many"}, "environment variable NEWSRAG_SERVER_QUEUE"),
        ("", {"NEWSRAG_SERVER_CORS_ORIGINS": "["}, "NEWSRAG_SERVER_"),
    ],
)
def test_a_bad_setting_is_named(
    rag: Run, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, environment: Any, says: str
) -> None:
    config = tmp_path / "server.toml"
    config.write_text(file)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    failed = rag("serve", "--index", index, "--config", config)
    assert (failed.code, failed.err.count("\n")) == (2, 1)
    assert says in failed.err
