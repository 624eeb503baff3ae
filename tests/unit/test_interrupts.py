"""Ctrl-C while a chat goes on: at every step of it."""

from __future__ import annotations

import io
import signal
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, cast

import pytest
import rich.live

from rag import chat, interrupts, terminal
from rag.answering import ANY
from rag.interrupts import Interrupts, held
from rag.terminal import Spinner
from rag.types import Answer, AnswerSentence, Citation, Done, Event, Retrieved, SentenceReady

CITATION = Citation(1, "bridge-1", "Osterlay bridge closes", None, None, None, 0, 10, "It closes.")
STEPPED = {module.__file__ for module in (chat, interrupts, terminal, rich.live, threading)}


def press() -> None:
    """Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """SIGINT as a terminal has it: in what is started in the background it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


class Screen(io.StringIO):
    """A terminal to write to."""

    def isatty(self) -> bool:
        return True


class PressedAt:
    """Presses Ctrl-C once, before the `left`-th line that runs in `STEPPED` from `begin` on."""

    def __init__(self, left: int) -> None:
        self.left, self.where = left, ""

    def begin(self) -> None:
        frame: FrameType | None = sys._getframe()
        while frame:
            if frame.f_code.co_filename in STEPPED:  # those that run already
                frame.f_trace = self._step
            frame = frame.f_back
        sys.settrace(self._step)

    def _step(self, frame: FrameType, event: str, _: object) -> Any:
        if event == "line" and frame.f_code.co_filename in STEPPED and not self.where:
            self.left -= 1
            if self.left == 0:
                self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                press()
        return self._step


class Keyboard:
    """Lines typed at a terminal; Ctrl-C comes some steps after the first one is read."""

    def __init__(self, *lines: bytes, pressed: PressedAt | None) -> None:
        self.lines, self.buffer, self.pressed = list(lines), self, pressed

    def isatty(self) -> bool:
        return True

    def readline(self) -> bytes:
        line = self.lines.pop(0) if self.lines else b""
        if line == b"one\n" and self.pressed:
            self.pressed.begin()
        return line


def answering(question: str, **_: object) -> Iterator[Event]:
    """An answer of one sentence, in place of a `Rag`."""
    sentence = AnswerSentence(f"It closes: {question}", (1,), "quoted", 1.0)
    yield Retrieved((), ())
    yield SentenceReady(sentence, (CITATION,))
    yield Done(
        Answer(
            question=question,
            standalone_question=None,
            answered=True,
            answer=sentence.marked,
            sentences=(sentence,),
            citations=(CITATION,),
            refusal=None,
            timings_ms={},
            model={},
        )
    )


def chatted(
    monkeypatch: pytest.MonkeyPatch, stream: Any, *lines: bytes, pressed: PressedAt | None = None
) -> tuple[str, str]:
    """What a chat prints and says."""
    out, err = Screen(), Screen()
    monkeypatch.setattr(sys, "stdin", Keyboard(*lines, pressed=pressed))
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm")
    try:
        chat.Chat(cast(Any, SimpleNamespace(stream=stream)), out, ANY, "quote", json=False).run()
    except KeyboardInterrupt as exc:  # pytest itself would end
        raise AssertionError("Ctrl-C leaves the chat") from exc
    assert sys.stderr is err  # the spinner puts itself in its place while it turns
    return out.getvalue(), err.getvalue()


def test_a_chat_goes_on_wherever_ctrl_c_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    tracing, places = sys.gettrace(), set[str]()

    def stream(question: str, **more: object) -> Iterator[Event]:
        if question == "two":
            sys.settrace(tracing)
        return answering(question, **more)

    for at in count(1):
        pressed = PressedAt(at)
        try:  # "two" comes twice, as Ctrl-C takes the line back that has just been read
            out, err = chatted(monkeypatch, stream, b"one\n", b"two\n", b"two\n", pressed=pressed)
        finally:
            sys.settrace(tracing)
        if not pressed.where:
            break
        places.add(Path(pressed.where).name)
        assert err.count("rag: stopped") + err.count("rag: Ctrl-D leaves") == 1, pressed.where
        assert "It closes: two" in out, pressed.where
    assert {place.split(":")[0] for place in places} == {Path(str(file)).name for file in STEPPED}


def test_ctrl_c_ends_an_answer_and_a_second_one_does_not_break_into_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    def stream(question: str, **more: object) -> Iterator[Event]:
        if question == "two":
            yield from answering(question, **more)
            return
        try:
            yield Retrieved((), ())
            press()
            raise AssertionError("the answer goes on")
        finally:
            press()
            ended.append(question)

    out, err = chatted(monkeypatch, stream, b"one\n", b"two\n")
    assert ended == ["one"]
    assert err.count("rag: stopped") == 1
    assert "Ctrl-D leaves" not in err  # both were meant for the answer
    assert "It closes: two" in out


@pytest.mark.parametrize("error", [None, ValueError("user-defined function raised exception")])
def test_it_is_not_lost_in_a_callback(error: Exception | None) -> None:
    def step() -> int:
        try:
            press()
        except BaseException:
            if error:
                raise error from None
        return 1

    with Interrupts() as met:
        with pytest.raises(KeyboardInterrupt):
            met.during(step)
        assert met.during(lambda: 2) == 2


def test_errors_without_it_stay_what_they_are() -> None:
    def fail() -> None:
        raise ValueError("its own")

    with Interrupts() as met, pytest.raises(ValueError, match="its own"):
        met.during(fail)


def test_what_holds_it_is_done_whole() -> None:
    done = []

    def start() -> None:
        with held():
            press()
            done.append("started")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert done == ["started"]


def test_a_spinner_interrupted_at_its_start_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    started = rich.live.Live.start

    def start(live: rich.live.Live) -> None:
        press()
        started(live)

    monkeypatch.setattr(rich.live.Live, "start", start)
    with pytest.raises(KeyboardInterrupt), Spinner("searching"):
        raise AssertionError("it goes on")
    assert sys.stderr is screen
    shown = screen.getvalue()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is there again


def test_where_it_is_ignored_it_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts() as met:
            press()
            assert met.during(lambda: 1) == 1
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_outside_the_main_thread_it_has_no_effect() -> None:
    given = list[int]()

    def run() -> None:
        with Interrupts() as met:
            given.append(met.during(lambda: 1))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert given == [1]
