"""When a watched folder or address is indexed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from rag import watching


class Clock:
    """Time that passes only while somebody sleeps, and what happens at which second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.at: dict[float, Callable[[], object]] = {}

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for when in [when for when in self.at if when <= self.now]:
            self.at.pop(when)()


def times(clock: Clock, rounds: Iterator[Callable[[], None]], count: int) -> list[float]:
    found = []
    for _ in range(count):
        next(rounds)
        found.append(clock.now)
    return found


def test_a_change_is_indexed_when_it_has_come_to_rest(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "below" / "a.txt"
    file.parent.mkdir()
    for second in (10, 11, 12):
        clock.at[second] = lambda second=second: file.write_text("x" * second)  # type: ignore[misc]
    clock.at[40] = file.unlink
    rounds = watching.rounds([str(tmp_path)], False, 1.0, sleep=clock.sleep, clock=lambda: clock.now)
    assert times(clock, rounds, 3) == [0, 13, 41]


def test_a_file_that_never_rests_is_indexed_all_the_same(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "a.txt"
    for second in range(1, 100):
        clock.at[second] = lambda second=second: file.write_text("x" * second)  # type: ignore[misc]
    rounds = watching.rounds([str(tmp_path)], False, 1.0, sleep=clock.sleep, clock=lambda: clock.now)
    assert times(clock, rounds, 2) == [0, 31]


def test_addresses_are_asked_every_five_minutes_and_failures_tried_again_in_one(tmp_path: Path) -> None:
    clock = Clock()
    rounds = watching.rounds([], True, 10.0, sleep=clock.sleep, clock=lambda: clock.now)
    assert times(clock, rounds, 3) == [0, 300, 600]
    failed = next(rounds)
    failed()
    assert times(clock, rounds, 1) == [960]
    rounds = watching.rounds([], True, 1000.0, sleep=clock.sleep, clock=lambda: clock.now)
    assert times(clock, rounds, 2) == [960, 1960]


def test_links_in_a_circle_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    assert list(watching.look([str(tmp_path), str(tmp_path / "missing")])) == [str(tmp_path / "a.txt")]
