"""A language model behind HTTP, when the other side misbehaves: every fault is one line, without the key."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from rag import loading, resources
from rag.errors import ModelError, UsageError
from rag.llms import hub
from rag.llms.openai_server import OpenAIServerModel, inert
from rag.settings import Settings
from rag.types import Message

ASK = [Message("system", "Be short."), Message("user", "Who leads the CHP?")]
KEY = "sk-very-secret"


def chunk(**delta: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}).encode() + b"\n\n"


class Answering(BaseHTTPRequestHandler):
    """Answers as its server's `answer` says: status, content type, and pieces; a number among them is a pause."""

    def do_POST(self) -> None:
        server: Any = self.server
        length = int(self.headers["Content-Length"])
        server.requests.append(
            (self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(self.rfile.read(length)))
        )
        status, kind, pieces = server.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        try:
            for piece in pieces:
                if isinstance(piece, bytes):
                    self.wfile.write(piece)
                    self.wfile.flush()
                else:
                    time.sleep(piece)
        except OSError:
            server.left.set()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(status: int, kind: str, *pieces: bytes | float) -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.answer, server.requests, server.left = (status, kind, pieces), [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def model(server: Any, *, timeout: float = 5.0) -> OpenAIServerModel:
    url = f"http://127.0.0.1:{server.server_address[1]}/v1/"
    return OpenAIServerModel("small", url, key=KEY, context_tokens=512, timeout=timeout)


EVENTS = "text/event-stream"


def test_what_is_sent_is_the_prompt_and_nothing_else() -> None:
    with serving(
        200, EVENTS, chunk(role="assistant"), chunk(content="Özel"), b": ping\n\n", b"data: [DONE]\n\n"
    ) as server:
        assert "".join(model(server).stream(ASK, max_tokens=7)) == "Özel"
    [(path, headers, body)] = server.requests
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Who leads the CHP?"}]
    assert body == {"model": "small", "messages": messages, "max_tokens": 7, "temperature": 0.0, "stream": True}


@pytest.mark.parametrize(
    ("status", "kind", "pieces", "message"),
    [
        (401, "application/json", [b'{"error": {"message": "bad key sk-very-secret"}}'], r"refused the key in NEWSRAG"),
        (404, "application/json", [b'{"error": {"message": "no"}}'], r"has no model 'small', or no chat completions"),
        (429, "application/json", [b'{"error": {"message": "slow sk-very-secret"}}'], r"with status 429: .*\*\*\*"),
        (500, "text/html", [b"<h1>Oops\n</h1>"], r"answered with status 500"),
        (200, "text/html", [b"<h1>Welcome</h1>"], r"sent no chat completion: .* no base address"),
        (200, EVENTS, [b""], r"sent no chat completion"),
        (200, EVENTS, [b"data: [DONE]\n\n"], r"sent no chat completion"),
        (200, EVENTS, [b"data: {not json\n\n"], r"sent something that is no chat completion"),
        (200, EVENTS, [b'data: {"choices": [7]}\n\n'], r"sent something that is no chat completion"),
        (200, EVENTS, [b'data: {"choices": [{"delta": null}]}\n\n'], r"sent something that is no chat completion"),
        (200, EVENTS, [b'data: "text"\n\n'], r"sent something that is no chat completion"),
        (200, EVENTS, [chunk(content="a"), b'data: {"error": {"message": "out of memory"}}\n\n'], r"broke off.*memory"),
        (200, EVENTS, [chunk(content="a") , 1.5], r"was silent for 0.4 seconds"),
        (200, EVENTS, [1.5], r"was silent for 0.4 seconds"),
    ],
)  # fmt: skip
def test_every_fault_is_one_line_without_the_key(
    status: int, kind: str, pieces: list[bytes | float], message: str
) -> None:
    with serving(status, kind, *pieces) as server, pytest.raises(ModelError, match=message) as caught:
        list(model(server, timeout=0.4).stream(ASK, max_tokens=7))
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_server_that_is_not_there_is_named() -> None:
    with serving(200, EVENTS) as server:
        away = model(server)
    with pytest.raises(ModelError, match=r"^cannot reach the language model at http://127.0.0.1:\d+/v1: is the server"):
        list(away.stream(ASK, max_tokens=7))


def test_a_stream_closed_early_ends_the_connection() -> None:
    with serving(200, EVENTS, chunk(content="a"), *[chunk(content="b" * 65536)] * 200) as server:
        pieces = model(server).stream(ASK, max_tokens=7)
        assert next(pieces) == "a"
        pieces.close()  # type: ignore[attr-defined]  # the port's way to stop early
        assert server.left.wait(10)


@pytest.mark.parametrize(
    "text",
    [
        "<|im_start|>system", "<|im_end|>", "<start_of_turn>model", "</s>", "<s>", "[INST] x [/INST]", "<<SYS>>",
        "<|eot_id|>", "<｜Assistant｜>", "<bos>", "[TOOL_CALLS]", "<|start|>assistant<|channel|>", "<unused0>",
    ],
)  # fmt: skip
def test_control_tokens_are_broken_up(text: str) -> None:
    sent = inert(text)
    assert "".join(sent.split()) == "".join(text.split())
    assert text not in sent
    for token in (
        "<|",
        "|>",
        "</s>",
        "<s>",
        "[INST]",
        "[/INST]",
        "<<SYS>>",
        "<｜",
        "｜>",
        "<bos>",
        "[TOOL",
        "<start_of",
    ):
        assert token not in sent


@pytest.mark.parametrize("text", ["5 < 6 > 4", "The [Courier] wrote", "a -> b", "x <3", "Twelve people died."])
def test_other_text_is_sent_as_it_is(text: str) -> None:
    assert inert(text) == text


# ── settings


def test_a_setting_names_the_server() -> None:
    settings = Settings(llm="openai:org/small@v2@http://localhost:1234/v1", llm_key=KEY)
    found = loading.load_llm(settings)
    assert isinstance(found, OpenAIServerModel)
    assert (found.name, found._url) == ("org/small@v2", "http://localhost:1234/v1")
    assert resources.llm_name(settings.llm) == "org/small@v2"
    assert KEY not in f"{settings!r} {settings.fingerprint()} {settings.model_dump_json()}"


@pytest.mark.parametrize("setting", ["openai:small", "openai:@http://localhost", "openai:small@"])
def test_a_setting_without_a_server_is_an_error(setting: str) -> None:
    with pytest.raises(ModelError, match=r"names no server: write openai:MODEL@http://HOST:PORT/v1"):
        loading.load_llm(Settings(llm=setting))


def test_an_address_is_checked() -> None:
    with pytest.raises(ModelError, match="must begin with http:// or https://"):
        loading.load_llm(Settings(llm="openai:small@localhost:1234"))


# ── files by their name on the hub


@pytest.mark.parametrize("name", ["hf:owner", "hf:owner/repo", "hf:repo:file.gguf", "hf:a/b/c:file.gguf"])
def test_a_name_that_is_none_says_how_to_write_it(name: str) -> None:
    with pytest.raises(ModelError, match=r"names no file: write hf:OWNER/REPO:FILE.gguf$"):
        loading.load_llm(Settings(llm=name))


def test_offline_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        ModelError, match=r"^x.gguf of nobody/nothing is not in the local cache and the hub cannot be"
    ) as c:
        loading.load_llm(Settings(llm="hf:nobody/nothing:x.gguf"))
    assert "\n" not in str(c.value)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (EntryNotFoundError("x"), "the hub has no file x.gguf in o/r"),
        (LocalEntryNotFoundError("x"), "is not in the local cache"),
        (OSError("disk full"), "cannot fetch x.gguf of o/r from the hub: OSError"),
    ],
)
def test_what_the_hub_refuses_is_told_apart(monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    def refuse(*_: object) -> str:
        raise error

    monkeypatch.setattr(hub, "hf_hub_download", refuse)
    with pytest.raises(ModelError, match=message):
        hub.fetch("o/r:x.gguf")


def test_a_file_of_the_hub_is_loaded_from_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def cached(*names: object) -> str:
        asked.append(names)
        return str(resources.bundled_llm())

    monkeypatch.setattr(hub, "hf_hub_download", cached)
    found = loading.load_llm(Settings(llm="hf:owner/repo:small-Q4.gguf", threads=1, context_tokens=512))
    assert asked == [("owner/repo", "small-Q4.gguf")]
    assert found.name == "small-Q4"


def test_the_number_of_gpu_layers_has_bounds() -> None:
    assert Settings(gpu_layers=-1).gpu_layers == -1
    with pytest.raises(ValueError, match="greater than or equal to -1"):
        Settings(gpu_layers=-2)


def test_a_bad_timeout_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSRAG_LLM_TIMEOUT", "0")
    with pytest.raises(UsageError, match="NEWSRAG_LLM_TIMEOUT"):
        Settings.load()
