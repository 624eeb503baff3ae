"""`rag chat`, from a pipe and on a terminal, with the real models."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rag import chat
from rag.errors import ModelError
from tests.end_to_end.conftest import Run
from tests.end_to_end.test_cli import check_answer

BRIDGE = "How much will the repairs of the Osterlay bridge cost?"


def piped(rag: Run, index: Path, *lines: str, options: tuple[str, ...] = ("--mode", "quote")) -> tuple[int, str, str]:
    return rag("chat", "--index", index, *options, stdin="".join(f"{line}\n" for line in lines).encode())


def test_follow_ups_from_a_pipe(rag: Run, index: Path) -> None:
    code, out, err = piped(rag, index, BRIDGE, "", "When will it close?", "Who won the golden loaf?", "How old is he?")
    assert code == 0
    assert err == ("rag: asked as: When will the Osterlay bridge close?\nrag: asked as: How old is Anton Velle?\n")
    assert "48 million crowns" in out
    assert "who is 61" in out


def test_json_is_one_answer_a_line(rag: Run, index: Path) -> None:
    done = rag("chat", "--index", index, "--json", stdin=f"{BRIDGE}\nWhen will it close?\n/sources\n/open 1\n".encode())
    assert done.code == 0
    first, second, sources, opened = done.lines
    for answer in (first, second):
        check_answer(answer, index)
    assert (first["standalone_question"], second["standalone_question"]) == (
        None,
        "When will the Osterlay bridge close?",
    )
    assert sources == {"citations": second["citations"]}
    article, start, end = opened["article"], opened["start"], opened["end"]
    assert article["text"][start:end] == second["citations"][0]["quote"]
    assert {"published_utc", "canonical_url"} <= article.keys()  # the shape that every face prints


def test_an_earlier_citation_is_asked_for(rag: Run, index: Path) -> None:
    done = rag(
        "chat", "--index", index, "--json", "--mode", "quote", stdin=f"{BRIDGE}\nWhat does source 1 say?".encode()
    )
    first, second = done.lines
    check_answer(second, index)
    assert second["citations"][0]["quote"] == first["citations"][0]["quote"]
    assert (
        done.err == "rag: asked as: What did Osterlay Echo say in “Osterlay bridge closes for two years of repairs”?\n"
    )


def test_commands(rag: Run, index: Path) -> None:
    lines = ("/sources", "/open 1", BRIDGE, "/sources", "/open 1", "/open 9", "/nonsense", "/new",
             "When will it close?", "?", "/help", "/quit", BRIDGE)  # fmt: skip
    code, out, err = piped(rag, index, *lines)
    assert code == 0
    assert err.splitlines() == [
        "rag: error: nothing is cited yet",
        "rag: error: /open needs the number of a citation (none: the last answer cites nothing)",
        "rag: error: /open needs the number of a citation (1 to 1)",
        "rag: error: unknown command /nonsense: /help lists them",
        "rag: a new conversation",
        "rag: error: the question is empty: ask something in words",
        *(f"rag: {line}" for line in chat.HELP),
    ]
    assert re.search(r"»The Osterlay bridge will close[^»]*crowns\.«.* Engineers found", out)
    assert out.count("Osterlay Echo, 3 November 2025, “Osterlay bridge closes") >= 2


def test_hostile_articles_stay_inert(rag: Run, index: Path) -> None:
    code, out, _ = piped(rag, index, "When do the schools in Quillon open after the storm?", "/open 1")
    assert code == 0
    assert "\x1b" not in out


def test_filters_hold_for_every_question(rag: Run, index: Path) -> None:
    done = rag("chat", "--index", index, "--json", "--mode", "quote", "--until", "2024", stdin=f"{BRIDGE}\n".encode())
    assert done.json["citations"] == []


def test_nothing_asked_is_nothing_said(rag: Run, index: Path) -> None:
    assert piped(rag, index) == (0, "", "")


def test_a_failed_model_ends_a_piped_run(rag: Run, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ModelError("gone")

    monkeypatch.setattr("rag.loading.load_reader", fail)
    assert piped(rag, index, BRIDGE, BRIDGE, options=()) == (4, "", "rag: error: gone\n")


def test_without_an_index_it_says_so(rag: Run, tmp_path: Path) -> None:
    assert rag("chat", "--index", tmp_path / "none").code == 3


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal(index: Path) -> None:
    """A prompt, an answer in colour, Ctrl-C at several moments of an answer and Ctrl-D at the prompt."""
    master, slave = os.openpty()
    command = [sys.executable, "-m", "rag", "chat", "--index", str(index), "--mode", "quote"]
    environment = {**os.environ, "TERM": "xterm"}
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # it is where tests run in the background
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    signal.signal(signal.SIGINT, ignored)
    os.close(slave)
    seen = ""

    def wait_for(text: str) -> str:
        nonlocal seen
        end = time.monotonic() + 240
        while text not in seen and time.monotonic() < end:
            if select.select([master], [], [], 1.0)[0]:
                seen += os.read(master, 4096).decode(errors="replace")
        assert text in seen, seen[:400]
        before, _, seen = seen.partition(text)
        return before

    def answer(line: str) -> str:
        os.write(master, f"{line}\n".encode())
        return wait_for("\n> ")

    try:
        wait_for("/help lists the commands")
        wait_for("> ")
        shown = answer(BRIDGE)
        assert "crowns" in shown
        assert "\x1b[" in shown
        for tenth_ms in range(0, 20, 2):  # the first few are when the spinner starts
            os.write(master, b"When will it close?\n")
            wait_for("asked as: When will the Osterlay bridge close?")
            time.sleep(tenth_ms / 10_000)
            process.send_signal(signal.SIGINT)
            if "rag: stopped" not in wait_for("\n> "):  # the answer was faster, and is what follow-ups are now about
                wait_for("rag: Ctrl-D leaves")
                wait_for("\n> ")
                answer("/new")
                answer(BRIDGE)
        os.write(master, b"\x04")
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
