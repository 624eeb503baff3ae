from __future__ import annotations

from contextlib import ExitStack
from typing import cast

import pytest

from rag.answering import Rag
from rag.errors import NotReadyError
from rag.server.queueing import CancelledError, FairQueue
from rag.server.states import StaleError, State, States


def state(closed: list[str], name: str) -> State:
    resources = ExitStack()
    resources.callback(closed.append, name)
    return State(cast(Rag, name), resources, name)


def test_a_state_is_closed_when_another_took_over_and_nobody_uses_it() -> None:
    states, closed = States(), list[str]()
    with pytest.raises(NotReadyError), states.use():
        pass
    states.replace(state(closed, "a"))
    with states.use() as used:
        states.replace(state(closed, "b"))
        assert (str(used), closed, states.open) == ("a", [], 2)
        with states.use() as newer:
            assert str(newer) == "b"
    assert (closed, states.open) == (["a"], 1)
    states.replace(None)
    assert (closed, states.open) == (["a", "b"], 0)


def test_who_waits_for_the_model_holds_no_state() -> None:
    states, closed, queue = States(), list[str](), FairQueue(10)
    states.replace(state(closed, "a"))
    ticket = queue.reserve("client", 30)
    held = queue.reserve("other", 30)
    with held.turn(), states.use(ticket):
        pass  # no turn is wanted: nothing happens
    with states.use(ticket), ticket.turn():
        states.replace(state(closed, "b"))
        assert closed == []  # taken back: it has the model and uses the state
    assert closed == ["a"]
    ticket.release()


def test_a_state_that_changed_meanwhile_is_closed_and_the_answer_begins_again() -> None:
    states, closed, queue = States(), list[str](), FairQueue(10)
    states.replace(state(closed, "a"))
    ticket = queue.reserve("client", 30)
    holder = queue.reserve("other", 30)
    turn = holder.turn()
    turn.__enter__()

    def moved(_: int) -> None:
        states.replace(state(closed, "b"))
        assert closed == ["a"]
        turn.__exit__(None, None, None)

    ticket.on_position = moved
    with pytest.raises(StaleError), states.use(ticket), ticket.turn():
        raise AssertionError("not over a state that is closed")
    with states.use(ticket) as used, ticket.turn():
        assert str(used) == "b"
    assert (closed, states.open) == (["a"], 1)


def test_who_is_cancelled_while_waiting_gives_nothing_back_twice() -> None:
    states, closed, queue = States(), list[str](), FairQueue(10)
    states.replace(state(closed, "a"))
    ticket = queue.reserve("client", 30)
    with queue.reserve("other", 30).turn():
        ticket.on_position = lambda _: ticket.cancel()
        with pytest.raises(CancelledError), states.use(ticket), ticket.turn():
            raise AssertionError("nobody waits for this")
    with states.use():
        states.replace(state(closed, "b"))
        assert closed == []
    assert closed == ["a"]
