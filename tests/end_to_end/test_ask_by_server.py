"""`rag ask` by a running `rag serve` of the same index: the same words, the same exit codes, and nothing loaded."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.errors import BackendError
from rag.rendering import answer_json, answer_of
from rag.server import local
from rag.server.keys import KEYS_FILE, KeyRing
from rag.settings import Settings
from rag.types import Filters
from tests.end_to_end.conftest import ARTICLES, QUESTION, UNANSWERABLE, Run
from tests.end_to_end.test_serve_command import process

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"faiss", "llama_cpp", "numpy", "openvino", "sqlite3", "tokenizers", "torch", "transformers"}
WITHOUT_DATE = {"id": "ferry-1", "title": "The ferry of Ostry", "text": "The ferry of Ostry carries 80 people."}


@pytest.fixture(scope="module")
def folder(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(index, tmp_path_factory.mktemp("asked") / "index")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    """A server that asks everybody for a key."""
    _, token = KeyRing(folder / KEYS_FILE).add("the desk", "write")
    with process(folder, "--index", str(folder)) as (_, url):
        call_with_key(url, token)
        yield url


def call_with_key(url: str, token: str) -> None:
    """Add an article without a date."""
    import urllib.request

    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/articles", json.dumps(WITHOUT_DATE).encode(), headers)):
        pass


def ask(*arguments: str) -> tuple[int, str, str, set[str]]:
    """Exit code, both streams, and the heavy modules that a real `rag ask` loads."""
    code = (
        "import sys; from rag import cli; code = cli.main(['ask', *sys.argv[1:]]); "
        "print(code, *{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    *said, last = run.stderr.splitlines()
    code, *modules = last.split()
    return int(code), run.stdout, "\n".join(said), set(modules) & HEAVY


def without_times(out: str) -> str:
    return re.sub(r'"timings_ms": \{[^}]*\}', "", out)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    "arguments",
    [
        (QUESTION,),
        (QUESTION, "--mode", "quote"),
        (QUESTION, "--json"),
        (QUESTION, "--since", "2025-01", "--until", "2025-06", "--source", "The Ansel Courier"),
        (QUESTION, "--until", "2024"),
        (UNANSWERABLE,),
        (UNANSWERABLE, "--json"),
        ("Who said \u2028 what in \x1b[31m Quillon?", "--mode", "quote"),
    ],
)
def test_the_server_answers_and_nobody_could_tell(folder: Path, arguments: tuple[str, ...]) -> None:
    code, out, said, loaded = ask(*arguments, "--index", str(folder))
    assert loaded == set()
    alone = ask(*arguments, "--index", str(folder), "--no-server")
    assert (code, without_times(out), said) == (alone[0], without_times(alone[1]), alone[2])
    assert alone[3]


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("--no-server",), {}),
        (("--no-adapter", "--mode", "quote"), {}),
        ((), {"NEWSRAG_QUOTED_SENTENCES": "1"}),
    ],
)
def test_with_other_settings_it_answers_itself(
    folder: Path, arguments: tuple[str, ...], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code, _, _, loaded = ask(QUESTION, *arguments, "--index", str(folder))
    assert code == 0
    assert "openvino" in loaded


def test_an_index_changed_by_another_is_asked_as_it_is(server: str, folder: Path, rag: Run, tmp_path: Path) -> None:
    question = ("What is the name of the otter in the Lirien canal?", "--mode", "quote", "--index", str(folder))
    assert ask(*question)[0] == 1
    file = tmp_path / "new.jsonl"
    file.write_text(json.dumps({"title": "Otter", "text": "An otter named Pim lives in the Lirien canal."}), "utf-8")
    assert rag("index", file, "--index", folder).code == 0
    code, out, _, loaded = ask(*question)
    assert (code, loaded) == (0, set())
    assert "Pim" in out


def test_the_file_is_the_owners_and_its_token_opens_reading_alone(server: str, folder: Path) -> None:
    file = folder / local.FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    place = local.find(folder, Settings.load())
    assert place
    assert place.host == "127.0.0.1"
    import urllib.error
    import urllib.request

    def status(method: str, path: str, token: str) -> int:
        request = urllib.request.Request(server + path, method=method, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as exc:
            return int(exc.code)

    assert status("GET", "/search?q=bridge", place.token) == 200
    assert status("GET", "/search?q=bridge", place.token + "x") == 401
    assert status("DELETE", "/articles/bridge-1", place.token) == 401
    assert status("GET", "/metrics", place.token) == 401


def test_the_file_goes_with_the_server_and_a_killed_one_is_not_asked(index: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    with process(folder) as (started, _):
        assert local.find(folder, Settings.load())
        started.send_signal(signal.SIGTERM)
        started.communicate(timeout=60)
    assert not (folder / local.FILE).exists()
    with process(folder) as (started, _):
        started.kill()
        started.communicate(timeout=60)
        assert (folder / local.FILE).exists()
        assert local.find(folder, Settings.load()) is None
        assert ask(QUESTION, "--mode", "quote", "--index", str(folder))[0] == 0


# ── the file, and a server that is none


@pytest.fixture
def announced(tmp_path: Path) -> Iterator[tuple[Path, socket.socket]]:
    """A folder whose file names this process, and the socket that it says answers."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        local.announced(tmp_path, Settings(), listening, "the token"),
    ):
        yield tmp_path, listening


def changed(folder: Path, **fields: Any) -> None:
    about = json.loads((folder / local.FILE).read_text("utf-8"))
    (folder / local.FILE).write_text(json.dumps({**about, **fields}), "utf-8")


def test_a_server_of_now_is_found(announced: tuple[Path, socket.socket]) -> None:
    folder, listening = announced
    assert local.find(folder, Settings()) == ("127.0.0.1", listening.getsockname()[1], "the token")


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "192.0.2.1"},
        {"host": "localhost"},
        {"host": "example.org"},
        {"host": None},
        {"port": "80"},
        {"pid": 0},
        {"pid": 2**40},
        {"process": "another boot 1"},
        {"answers": "with other settings"},
    ],
)
def test_a_file_that_is_not_of_now_is_ignored(announced: tuple[Path, socket.socket], fields: dict[str, Any]) -> None:
    changed(announced[0], **fields)
    assert local.find(announced[0], Settings()) is None


@pytest.mark.parametrize("content", ["", "[]", "{", "null", '"x"', "{}"])
def test_a_broken_file_is_ignored(announced: tuple[Path, socket.socket], content: str) -> None:
    (announced[0] / local.FILE).write_text(content, "utf-8")
    assert local.find(announced[0], Settings()) is None


def test_a_file_that_others_could_read_is_ignored(announced: tuple[Path, socket.socket]) -> None:
    os.chmod(announced[0] / local.FILE, 0o644)
    assert local.find(announced[0], Settings()) is None


def test_an_address_of_another_machine_is_not_announced(tmp_path: Path) -> None:
    class Elsewhere:
        def getsockname(self) -> tuple[str, int]:
            return ("192.0.2.1", 8000)

    with local.announced(tmp_path, Settings(), Elsewhere(), "t"):  # type: ignore[arg-type]
        assert list(tmp_path.iterdir()) == []


SENTENCE = b'event: sentence\ndata: {"sentence": {"marked": "One [1]."}, "citations": []}\n\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def answering(listening: socket.socket, reply: bytes) -> threading.Thread:
    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"", local.UnavailableError),
        (b"SSH-2.0-x\r\n", local.UnavailableError),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", local.UnavailableError),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", local.UnavailableError),
        (HEAD, local.UnavailableError),
        (HEAD + b"event: done\ndata: {\n\n", local.UnavailableError),
        (HEAD + b'event: error\ndata: {"detail": "too late", "status": 504}\n\n', local.UnavailableError),
        (HEAD + SENTENCE, BackendError),
        (HEAD + SENTENCE + b'event: error\ndata: {"detail": "the server is going down"}\n\n', BackendError),
    ],
)
def test_what_goes_wrong_before_the_first_sentence_can_be_made_good(
    announced: tuple[Path, socket.socket], reply: bytes, error: type[Exception]
) -> None:
    place = local.find(announced[0], Settings())
    assert place
    thread = answering(announced[1], reply)
    with pytest.raises(error):
        list(local.events(place, "Q?", Filters(), "answer"))
    thread.join(10)


def test_an_answer_comes_back_from_its_json(rag: Run, index: Path) -> None:
    for question in (QUESTION, UNANSWERABLE):
        fields = rag("ask", question, "--index", index, "--mode", "quote", "--json").json
        assert answer_json(answer_of(fields)) == fields
    assert len(ARTICLES) == 4
