"""Copies of one wire story."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import lexical
from rag.dedup import CopyGroups

WIRE = "Two safety inspections were skipped in the months before the bridge fell into the river, an inquiry said."
OTHER = (
    "The inquiry into the fall of the bridge said on Tuesday that inspections of its safety had been skipped two times."
)


def group_copies(texts: Iterable[str]) -> list[int]:
    groups = CopyGroups()
    return [groups.add(lexical.words(text)) for text in texts]


@pytest.mark.parametrize(
    ("texts", "groups"),
    [
        ([WIRE, WIRE], [0, 0]),
        ([WIRE, OTHER], [0, 1]),
        ([WIRE, OTHER, WIRE.upper(), f"(Wire) {WIRE}"], [0, 1, 0, 0]),
        ([WIRE, WIRE[:80]], [0, 0]),
        ([WIRE, f"{WIRE} {OTHER}"], [0, 0]),
        (["Rain", "Rain", "Snow"], [0, 0, 2]),
        ([], []),
    ],
)
def test_a_text_belongs_to_the_first_that_it_copies(texts: list[str], groups: list[int]) -> None:
    assert group_copies(texts) == groups


def test_a_copy_of_a_copy_is_compared_with_the_first() -> None:
    words = [f"w{i}" for i in range(44)]
    assert group_copies([" ".join(words[i : i + 30]) for i in (0, 7, 14)]) == [0, 0, 2]


@given(st.lists(st.text("abc ", max_size=40), max_size=8))
def test_groups_point_at_their_own_first(texts: list[str]) -> None:
    groups = group_copies(texts)
    assert all(first <= i and groups[first] == first for i, first in enumerate(groups))
    assert all(groups[i] == groups[texts.index(text)] for i, text in enumerate(texts))


@given(st.lists(st.lists(st.sampled_from("a1 b1 c1 d1".split()), max_size=14).map(" ".join), max_size=10))
def test_groups_are_those_that_comparing_every_pair_gives(texts: list[str]) -> None:
    sets = [lexical.shingles(text) for text in texts]
    expected: list[int] = []
    for i, mine in enumerate(sets):
        originals = [j for j in range(i) if expected[j] == j]
        copied = (j for j in originals if len(mine & sets[j]) / min(len(mine), len(sets[j])) >= 0.7)
        expected.append(next(copied, i))
    assert group_copies(texts) == expected
