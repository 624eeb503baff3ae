from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from rag.errors import NewsragError
from rag.server.engine import FairLock
from rag.server.queued import QueuedModel, QueuedReader
from rag.server.queueing import TICKET, BusyError, CancelledError, FairQueue, Ticket
from rag.types import Message
from tests.doubles import PointingReader, ScriptedLLM

HELLO = [Message("user", "hello")]


class Worker:
    """Takes its turn in a thread and holds the model until `done` is set."""

    def __init__(
        self, queue: FairQueue, client: str, served: list[str], *, seconds: float = 30, name: str = ""
    ) -> None:
        self.ticket = queue.reserve(client, seconds)
        self.places: list[int] = []
        self.ticket.on_position = self.places.append
        self.done = threading.Event()
        self.error: Exception | None = None
        self._queue, self._served, self._name = queue, served, name or client
        waiting = queue.waiting + queue.running
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        until(lambda: queue.waiting + queue.running == waiting + 1 or self.error is not None)

    def _run(self) -> None:
        try:
            with self.ticket.turn():
                self._served.append(self._name)
                self.done.wait(30)
        except Exception as exc:
            self.error = exc
        finally:
            self.ticket.release()

    def finish(self) -> None:
        self.done.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


def until(condition: object, seconds: float = 10) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_clients_take_turns() -> None:
    queue, served = FairQueue(10), list[str]()
    first = Worker(queue, "a", served, name="a1")
    rest = [Worker(queue, client, served, name=name) for client, name in
            [("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("b", "b2")]]  # fmt: skip
    first.finish()
    for worker in rest:
        worker.done.set()
    for worker in rest:
        worker.finish()
    assert served == ["a1", "a2", "b1", "c1", "a3", "b2"]
    assert queue.places == queue.waiting == 0


def test_everybody_in_line_is_told_the_place_and_each_step_forward() -> None:
    queue, served = FairQueue(10), list[str]()
    workers = [Worker(queue, client, served) for client in "abc"]
    until(lambda: workers[2].places == [2])
    workers[0].finish()
    until(lambda: served == ["a", "b"] and workers[2].places == [2, 1])
    workers[1].finish()
    workers[2].finish()
    assert [w.places for w in workers] == [[], [1], [2, 1]]


def test_a_full_queue_says_so_at_once_and_when_to_come_back() -> None:
    queue = FairQueue(2)
    tickets = [queue.reserve("a", 30), queue.reserve("b", 30)]
    with pytest.raises(BusyError, match="2 requests are waiting") as refused:
        queue.reserve("c", 30)
    assert refused.value.retry_after >= 1
    tickets[0].release()
    tickets[0].release()
    queue.reserve("c", 30)
    with pytest.raises(BusyError):
        queue.reserve("d", 30)


def test_who_leaves_the_line_lets_the_others_move_up() -> None:
    queue, served = FairQueue(10), list[str]()
    a, b, c = (Worker(queue, client, served) for client in "abc")
    b.ticket.cancel()
    b.thread.join(10)
    assert isinstance(b.error, CancelledError)
    until(lambda: c.places == [2, 1])
    a.finish()
    c.finish()
    assert served == ["a", "c"]


def test_waiting_has_an_end() -> None:
    queue, served = FairQueue(10), list[str]()
    a = Worker(queue, "a", served)
    b = Worker(queue, "b", served, seconds=0.05)
    b.thread.join(10)
    assert isinstance(b.error, BusyError)
    a.finish()
    assert served == ["a"]


def test_who_will_not_be_served_in_time_is_told_as_soon_as_that_is_known() -> None:
    queue, served = FairQueue(10), list[str]()
    queue.expect(0.001)
    a = Worker(queue, "a", served)
    b, c = (Worker(queue, client, served, seconds=20) for client in "bc")
    queue.expect(8)  # a turn takes 8 seconds: two fit, three do not
    queue.wake()
    c.thread.join(10)
    assert isinstance(c.error, BusyError)
    assert c.error.retry_after >= 1
    a.finish()
    b.finish()
    assert served == ["a", "b"]
    assert queue.places == queue.waiting == 0
    alone = Worker(queue, "d", served, seconds=1)  # who need not wait may try
    alone.finish()
    assert alone.error is None


def test_an_answer_that_was_begun_comes_before_the_others() -> None:
    queue, served = FairQueue(10), list[str]()
    begun = queue.reserve("a", 30)
    with begun.turn():
        pass
    first = Worker(queue, "b", served)
    second = Worker(queue, "c", served)
    thread = threading.Thread(target=lambda: _served(begun, served))
    thread.start()
    until(lambda: queue.waiting == 2)
    first.finish()
    second.done.set()
    thread.join(10)
    second.finish()
    assert served == ["b", "begun", "c"]


def _served(ticket: Ticket, served: list[str]) -> None:
    with ticket.turn():
        served.append("begun")


def test_what_is_lent_while_waiting_is_taken_back_or_the_model_is_kept() -> None:
    queue, steps = FairQueue(10), list[str]()

    @contextmanager
    def aside() -> Iterator[None]:
        steps.append(f"lent, {queue.running=}")
        yield
        steps.append("gone")
        raise NewsragError("it is gone")

    ticket = queue.reserve("a", 30)
    with ticket.lending(aside), pytest.raises(NewsragError, match="gone"), ticket.turn():
        raise AssertionError("it has no turn yet")
    assert steps == ["lent, queue.running=False", "gone"]
    assert queue.running
    assert ticket.has_model
    with ticket.lending(aside), ticket.turn():
        steps.append("turn")
    assert not queue.running
    with ticket.lending(aside), ticket.turn():  # only before the first
        steps.append("turn")
    assert steps[2:] == ["turn", "turn"]


def test_a_ticket_that_is_given_back_frees_the_model_it_kept() -> None:
    queue = FairQueue(10)

    @contextmanager
    def aside() -> Iterator[None]:
        yield
        raise NewsragError("it is gone")

    ticket = queue.reserve("a", 30)
    with ticket.lending(aside), pytest.raises(NewsragError), ticket.turn():
        pass
    ticket.release()
    ticket.release()
    assert not queue.running
    assert queue.places == 0


@pytest.fixture
def ticket() -> Iterator[Ticket]:
    ticket = FairQueue(1).reserve("a", 30)
    token = TICKET.set(ticket)
    yield ticket
    TICKET.reset(token)


def test_the_model_is_free_again_when_its_text_was_read_to_the_end(ticket: Ticket) -> None:
    model = QueuedModel(ScriptedLLM("one two three", "four"))
    assert "".join(model.stream(HELLO, max_tokens=9)) == "one two three"
    assert "".join(model.stream(HELLO, max_tokens=9)) == "four"
    assert (ticket.prompt_tokens, ticket.answer_tokens) == (2, 4)


def test_a_reader_waits_as_a_model_does_and_its_tokens_are_counted(ticket: Ticket) -> None:
    reader = QueuedReader(PointingReader("in Adana", context_tokens=77))
    read = reader.read(HELLO, "Answer:", ["Arrested in Adana."], "none")
    assert (read.words, reader.name, reader.context_tokens) == ("in Adana", "pointing", 77)
    assert (ticket.prompt_tokens, ticket.answer_tokens) == (reader.count_tokens(HELLO[0].content), 4)
    assert not ticket._queue.running


def test_a_cancelled_ticket_stops_the_model_between_two_pieces(ticket: Ticket) -> None:
    llm = ScriptedLLM("one two three", "four")
    pieces = QueuedModel(llm).stream(HELLO, max_tokens=9)
    next(pieces)
    ticket.cancel()
    with pytest.raises(CancelledError):
        next(pieces)
    assert llm.finished == [False]
    assert not ticket._queue.running


def test_closing_the_text_frees_the_model(ticket: Ticket) -> None:
    llm = ScriptedLLM("one two three")
    pieces = QueuedModel(llm).stream(HELLO, max_tokens=9)
    next(pieces)
    assert ticket._queue.running
    pieces.close()  # type: ignore[attr-defined]
    assert not ticket._queue.running
    assert llm.finished == [False]


def test_a_model_that_fails_is_free_again(ticket: Ticket) -> None:
    class Failing(ScriptedLLM):
        def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
            yield "one"
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        list(QueuedModel(Failing()).stream(HELLO, max_tokens=9))
    assert not ticket._queue.running


def test_the_fair_lock_is_given_in_the_order_it_was_asked_for() -> None:
    lock, order, threads = FairLock(), list[int](), []

    def take(number: int) -> None:
        with lock:
            order.append(number)

    with lock:
        for number in range(8):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            until(lambda number=number: lock._next == number + 2)
    for thread in threads:
        thread.join(10)
    assert order == list(range(8))


def test_who_would_come_too_late_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    queue = FairQueue(100, few=3)

    def admitted() -> list[Ticket]:
        """As many as get a place."""
        tickets: list[Ticket] = []
        for _ in range(101):
            try:
                tickets.append(queue.reserve("a", 60))
            except BusyError:
                return tickets
        raise AssertionError("everybody got a place")

    held = admitted()
    assert len(held) == 100  # nothing is known yet
    for ticket in held:  # one done every 2 seconds
        now += 2
        ticket.release()
    held = admitted()
    assert 13 <= len(held) <= 16  # these take 30 seconds, half the time limit
    for ticket in held:  # now one in 20 seconds
        now += 20
        ticket.release()
        ticket.release()
    held = admitted()
    assert len(held) == 3
    for _ in range(30):  # and quick again: a few at a time find that out
        for ticket in held:
            now += 0.01
            ticket.release()
        held = [queue.reserve("a", 60) for _ in range(3)]
    for ticket in held:
        ticket.release()
    assert len(admitted()) == 100
