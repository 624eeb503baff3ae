"""What kind of answer a question asks for, and which sentences could hold one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import questions
from rag.errors import UsageError
from rag.questions import Asked, asked, fits, key_names


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many people were executed?", "number"),
        ("What is the total death toll?", "number"),
        ("What was the turnout?", "number"),
        ("How much money did the bank pay?", "money"),
        ("When did al-Sharaa seize power?", "when"),
        ("What year was the bridge built?", "when"),
        ("Who leads the CHP?", "who"),
        ("Where did the ferry sink?", "where"),
        ("In which city was the rally?", "where"),
        ("What did Yakup Ataş say?", "said"),
        ("How did the mayor respond?", "said"),
        ("Why was the bridge shut?", "why"),
        ("Who paid the fine?", "who"),
        ("Why did the cost of bread rise?", "why"),
        ("What did the mayor say about the budget?", "said"),
        ("What did the line end up costing?", "money"),
        ("How much is a ride on the tram?", "money"),
        ("In which minute did she score?", "number"),
        ("In what way did it change?", "other"),
        ("What was the main reason for the delay?", "why"),
        ("Tell me about the storm.", "other"),
        ("", "other"),
    ],
)
def test_question_words_tell_what_is_wanted(question: str, kind: Asked) -> None:
    assert asked(question) == kind


@pytest.mark.parametrize(
    ("question", "sentence", "holds"),
    [
        ("How many people died in 2025?", "Twelve people died in 2025.", 1),
        ("How many people died in 2025?", "People died in 2025.", 0),
        ("How much money did the bank pay?", "It paid $5 million.", 1),
        ("How much money did the bank pay?", "It paid 5 people.", 0),
        ("How much money did the bank pay?", "It paid 5.5 million crowns.", 1),
        ("How many people died?", "They died on 24 October 2024 at 3 p.m.", 0),
        ("How long a term did he get?", "The judge gave him seven years.", 1),
        ("How long a term did he get?", "The judge set it for 24 October and heard 9 witnesses.", 0),
        ("How far is the town from the sea?", "It lies 40 kilometres inland.", 1),
        ("When did the ferry sink?", "It sank on Friday.", 1),
        ("When did the ferry sink?", "It sank fast.", 0),
        ("Who leads the CHP?", "The CHP is led by Özgür Özel.", 1),
        ("Who leads the CHP?", "It is led by the CHP.", 0),
        ("Where did the ferry sink?", "It sank off Brenna.", 1),
        ("Where did the ferry sink?", "It sank fast.", 0),
        ("What did the mayor say?", "The mayor said no.", 1),
        ("What did the mayor say?", "The mayor left.", 0),
        ("Why was it shut?", "It was shut because of rust.", 1),
        ("Why was it shut?", "It was shut.", 0),
        ("Tell me about the storm.", "It rained.", 0.5),
    ],
)
def test_a_sentence_fits_when_it_holds_something_new_of_that_kind(question: str, sentence: str, holds: float) -> None:
    assert fits(asked(question), question, sentence) == holds


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Who leads the CHP in 2025?", ["chp", "2025"]),
        ("What did Yakup Ataş say to Ataş?", ["yakup", "atas"]),
        ("Did the U.N. count 1,400?", ["u.n", "1,400"]),
        ("who leads it?", []),
    ],
)
def test_names_and_numbers_are_what_an_answer_must_be_about(question: str, names: list[str]) -> None:
    assert key_names(question) == names


@pytest.mark.parametrize("question", ["", " \n", "?!", "…", "\u200b", "\ud800"])
def test_a_question_without_words_is_a_usage_error(question: str) -> None:
    with pytest.raises(UsageError, match="the question is empty"):
        questions.checked(question, 2000)


def test_a_question_too_long_is_a_usage_error_that_says_by_how_much() -> None:
    assert questions.checked(f" {'x' * 100} ", 100) == "x" * 100
    with pytest.raises(UsageError, match="the question has 101 characters, more than 100: shorten it"):
        questions.checked("x" * 101, 100)


def test_half_characters_are_replaced_since_no_model_takes_them() -> None:
    assert questions.checked("Who \ud83d leads?", 100) == "Who ? leads?"


@given(st.text(), st.text())
def test_no_text_breaks_reading_a_question(question: str, sentence: str) -> None:
    assert fits(asked(question), question, sentence) in (0.0, 0.5, 1.0)
    key_names(question)
