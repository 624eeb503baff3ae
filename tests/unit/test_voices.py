"""Whose words a question asks for, and whose a sentence gives."""

from __future__ import annotations

import time

import pytest

from rag.types import Article, Evidence, Span
from rag.voices import anything_asked, asked_of, at_length, others_last, preferred

TEXT = (
    "The council met on Monday. Opposition leader Tarek Winslade said the council had 14 million crowns in reserve. "
    "“They are sitting on the umbrella and telling us it is raining,” he said. The meeting lasted five hours. "
    "“Nobody slept for the whole of the night,” said the chairwoman, Thandeka Rowse. “We are all rather tired of it.” "
    "The budget was called “robust” in a leaflet. Winslade left at ten."
)
ARTICLE = Article("council", "Council meets", TEXT)


def evidence(text: str, score: float = 0.0) -> Evidence:
    start = TEXT.index(text)
    return Evidence(ARTICLE, Span(start, start + len(text)), score, {})


SENTENCES = (
    "The council met on Monday.",
    "Opposition leader Tarek Winslade said the council had 14 million crowns in reserve.",
    "“They are sitting on the umbrella and telling us it is raining,” he said.",
    "“Nobody slept for the whole of the night,” said the chairwoman, Thandeka Rowse.",
    "“We are all rather tired of it.”",
    "Winslade left at ten.",
)


@pytest.mark.parametrize(
    ("question", "who"),
    [
        ("What did Tarek Winslade say about the reserve?", "Tarek Winslade"),
        ("How did the chairwoman describe the night?", "the chairwoman"),
        ("What was Tarek Winslade's jibe about the council's reserve?", "Tarek Winslade"),
        ("What has Rowse said of the night?", "Rowse"),
        ("What accusation did the Workers' Party of Turkey make against Syria?", "the Workers' Party of Turkey"),
        ("What had Vandersloot promised her mother?", "Vandersloot"),
        ("How many people died in the flood?", None),
        ("Who said the bridge was safe?", None),
        ("What did the bridge cost?", None),
        ("What did Maren Hollisk say sorry for?", None),
    ],
)
def test_whose_words_a_question_asks_for(question: str, who: str | None) -> None:
    assert asked_of(question) == who


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        ("What did Tarek Winslade say about the reserve?", SENTENCES[2], SENTENCES[1]),
        ("What was Winslade's jibe about the reserve?", SENTENCES[2], SENTENCES[1]),
        ("What did Thandeka Rowse say of the night?", SENTENCES[3], SENTENCES[4]),
        ("What did the chairwoman say of the night?", SENTENCES[3], SENTENCES[4]),
    ],
)
def test_the_words_of_the_one_who_is_asked_about_come_first(question: str, first: str, second: str) -> None:
    ranked = [evidence(s, -0.01 * n) for n, s in enumerate(SENTENCES)]
    assert [e.text for e in preferred(question, ranked)[:2]] == [first, second]


def test_words_that_go_on_are_as_near_as_what_they_go_on_from() -> None:
    ranked = [evidence(SENTENCES[1], 0.0), evidence(SENTENCES[3], -0.5), evidence(SENTENCES[2], -9.0)]
    moved = preferred("What was Winslade's jibe about the reserve?", ranked)
    assert moved[0].text == SENTENCES[2]
    assert moved[0].score > moved[1].score > -9.0


@pytest.mark.parametrize("question", ["How long was the meeting?", "What did Ann Bell say about the reserve?"])
def test_a_question_for_nobodys_words_or_for_somebody_elses_leaves_the_order(question: str) -> None:
    ranked = [evidence(s, -0.1 * n) for n, s in enumerate(SENTENCES)]
    assert preferred(question, ranked) == ranked


def test_one_word_in_quotation_marks_is_nobodys_statement() -> None:
    leaflet, words = evidence("The budget was called “robust” in a leaflet.", 0.0), evidence(SENTENCES[4], -1.0)
    assert preferred("What did Thandeka Rowse say of the budget?", [leaflet, words])[0] == words_moved(words)


def words_moved(item: Evidence) -> Evidence:
    """The same sentence with what its voice and its own words are worth."""
    [moved] = preferred("What did Thandeka Rowse say of the budget?", [item])
    assert moved.score > item.score
    return moved


@pytest.mark.parametrize("question", ["what did " * 220, "what did a " * 180, "what was a's " * 150, "A’s " * 500])
def test_a_question_made_to_be_slow_is_not(question: str) -> None:
    start = time.process_time()
    asked_of(question)
    assert time.process_time() - start < 1.0


def test_the_words_of_another_named_source_come_last() -> None:
    items = [evidence(text, -float(i)) for i, text in enumerate(SENTENCES)]
    moved = {e.text: e.score for e in others_last("What did Thandeka Rowse say?", items)}
    assert [moved[text] for text in SENTENCES] == [0.0, -4.0, -5.0, -3.0, -4.0, -5.0]
    assert sorted(moved.values(), reverse=True) == list(moved.values())


def test_nobody_is_moved_where_nobodys_words_are_asked_for_or_no_name_is_given() -> None:
    items = [evidence(text, -float(i)) for i, text in enumerate(SENTENCES)]
    for question in ("How long did the meeting last?", "What did the chairwoman say?"):
        assert [e.text for e in others_last(question, items)] == list(SENTENCES)


def test_a_quotation_that_goes_on_is_given_whole() -> None:
    article = [evidence(text) for text in SENTENCES]
    rowse = [article[3], article[4]]
    assert at_length("What did Rowse say of the night?", article[3], article) == rowse
    assert at_length("What did Rowse say of the night?", article[4], article) == rowse


def test_words_that_stand_alone_or_that_nobody_asks_for_are_left_alone() -> None:
    article = [evidence(text) for text in SENTENCES]
    assert at_length("What did Winslade say of the council?", article[1], article) == []
    assert at_length("How long did the night last?", article[3], article) == []
    assert at_length("What did Rowse say of the night?", article[3], []) == []


@pytest.mark.parametrize(
    ("question", "anything"),
    [
        ("What did Yakup Ataş say?", True),
        ("What was Tarek Winslade's reaction?", True),
        ("What message did Tarek Winslade issue?", True),
        ("Which promise did Tarek Winslade make?", True),
        ("What promise did Tarek Winslade make about the reserve?", False),
        ("What did Tarek Winslade say about the reserve?", False),
        ("What did the chairwoman say?", False),  # which one?
        ("What did the council spend?", False),
    ],
)
def test_whether_anything_that_somebody_said_will_do(question: str, anything: bool) -> None:
    assert anything_asked(question) == anything
