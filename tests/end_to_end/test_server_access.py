"""Keys, scopes, limits: over a real server, with a key file that the real commands write."""

from __future__ import annotations

import hmac
import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rag.server import keys
from rag.server.observing import JsonLines
from tests.end_to_end.conftest import QUESTION, Run
from tests.serving import Served, serving

ARTICLE = {"title": "A gate opens in Lirien", "text": "A new gate opened in Lirien on Friday."}
REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/ask", {"question": QUESTION, "mode": "quote"}),
    ("POST", "/v1/chat/completions", {"model": "newsrag-quote", "messages": [{"role": "user", "content": QUESTION}]}),
    ("GET", "/v1/models", None),
    ("GET", "/search?q=bridge", None),
    ("GET", "/articles", None),
    ("GET", "/articles/bridge-1", None),
    ("POST", "/articles", ARTICLE),
    ("DELETE", "/articles/bridge-1", None),
    ("GET", "/eval/reports", None),
    ("GET", "/eval/parts/20260101T000000000000Z-dev-quote", None),
    ("GET", "/metrics", None),
    ("GET", "/nothing/here", None),
]


class Guarded(NamedTuple):
    server: Served
    folder: Path
    tokens: dict[str, str]

    def __call__(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Any:
        if key:
            headers["authorization"] = f"Bearer {self.tokens.get(key, key)}"
        return self.server(method, path, body, **headers)


@pytest.fixture(scope="module")
def guarded(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A server that anybody in the network can reach, with a key of each scope and a revoked one."""
    folder = tmp_path_factory.mktemp("guarded") / "index"
    shutil.copytree(index, folder)
    ring = keys.KeyRing(folder / keys.KEYS_FILE)
    made: dict[str, tuple[keys.Key, str]] = {scope: ring.add(scope, scope) for scope in keys.SCOPES}
    made["revoked"] = ring.add("gone", "admin")
    ring.revoke(made["revoked"][0].id)
    with serving(folder, host="0.0.0.0") as server:
        yield Guarded(server, folder, {name: token for name, (_, token) in made.items()})


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
@pytest.mark.parametrize("key", [None, "revoked", "wrong", "newsrag_x", "newsrag_00000000_", "é"])
def test_without_a_good_key_nothing_is_said(
    guarded: Guarded, method: str, path: str, body: Any, key: str | None
) -> None:
    headers = {"x_api_key": key.encode().decode("latin-1")} if key == "é" else {}
    reply = guarded(method, path, body, key=None if headers else key, **headers)
    assert reply.status == 401
    assert reply.headers["www-authenticate"] == "Bearer"
    told = reply.json
    told.pop("instance")
    told.pop("error", None)
    assert told == {
        "type": "urn:newsrag:problem:invalid_api_key",
        "title": "Unauthorized",
        "status": 401,
        "detail": "an API key is needed: send it as `Authorization: Bearer KEY`",
    }


def test_a_key_with_another_secret_is_refused(guarded: Guarded) -> None:
    token = guarded.tokens["admin"]
    assert guarded("GET", "/articles", key=token).status == 200
    assert guarded("GET", "/articles", key=token[:-1]).status == 401
    assert guarded("GET", "/articles", key=f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}").status == 401


@pytest.mark.parametrize(
    ("key", "method", "path", "status"),
    [
        ("read", "GET", "/articles", 200),
        ("read", "POST", "/articles", 403),
        ("read", "DELETE", "/articles/nope", 403),
        ("read", "GET", "/metrics", 403),
        ("read", "PUT", "/articles/nope", 403),
        ("write", "GET", "/articles", 200),
        ("write", "POST", "/articles", 200),
        ("write", "DELETE", "/articles/nope", 404),
        ("write", "GET", "/metrics", 403),
        ("admin", "POST", "/articles", 200),
        ("admin", "GET", "/metrics", 200),
    ],
)
def test_scopes(guarded: Guarded, key: str, method: str, path: str, status: int) -> None:
    assert guarded(method, path, ARTICLE if method == "POST" else None, key=key).status == status


def test_a_key_may_come_in_its_own_header(guarded: Guarded) -> None:
    assert guarded("GET", "/articles", x_api_key=guarded.tokens["read"]).status == 200


def test_the_page_and_the_health_checks_need_no_key(guarded: Guarded) -> None:
    for path in ("/", "/static/main.js", "/health/live", "/health/ready", "/docs", "/openapi.json"):
        assert guarded("GET", path).status == 200


def test_a_key_revoked_while_the_server_runs_is_refused_at_once(guarded: Guarded, rag: Run) -> None:
    made = rag("keys", "add", "a feed", "--scope", "write", "--index", guarded.folder)
    token = made.out.strip()
    assert guarded("GET", "/articles", key=token).status == 200
    assert rag("keys", "revoke", token.split("_")[1], "--index", guarded.folder).code == 0
    assert guarded("GET", "/articles", key=token).status == 401


def test_a_key_file_that_is_broken_or_gone_opens_nothing(guarded: Guarded) -> None:
    file = guarded.folder / keys.KEYS_FILE
    whole = file.read_bytes()
    try:
        file.write_bytes(b"{")
        assert guarded("GET", "/articles", key="admin").status == 500
        file.unlink()
        assert guarded("GET", "/articles", key="admin").status == 401
        assert guarded("GET", "/articles").status == 401
    finally:
        file.write_bytes(whole)
    assert guarded("GET", "/articles", key="admin").status == 200


def test_keys_are_compared_in_constant_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every token, known or not, goes through exactly one constant-time comparison of two digests."""
    compared: list[tuple[str, str]] = []
    original = hmac.compare_digest

    def compare(a: str, b: str) -> bool:
        compared.append((a, b))
        return original(a, b)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    ring = keys.KeyRing(tmp_path / "keys.json")
    key, token = ring.add("one", "read")
    ring.revoke(ring.add("two", "read")[0].id)
    tokens = [token, f"newsrag_{key.id}_wrong", "newsrag_00000000_wrong", "", "x" * 10_000]
    assert [ring.check(t) is not None for t in tokens] == [True, False, False, False, False]
    assert len(compared) == len(tokens)
    assert all(len(a) == len(b) == 64 for a, b in compared)


def test_the_file_holds_no_secret_and_is_for_its_owner_only(tmp_path: Path) -> None:
    ring = keys.KeyRing(tmp_path / "keys.json")
    _, token = ring.add("one", "read")
    assert token.split("_", 2)[2] not in ring.path.read_text("utf-8")
    assert ring.path.stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


def test_the_commands(rag: Run, index: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    made = rag("keys", "add", "the desk", "--index", folder)
    assert made.code == 0
    assert made.out.startswith("newsrag_")
    assert made.out.count("\n") == 1
    listed = rag("keys", "list", "--json", "--index", folder)
    (line,) = listed.lines
    assert (line["name"], line["scope"], line["revoked"]) == ("the desk", "read", None)
    assert "sha256" not in line
    assert rag("keys", "revoke", line["id"], "--index", folder).code == 0
    assert "revoked" in rag("keys", "list", "--index", folder).out
    assert rag("keys", "revoke", "nope", "--index", folder).code == 2
    assert rag("keys", "add", " ", "--index", folder).code == 2
    assert rag("keys", "add", "x", "--scope", "all", "--index", folder).code == 2
    assert rag("keys", "add", "x", "--index", tmp_path / "nowhere").code == 3
    (folder / keys.KEYS_FILE).write_text("[]")
    assert rag("keys", "list", "--index", folder).code == 4


@pytest.mark.parametrize("revoked", [False, True])
def test_beyond_this_machine_only_with_keys(rag: Run, index: Path, tmp_path: Path, revoked: bool) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    if revoked:
        ring = keys.KeyRing(folder / keys.KEYS_FILE)
        ring.revoke(ring.add("one", "read")[0].id)
    refused = rag("serve", "--host", "0.0.0.0", "--port", 0, "--index", folder)
    assert (refused.code, refused.out) == (2, "")
    assert "rag keys add" in refused.err
    assert refused.err.count("\n") == 1


@pytest.fixture(scope="module")
def open_server(index: Path) -> Iterator[Served]:
    with serving(index, allowed_hosts=("desk.example",), cors_origins=("https://tool.example",)) as server:
        yield server


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:8000"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "desk.example"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": "[bad"}, 421),
        ({"host": "localhost", "origin": "http://localhost"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[bad"}, 403),
        ({"origin": "http://localhost:1"}, 403),
        ({"origin": "https://tool.example"}, 200),
    ],
)
def test_without_keys_no_other_site_gets_in(open_server: Served, headers: dict[str, str], status: int) -> None:
    assert open_server("GET", "/search?q=bridge", **headers).status == status


def test_cross_origin_requests_are_allowed_to_the_named_origins_only(open_server: Served) -> None:
    def preflight(origin: str) -> Any:
        return open_server("OPTIONS", "/ask", origin=origin, access_control_request_method="POST")

    assert preflight("https://tool.example").headers["access-control-allow-origin"] == "https://tool.example"
    assert "access-control-allow-origin" not in preflight("https://evil.example").headers
    refused = open_server("GET", "/articles/nope", origin="https://tool.example")
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (404, "https://tool.example")


def test_a_client_that_asks_too_often_is_told_when_to_come_back(index: Path) -> None:
    with serving(index, rate_per_minute=6, rate_burst=3) as server:
        replies = [server("GET", "/v1/models") for _ in range(4)]
        assert [r.status for r in replies] == [200, 200, 200, 429]
        assert 1 <= int(replies[-1].headers["retry-after"]) <= 10
        assert server("GET", "/health/live").status == 200


def test_the_log_holds_no_question_no_article_and_no_key(
    index: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    _, token = keys.KeyRing(folder / keys.KEYS_FILE).add("desk", "admin")
    caplog.set_level(logging.INFO, "newsrag.server")
    with serving(folder) as server:
        for method, path, body in REQUESTS:
            server(method, path, body, authorization=f"Bearer {token}", x_request_id="my-request")
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "newsrag.server"]
    assert len(lines) == len(REQUESTS)
    assert all(line["request_id"] == "my-request" and line["client"].startswith("key ") for line in lines)
    assert {line["route"] for line in lines} >= {"/ask", "/search", "/articles/{article_id:path}", "none"}
    text = json.dumps(lines).lower()
    for secret in (token, "tarva", "bridge", "gate", "340"):
        assert secret not in text


def test_questions_are_logged_where_that_is_asked_for(index: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "newsrag.server")
    with serving(index, log_content=True) as server:
        server("POST", "/ask", {"question": QUESTION, "mode": "quote"})
    assert QUESTION in [getattr(record, "question", None) for record in caplog.records]
