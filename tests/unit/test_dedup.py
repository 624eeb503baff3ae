"""Copies of one wire story, and what only looks like one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from rag import dedup, lexical
from rag.dedup import Text
from tests.benchmarks.bench_copies import figures, taken
from tests.copies import corpus, pairs

WIRE = corpus()["osterlay-bridge-wire-1"]
PARAGRAPHS = WIRE.split("\n\n")
OTHER = corpus()["brenna-ferry-1"]


def alike(a: str, b: str) -> bool:
    forth, back = dedup.likeness(Text.of(a), Text.of(b)), dedup.likeness(Text.of(b), Text.of(a))
    assert forth == back
    return forth > 0


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        str.upper,
        lambda text: text.partition(" – ")[2],
        lambda text: "PELLAN, Dec 10 (ORB News) - " + text.partition(" – ")[2],
        lambda text: "\n\n".join([*PARAGRAPHS[:4], OTHER.split("\n\n")[1], *PARAGRAPHS[4:]]),
        lambda text: "\n\n".join(PARAGRAPHS[:7]),
        lambda text: "\n\n".join(PARAGRAPHS[:4]),
        lambda text: f"{text}\n\n(c) ORB News. All rights reserved.",
        lambda text: text.replace("the ", "tbe ", 6),
    ],
)
def test_a_copy_is_one_however_it_was_changed(change: Callable[[str], str]) -> None:
    assert alike(WIRE, change(WIRE))


@pytest.mark.parametrize(
    "other",
    [
        OTHER,
        f"{WIRE}\n\n{OTHER}",
        WIRE.replace("killing seven people", "killing nine people"),
        re.sub(r"\b19 vehicles", "21 vehicles", WIRE),
        "\n\n".join([*OTHER.split("\n\n"), *PARAGRAPHS[5:8]]),
        corpus()["osterlay-bridge-1"],
    ],
)
def test_another_story_is_none(other: str) -> None:
    assert not alike(WIRE, other)


def test_a_correction_is_no_copy_of_what_it_corrects() -> None:
    texts = corpus()
    assert not alike(texts["brindle-water-1"], texts["brindle-water-2"])


def test_short_texts_are_compared_as_a_whole() -> None:
    assert alike("Rain", "rain")
    assert not alike("Rain", "Snow")


def test_keys_are_of_the_words_and_copies_share_some() -> None:
    keys = dedup.keys(Text.of(WIRE))
    assert len(keys) == 64
    assert keys == dedup.keys(Text.of(WIRE.upper()))
    assert set(keys) & set(dedup.keys(Text.of("\n\n".join(PARAGRAPHS[:4]))))
    assert not set(keys) & set(dedup.keys(Text.of(OTHER)))
    assert all(-(2**63) <= key < 2**63 for key in keys)


def test_figures_are_known_by_the_words_beside_them() -> None:
    text = Text.of("At least 340 civilians were killed on 8 March, and twelve more people are missing.")
    assert sorted(word for words in text.figures.values() for word in words) == ["340", "twelve"]


def test_precision_and_recall_on_the_half_that_no_threshold_was_chosen_on() -> None:
    found = [(pair, taken(pair)) for pair in pairs() if pair.half == "test"]
    got = figures(found)
    assert got["pairs"] >= 350
    assert got["precision"] == 1
    assert got["recall"] >= 0.93


def test_halves_share_no_event() -> None:
    runs = {
        half: {r for p in pairs() if p.half == half for r in lexical.shingles(p.first, 12)} for half in ("dev", "test")
    }
    forms = {p.first for p in pairs() if p.kind in ("match", "weather", "market")}
    shared = runs["dev"] & runs["test"] - {r for form in forms for r in lexical.shingles(form, 12)}
    assert not shared
