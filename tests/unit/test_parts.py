"""Questions taken apart, each part fit to be searched for by itself."""

from __future__ import annotations

import pytest

from rag import lexical
from rag.parts import MOST, taken_apart


@pytest.mark.parametrize(
    "question",
    [
        "Who won the race?",
        "What did the man who robbed the bank and who fled to Oslo say?",
        "How many people marched on Monday?",
        "Was the fire at Aldra and Beltane put out?",
        "Who leads the union of miners and of dockers?",
    ],
)
def test_one_question_stays_one(question: str) -> None:
    assert taken_apart(question).asked == (question,)


def test_two_questions_are_two() -> None:
    first, second = taken_apart("Who bought the Aldra mine, and how much did he pay?").asked
    assert first == "Who bought the Aldra mine?"
    assert second.startswith("how much did he pay")
    assert "Aldra" in second


def test_two_question_words_share_the_rest() -> None:
    assert taken_apart("When and where was the treaty signed?").asked == (
        "When was the treaty signed?",
        "where was the treaty signed?",
    )


def test_a_part_of_few_words_borrows_what_it_is_about() -> None:
    _, second = taken_apart("How many homes in Aldra had no water on Monday, and how many on Friday?").asked
    assert {"homes", "water", "aldra", "friday"} <= set(lexical.words(second))
    assert "monday" not in lexical.words(second)


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        ("How does the rent in Oslo compare with the rent in Bergen?", "oslo", "bergen"),
        ("Which lake is deeper, Loch Ness or Lake Como?", "ness", "como"),
        ("What is the difference between the offer of Aldra and the bid of Beltane?", "aldra", "beltane"),
        ("Is the new stadium bigger than the old arena?", "stadium", "arena"),
        ("What did Aldra and Beltane pay?", "aldra", "beltane"),
        ("How did the price of the oats change from March to May?", "march", "may"),
    ],
)
def test_each_of_two_things_gets_the_question_without_the_other(question: str, first: str, second: str) -> None:
    one, other = (lexical.words(part) for part in taken_apart(question).asked)
    assert (first in one, second in one) == (True, False)
    assert (first in other, second in other) == (False, True)


def test_a_thing_without_a_name_borrows_the_names() -> None:
    _, other = taken_apart("How far apart were the bids for Aldra Dam and the price they paid?").asked
    assert {"price", "aldra", "dam"} <= set(lexical.words(other))
    assert "bids" not in lexical.words(other)


def test_days_of_one_month_share_it() -> None:
    one, other = taken_apart("How did the toll grow between 9 and 26 February?").asked
    assert ("9 February" in one, "26" in one, "26 February" in other) == (True, False, True)


def test_what_only_one_part_says_is_its_own_but_for_days() -> None:
    parts = taken_apart("How many homes in Aldra had no water on Monday, and how many on Friday?")
    assert all(lexical.stem("monday") not in own for own in parts.own)
    assert taken_apart("What did Aldra and Beltane pay?").own == (("aldra",), (lexical.stem("beltane"),))


def test_there_are_never_more_parts_than_an_answer_can_have() -> None:
    question = " ".join(f"Who won race {n}?" for n in range(9))
    assert len(taken_apart(question).asked) == MOST


@pytest.mark.parametrize("question", ["?", "and", "who and when", "and and and?", "or", ": what", "???  ? x"])
def test_odd_questions_have_at_least_one_part(question: str) -> None:
    assert taken_apart(question).asked
