"""Decoding that can only copy. The model is a table of wishes here: whatever it wants, words of a sentence come out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.llms.copying import Copyable, Copying
from rag.reading import ANSWER_TOKENS
from rag.types import Reading

SENTENCES = ["At least 340 people died, said Ivo Marek.", "Nobody (not even “Anna”) paid €20."]


def encode(text: str) -> list[int]:
    """A token is a character, but for the opening of a number."""
    tokens = [ord(c) for c in text]
    return [1, *tokens[2:]] if text.startswith(" [") else [ord(text[1])] if text == " none" else tokens


def decode(token: int) -> str:
    return " [" if token == 1 else chr(token)


def run(wishes: list[dict[str, float]], sentences: list[str] = SENTENCES) -> Reading:
    """Decode greedily while the model wishes for these characters, one mapping a step, the last one from then on."""
    copying = Copying(Copyable.of(encode, sentences, "none"), decode)
    for step in range(ANSWER_TOKENS):
        logits = np.zeros(9000, np.single)
        for character, wish in wishes[min(step, len(wishes) - 1)].items():
            logits[1 if character == "[" else ord(character)] = wish
        chosen = copying(None, logits)
        assert (chosen > -np.inf).sum() == 1
        if copying.reading is not None:
            return copying.reading
    raise AssertionError("no number was reached")


def spell(text: str) -> list[dict[str, float]]:
    return [{c: 20.0} for c in f" {text}"] + [{"[": 20.0}, {"1": 5.0, "2": 1.0}]


def test_the_words_the_model_wants_are_written_where_they_stand_in_a_sentence() -> None:
    reading = run(spell("340"))
    assert reading.words == "340"
    assert reading.likelihood == pytest.approx(0.0, abs=1e-3)
    assert reading.sentences == pytest.approx((-0.018, -4.018), abs=0.001)


def test_a_misspelling_cannot_be_written() -> None:
    assert run(spell("Ivo Marok")).words.startswith("Ivo Mar")
    assert "Marok" not in run(spell("Ivo Marok")).words


def test_an_answer_does_not_end_inside_a_word() -> None:
    assert run([*spell("peop")[:5], {"[": 20.0}]).words == "people"


@pytest.mark.parametrize("words", ["Anna", "€20", "Nobody"])
def test_an_answer_may_begin_after_a_mark(words: str) -> None:
    assert run(spell(words)).words == words


def test_saying_none_is_weighed_and_not_written() -> None:
    reading = run([{" ": 0.0, "n": 9.0}, {"N": 3.0}, *spell("Nobody")[2:]])
    assert reading.words
    assert reading.none > reading.likelihood


@given(st.lists(st.dictionaries(st.sampled_from("[ aeionrtdP340€N“”"), st.floats(-20, 20)), min_size=1, max_size=40))
def test_whatever_the_model_wants_the_words_stand_in_a_sentence(wishes: list[dict[str, float]]) -> None:
    reading = run(wishes)
    assert any(reading.words in sentence for sentence in SENTENCES)
    assert len(reading.sentences) == len(SENTENCES)
    assert np.exp(reading.sentences).sum() == pytest.approx(1.0)
