"""Many questions in one run: one object a line, in order, and a bad line costs only itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag import batch
from rag.conversation import History
from rag.errors import ModelError, UsageError
from rag.rendering import Json
from rag.types import Filters
from tests.end_to_end.conftest import ARTICLES, QUESTION, UNANSWERABLE, Run


def echo(question: str, filters: Filters, history: History) -> Json:
    if not question.strip():
        raise UsageError("the question is empty")
    return {
        "question": question,
        "history": list(history),
        "since": str(filters.since),
        "until": str(filters.until),
        "source": filters.source,
    }


def process(*lines: bytes, default: Filters = Filters()) -> list[Json]:  # noqa: B008  (frozen)
    return list(batch.process(lines, echo, default))


# ── the lines themselves, without models


@pytest.mark.parametrize(
    ("line", "given", "error"),
    [
        (b"{", None, "invalid JSON: Expecting property name enclosed in double quotes at character 2"),
        (b'\xff{"id": 1}', None, "not UTF-8 text"),
        (b"[" * 100_000, None, "invalid JSON: nested too deeply or a number too long"),
        (b'["id"]', None, "expected a JSON object"),
        (b'{"id": "a"}', "a", "question is missing"),
        (b'{"id": "a", "question": null}', "a", "question is missing"),
        (b'{"id": 7, "question": 7}', 7, "question must be text"),
        (b'{"id": {}, "question": "Q"}', None, "id must be text or a whole number"),
        (b'{"id": true, "question": "Q"}', None, "id must be text or a whole number"),
        (b'{"id": "a", "question": " "}', "a", "the question is empty"),
        (b'{"id": "a", "question": "Q", "history": "Q"}', "a", "history must be a list"),
        (b'{"id": "a", "question": "Q", "source": 1}', "a", "source must be text"),
        (
            b'{"id": "a", "question": "Q", "since": "May"}',
            "a",
            "since: 'May' is not a date; write YYYY-MM-DD, YYYY-MM or YYYY",
        ),
        (
            b'{"id": "a", "question": "Q", "since": "2025-02", "until": "2025-01"}',
            "a",
            "since 2025-02-01 is after until 2025-01-31: no article can match",
        ),
    ],
)
def test_a_bad_line_is_an_error_object(line: bytes, given: object, error: str) -> None:
    good = b'{"id": "good", "question": "Q"}'
    results = process(good, line, good)
    assert [r["id"] for r in results] == ["good", given, "good"]
    assert results[1] == {"id": given, "line": 2, "error": error}


def test_filters_of_a_line_come_before_those_of_the_command() -> None:
    default = batch.filters("2024", None, "Echo")
    results = process(
        b'\xef\xbb\xbf{"id": 1, "question": "Q", "source": "Courier", "until": "2024-02"}',
        b"\n",
        b'{"id": 2, "question": "Q", "since": "2025-03"}\r\n',
        default=default,
    )
    assert results == [
        {"id": 1, "question": "Q", "history": [], "since": "2024-01-01", "until": "2024-02-29", "source": "Courier"},
        {"id": 2, "question": "Q", "history": [], "since": "2025-03-01", "until": "None", "source": "Echo"},
    ]


def test_a_history_goes_with_its_question() -> None:
    line = b'{"id": 1, "question": "Q", "history": ["P", {"role": "assistant", "content": "A"}]}'
    first, second = process(b'{"question": "Q", "history": []}', line)
    assert first["history"] == []
    assert second["history"] == ["P", {"role": "assistant", "content": "A"}]


def test_a_failed_model_stops_the_run() -> None:
    def fail(question: str, filters: Filters, history: History) -> Json:
        raise ModelError("gone")

    with pytest.raises(ModelError):
        list(batch.process([b'{"question": "Q"}'], fail, Filters()))


def test_each_result_is_known_before_the_next_line_is_read() -> None:
    read: list[int] = []

    def lines() -> Iterator[bytes]:
        for number in range(3):
            read.append(number)
            yield b'{"question": "Q"}'

    next(batch.process(lines(), echo, Filters()))
    assert read == [0]


@pytest.mark.parametrize("text", ["a\u2028b", "a\x85b", "a\x9b2Jb", "a\udcffb", "a\nb", "Ataş “говорит”"])
def test_json_stays_on_one_line_in_any_encoding(text: str) -> None:
    line = batch.dumps({"text": text})
    assert len(line.encode().decode().splitlines()) == 1
    assert line.isprintable()
    assert json.loads(line) == {"text": text}


# ── the whole way, with models

QUESTIONS: list[dict[str, Any] | str] = [
    {"id": "coast", "question": QUESTION},
    "{not JSON",
    {"id": "ice", "question": UNANSWERABLE, "history": ["Who plays?"]},
    {"id": "empty", "question": "?"},
    {"id": "bread", "question": "Who won the golden loaf?", "until": "2024"},
]


def as_lines(questions: list[dict[str, Any] | str]) -> bytes:
    return "".join(f"{q if isinstance(q, str) else json.dumps(q)}\n\n" for q in questions).encode()


def test_ask(rag: Run, index: Path, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(as_lines(QUESTIONS))
    done = rag("ask", "--batch", file, "--index", index)
    assert done.code == 0
    assert done.err == ""
    coast, bad, ice, empty, bread = done.lines
    assert list(coast)[:3] == ["id", "question", "standalone_question"]
    assert (coast["id"], coast["answered"]) == ("coast", True)
    assert (bad["id"], bad["line"]) == (None, 3)
    assert (ice["id"], ice["answered"]) == ("ice", False)
    assert empty == {"id": "empty", "line": 7, "error": "the question is empty: ask something in words"}
    assert (bread["id"], bread["answered"]) == ("bread", True)
    texts = {article["id"]: article["text"] for article in ARTICLES}
    for citation in coast["citations"] + bread["citations"]:
        assert texts[citation["article_id"]][citation["start"] : citation["end"]] == citation["quote"]


def test_search_from_standard_input(rag: Run, index: Path) -> None:
    done = rag("search", "--batch", "-", "--index", index, "-k", "1", stdin=as_lines(QUESTIONS[:2]))
    assert (done.code, done.err) == (0, "")
    found, bad = done.lines
    assert list(found) == ["id", "query", "hits"]
    assert [hit["article_id"] for hit in found["hits"]] == ["coast-1"]
    assert (bad["id"], bad["line"]) == (None, 3)


def test_a_batch_that_cannot_be_read(rag: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        done = rag("ask", "--batch", path)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"rag: error: cannot read {path}: ")
        assert done.err.count("\n") == 1


def test_an_empty_batch_is_done(rag: Run, index: Path) -> None:
    assert rag("ask", "--batch", "-", "--index", index) == (0, "", "")
