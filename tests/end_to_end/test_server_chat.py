"""OpenAI's clients, unchanged, against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.end_to_end.conftest import QUESTION, UNANSWERABLE, Run
from tests.serving import Served, serving

ASKED: Any = [{"role": "user", "content": QUESTION}]


@pytest.fixture(scope="module")
def server(index: Path) -> Iterator[Served]:
    with serving(index) as served:
        yield served


@pytest.fixture
def client(server: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_openai_client(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["newsrag", "newsrag-quote"]
    completion = client.chat.completions.create(model="newsrag", messages=ASKED)
    message = completion.choices[0].message
    assert "340" in (message.content or "")
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage
    assert completion.usage.completion_tokens > 0
    for annotation in message.annotations or ():
        cited = annotation.url_citation
        assert (message.content or "")[cited.start_index : cited.end_index] == "[1]"
        assert cited.url == "https://ansel-courier.example/coast"
    assert message.annotations
    extra: Any = completion.model_extra
    assert extra["newsrag"]["answer"] == message.content
    assert extra["search_results"][0]["date"] == "2025-03-08"
    assert extra["search_results"][0]["source"] == "The Ansel Courier"
    assert "notes" not in extra


def test_openai_client_streaming(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="newsrag", messages=ASKED)
    stream = client.chat.completions.create(
        model="newsrag", messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage
    assert chunks[-2].model_extra
    assert chunks[-2].model_extra["newsrag"]["answered"]


def test_a_consumer_like_open_webui_finds_its_sources_in_the_deltas(server: Served) -> None:
    """Reads the raw lines as Open WebUI does: `choices[0].delta.annotations[]` of type `url_citation`."""
    reply = server("POST", "/v1/chat/completions", {"model": "newsrag", "messages": ASKED, "stream": True})
    content, sources = "", list[tuple[str, str]]()
    lines = [line for line in reply.body.decode().splitlines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    for line in lines[:-1]:
        delta = json.loads(line.removeprefix("data: "))["choices"][0]["delta"]
        content += delta.get("content") or ""
        for annotation in delta.get("annotations") or []:
            if annotation["type"] == "url_citation":
                cited = annotation["url_citation"]
                assert content[cited["start_index"] : cited["end_index"]] == f"[{len(sources) + 1}]"
                sources.append((cited["title"], cited["url"]))
    assert sources == [("Monitor counts the dead on the coast of Tarva", "https://ansel-courier.example/coast")]


def test_langchain(server: Served) -> None:
    langchain = pytest.importorskip("langchain_openai")
    model = langchain.ChatOpenAI(base_url=f"{server.url}/v1", api_key="none", model="newsrag-quote", max_retries=0)
    message = model.invoke([("system", "Be brief."), ("human", QUESTION)])
    assert "340" in message.content
    assert "".join(chunk.content for chunk in model.stream(QUESTION)) == message.content


def test_a_refusal_is_an_answer_that_lists_the_closest_stories(client: openai.OpenAI) -> None:
    asked: Any = [{"role": "user", "content": UNANSWERABLE}]
    completion = client.chat.completions.create(model="newsrag", messages=asked)
    extra: Any = completion.model_extra
    assert completion.choices[0].message.content == extra["newsrag"]["answer"]
    assert extra["newsrag"]["refusal"]["reason"] == "not_in_corpus"
    assert extra["search_results"]
    assert completion.choices[0].message.annotations == []
    streamed = client.chat.completions.create(model="newsrag", messages=asked, stream=True)
    content = "".join(c.choices[0].delta.content or "" for c in streamed)
    assert content == completion.choices[0].message.content


def test_the_last_user_message_is_the_question(client: openai.OpenAI) -> None:
    talk: Any = [
        {"role": "system", "content": "Answer like a pirate."},
        {"role": "user", "content": "How long will the Osterlay bridge close?"},
        {"role": "assistant", "content": "For two years [1]."},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]
    completion = client.chat.completions.create(model="newsrag-quote", messages=talk)
    extra: Any = completion.model_extra
    assert extra["newsrag"]["question"] == QUESTION
    assert "instructions in system messages are not followed" in extra["notes"][0]


def test_filters_of_the_native_api(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="newsrag-quote", messages=ASKED, extra_body={"until": "2024"})
    extra: Any = completion.model_extra
    assert not extra["newsrag"]["answered"]


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model_is_an_error(client: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.NotFoundError, match="newsrag and newsrag-quote") as refused:
        client.chat.completions.create(model="gpt-4", messages=ASKED, stream=stream)
    assert refused.value.code == "model_not_found"
    assert refused.value.response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 0.7),
        ("n", 2),
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("response_format", {"type": "json_object"}),
        ("stop", ["\n"]),
        ("logprobs", True),
        ("frequency_penalty", 0.5),
        ("max_tokens", 0),
        ("num_ctx", 4096),
        ("messages", []),
        ("messages", [{"role": "assistant", "content": "Hello"}]),
        ("messages", [{"role": "user", "content": " "}]),
        ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]}]),
    ],
)
def test_what_cannot_be_honoured_is_refused(server: Served, field: str, value: object) -> None:
    reply = server("POST", "/v1/chat/completions", {"model": "newsrag-quote", "messages": ASKED, field: value})
    assert reply.status == 400
    assert reply.json["error"]["message"] == reply.json["detail"]
    assert reply.json["error"]["type"] == "invalid_request_error"
    assert field in reply.json["detail"]


@pytest.mark.parametrize(
    ("field", "value", "notes"),
    [
        ("temperature", 0, 0),
        ("temperature", 0.1, 1),  # what LlamaIndex sends
        ("top_p", 0.5, 0),
        ("seed", 7, 0),
        ("stop", [], 0),
        ("tools", [], 0),
        ("max_completion_tokens", 500, 0),
        ("response_format", {"type": "text"}, 0),
        ("user", "somebody", 0),
    ],
)
def test_what_is_honoured(server: Served, field: str, value: object, notes: int) -> None:
    plain = server("POST", "/v1/chat/completions", {"model": "newsrag-quote", "messages": ASKED}).json
    reply = server("POST", "/v1/chat/completions", {"model": "newsrag-quote", "messages": ASKED, field: value})
    assert reply.status == 200
    assert reply.json["choices"] == plain["choices"]
    assert len(reply.json.get("notes", [])) == notes


def test_a_token_limit_leaves_out_whole_sentences(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="newsrag-quote", messages=ASKED, max_tokens=3)
    assert completion.choices[0].finish_reason == "length"
    assert completion.choices[0].message.content == ""
    assert completion.choices[0].message.annotations == []


def test_every_face_shows_the_day_in_utc(rag: Run, tmp_path: Path) -> None:
    article = {"title": "Lock opens", "text": "The Veshti lock was opened.", "published": "2025-03-08T23:30:00-05:00"}
    file, folder = tmp_path / "in.jsonl", tmp_path / "index"
    file.write_text(json.dumps(article))
    rag("index", file, "--index", folder)
    assert "9 March 2025" in rag("search", "Veshti lock", "--index", folder).out
    with serving(folder) as server:
        asked = {"model": "newsrag-quote", "messages": [{"role": "user", "content": "What was opened?"}]}
        told = server("POST", "/v1/chat/completions", asked).json
    assert [found["date"] for found in told["search_results"]] == ["2025-03-09"]
