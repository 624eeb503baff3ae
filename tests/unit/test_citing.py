"""Markers and sentences out of a stream of drafted text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.citing import Draft, parse, sentences


@pytest.mark.parametrize(
    ("sentence", "text", "cited", "unknown"),
    [
        ("Rain fell [1].", "Rain fell.", (0,), ()),
        ("Rain fell. [2]", "Rain fell.", (1,), ()),
        ("[2] Rain fell.", "Rain fell.", (1,), ()),
        ("Rain [1] fell [3].", "Rain fell.", (0, 2), ()),
        ("Yes, rain fell [1].", "Rain fell.", (0,), ()),
        ("[1] No – rain did not fall.", "Rain did not fall.", (0,), ()),
        ("No one was hurt [1].", "No one was hurt.", (0,), ()),
        ("No. 5 was shut [1].", "No. 5 was shut.", (0,), ()),
        ("“No, rain fell,” he said [1].", "“No, rain fell,” he said.", (0,), ()),
        ("Yes [1].", "Yes.", (0,), ()),
        ("Rain fell [1][2].", "Rain fell.", (0, 1), ()),
        ("Rain fell [1, 2; 3].", "Rain fell.", (0, 1, 2), ()),
        ("Rain fell [ 2 ] .", "Rain fell.", (1,), ()),
        ("Rain fell [2][1][2].", "Rain fell.", (1, 0), ()),
        ("Rain fell [[2]].", "Rain fell.", (1,), ()),
        ("Rain fell [0].", "Rain fell.", (), (0,)),
        ("Rain fell [99].", "Rain fell.", (), (99,)),
        ("Rain fell [4, 3].", "Rain fell.", (2,), (4,)),
        ("Rain fell [-1].", "Rain fell [-1].", (), ()),
        ("Rain fell [sic].", "Rain fell [sic].", (), ()),
        ("Rain fell [].", "Rain fell [].", (), ()),
        ("Rain fell (1).", "Rain fell (1).", (), ()),
        ("[1]", "", (0,), ()),
        ("", "", (), ()),
    ],
)
def test_markers_leave_the_text_and_never_point_outside_the_evidence(
    sentence: str, text: str, cited: tuple[int, ...], unknown: tuple[int, ...]
) -> None:
    assert parse(sentence, 3) == Draft(text, cited, unknown)


@given(st.text("[]0123456789,; ab.", max_size=30), st.integers(0, 5))
def test_whatever_is_drafted_no_position_is_out_of_bounds(sentence: str, available: int) -> None:
    assert all(0 <= i < available for i in parse(sentence, available).cited)


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("Rain fell [1]. Wind rose [2].", ["Rain fell [1].", "Wind rose [2]."]),
        ("Rain fell. [1] Wind rose. [2]", ["Rain fell. [1]", "Wind rose. [2]"]),
        ("Rain fell [1] Wind rose [2]", ["Rain fell [1]", "Wind rose [2]"]),
        ("[1] Rain fell.\n[2] Wind rose.", ["[1] Rain fell.", "[2] Wind rose."]),
        ("Rain fell\n\nWind rose", ["Rain fell", "Wind rose"]),
        ("It cost $3.5 million. He left.", ["It cost $3.5 million.", "He left."]),
        ("Mr. Ost met Dr. B. at 5 p.m. on Friday. He left.", ["Mr. Ost met Dr. B. at 5 p.m. on Friday.", "He left."]),
        ("“It is over. We lost,” she said. He left.", ["“It is over. We lost,” she said.", "He left."]),
        ("She said “It is over.” [1] He left.", ["She said “It is over.” [1]", "He left."]),
        ("Is it over? Yes! It is.", ["Is it over?", "Yes!", "It is."]),
        ("Wait... It moved.", ["Wait...", "It moved."]),
        ("cut off in the mid", ["cut off in the mid"]),
        (" \n ", []),
        ("", []),
    ],
)  # fmt: skip
def test_a_draft_is_cut_into_its_sentences(draft: str, expected: list[str]) -> None:
    assert list(sentences([draft])) == expected


_BITS = ["Rain fell", "Wind", "340", "3.5", "Mr. ", "p.m.", "U.S.", " and ", "[1]", " [2]", "[1, 2]", *'.!?…[]“”") \n']
_DRAFTS = st.lists(st.sampled_from([*_BITS, ". ", "! ", "..."]), max_size=12).map("".join)


@given(_DRAFTS, st.data())
def test_where_the_stream_is_cut_does_not_change_the_sentences(draft: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(draft)), max_size=6)))
    pieces = [draft[a:b] for a, b in zip([0, *cuts], [*cuts, len(draft)], strict=True)]
    assert list(sentences(pieces)) == list(sentences([draft]))


def test_a_sentence_comes_as_soon_as_the_next_one_begins() -> None:
    pieces = iter(["Rain ", "fell", ". [1]", " W", "ind rose."])
    assert next(sentences(pieces)) == "Rain fell. [1]"
    assert list(pieces) == ["ind rose."]
