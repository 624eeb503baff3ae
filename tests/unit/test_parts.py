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


@pytest.mark.parametrize(
    "question",
    [
        "A storm hit Aldra in May. Who paid for the repairs in Beltane, and what did they cost?",
        "Who paid for the repairs in Beltane, and what did they cost? I need both.",
    ],
)
def test_a_statement_beside_a_question_is_no_part(question: str) -> None:
    first, second = taken_apart(question).asked
    assert first == "Who paid for the repairs in Beltane?"
    assert second.startswith("what did they cost")


def test_a_statement_before_lends_its_names_where_no_part_has_any() -> None:
    parts = taken_apart("A storm hit Aldra in May. Who paid for the repairs, and what did they cost?").asked
    assert all("Aldra" in part for part in parts)


def test_a_statement_alone_with_a_question_leaves_it_whole() -> None:
    question = "Who stopped the plan? The accounts seem to vary."
    assert taken_apart(question).asked == (question,)


def test_what_stands_before_two_questions_is_for_both() -> None:
    assert taken_apart("On 18 May 2019, what became of the ban in Aldra, and what went on at the mine?").asked == (
        "On 18 May 2019, what became of the ban in Aldra?",
        "On 18 May 2019, what went on at the mine (Aldra)?",
    )


@pytest.mark.parametrize("tail", ["and how much each", "and what are the two figures", "and what were their amounts"])
def test_what_asks_for_each_of_two_things_is_no_part(tail: str) -> None:
    parts = taken_apart(f"Who promised more money, Aldra or Beltane, {tail}?")
    assert (parts.asked, parts.compared) == (
        ("Who promised more money, Aldra?", "Who promised more money, Beltane?"),
        True,
    )


def test_things_are_told_apart_where_they_are_compared() -> None:
    assert taken_apart(
        "How hot did the G, H and J keys get on the new Aldra versus the 2018 Beltane in tests?"
    ).asked == (
        "How hot did the G, H and J keys get on the new Aldra in tests?",
        "How hot did the G, H and J keys get on the 2018 Beltane in tests?",
    )


def test_a_comparison_asks_for_each_thing_itself() -> None:
    assert taken_apart("Set the figures of Aldra and Beltane on 9 May side by side.").asked == (
        "What is the figures of Aldra on 9 May.",
        "What is the figures of Beltane on 9 May.",
    )


def test_what_is_earlier_asks_for_two_days() -> None:
    assert taken_apart("Will the Aldra fair in May come before the Beltane cup?").asked == (
        "When is the Aldra fair in May?",
        "When is the Beltane cup?",
    )
    assert len(taken_apart("Were troops deployed after the Aldra flood?").asked) == 1


def test_its_is_whose_was_named() -> None:
    _, other = taken_apart("Is Aldra's part in the trade bigger than its part in the debt?").asked
    assert other == "What is Aldra's part in the debt?"


def test_it_is_who_did_the_first_thing() -> None:
    _, second = taken_apart("What did Aldra concede to Beltane, and which bid of Corvane did it back?").asked
    assert second == "which bid of Corvane did Aldra back?"


def test_one_word_is_read_with_the_first_question() -> None:
    _, second = taken_apart("Was the page of Aldra hacked on its first day? What was alleged?").asked
    assert {"page", "hacked", "aldra"} <= set(lexical.words(second))


def test_two_things_after_the_same_word_are_two_questions() -> None:
    first, second = taken_apart("What is the plan for reopening the old mine and for closing the new pit?").asked
    assert ("mine" in first, "pit" in first) == (True, False)
    assert ("mine" in second, "pit" in second) == (False, True)


def test_what_is_between_two_places_is_one_thing() -> None:
    question = "How big is trade between Aldra and Beltane?"
    assert taken_apart(question).asked == (question,)
