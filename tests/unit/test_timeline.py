"""Sentences in the order of what they tell, each with its day and where that is from."""

from __future__ import annotations

from datetime import date

import pytest

from rag.events import day_of, event_day
from rag.evidence import Query
from rag.timeline import dated, in_order, lines, on_topic
from rag.types import AnswerSentence, Article, Evidence, Span

THURSDAY = date(2025, 11, 6)


def told(text: str, published: str | None = "2025-11-06", *, score: float = 0.0, name: str = "") -> Evidence:
    article = Article(name or f"{published}-{text[:20]}", "Flood in Aldra", text, published=published)
    return Evidence(article, Span(0, len(text)), score, {}, 0)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("The bank gave way on Monday.", "2025-11-03"),
        ("The bank gave way on Thursday.", "2025-11-06"),
        ("The bank gave way last Thursday.", "2025-10-30"),
        ("The line will reopen on Saturday.", "2025-11-08"),
        ("The line is to reopen next Thursday.", "2025-11-13"),
        ("Rain fell yesterday.", "2025-11-05"),
        ("The dam was opened on 12 December 2024.", "2024-12-12"),
        ("The fair opened on 3 November.", "2025-11-03"),
        ("The vote will be held on 3 July.", "2026-07-03"),
        ("The thefts began in January 2017.", "2017-01"),
        ("The council met last month.", "2025-10"),
        ("It was built in 1988.", "1988"),
        ("The coroner cut the number to 23, from the 24 announced on Wednesday.", None),
        ("The line has been shut since Monday.", None),
        ("He was born on 4 May 1970 and died on 5 June 1990.", None),
        ("They may march.", None),
        ("Water rose by 30 centimetres.", None),
    ],
)
def test_the_day_that_a_sentence_says(text: str, day: str | None) -> None:
    assert event_day(text, THURSDAY) == day


def test_what_is_relative_needs_the_date_of_the_article() -> None:
    assert event_day("The bank gave way on Monday.", None) is None
    assert event_day("The thefts began in January 2017.", None) == "2017-01"


def test_without_its_own_day_a_sentence_has_that_of_its_article() -> None:
    assert day_of(told("Rain fell yesterday.")) == ("2025-11-05", "event")
    assert day_of(told("Water rose.")) == ("2025-11-06", "article")
    assert day_of(told("Water rose.", "2025-11-06T23:30:00-05:00")) == ("2025-11-07", "article")
    assert day_of(told("Water rose.", None)) == (None, None)


def test_the_oldest_event_comes_first_and_what_has_no_date_last() -> None:
    late, early = told("The bank gave way on Monday."), told("Rain fell in Aldra.", "2025-11-05")
    assert [line.evidence for line in in_order([told("Undated.", None), early, late])][:2] == [late, early]


def test_of_one_day_the_article_that_came_out_first_in_utc_is_first() -> None:
    first = told("Rain fell in Aldra.", "2025-11-06T10:00:00+09:00")
    then = told("The river rose in Aldra.", "2025-11-06T02:00:00Z")
    assert [line.evidence for line in in_order([then, first])] == [first, then]


def test_what_opens_an_article_is_in_and_a_repetition_is_not() -> None:
    lead = told("Twelve people died when the river broke into Aldra on Monday.", "2025-11-03", score=-4.0)
    again = told("Twelve people died when the river broke into Aldra on Monday.", "2025-11-04", name="wire")
    best = told("The flood in Aldra has killed 24 people.", score=1.0)
    far = told("A shop sold boots.", score=-3.0)
    chosen = [line.evidence for line in lines([best, again, far], [lead])]
    assert chosen == [lead, best]


def test_no_article_has_more_than_three_lines() -> None:
    sentences = [f"Report {n} told of {n}00 homes in Aldra." for n in range(2, 9)]
    text = " ".join(sentences)
    article = Article("a", "Aldra", text, published="2025-11-06")
    spans = [Span(text.index(s), text.index(s) + len(s)) for s in sentences]
    assert len(lines([Evidence(article, span, 1.0, {}, 0) for span in spans], [])) == 3


def test_a_topic_that_no_article_is_about_has_no_evidence() -> None:
    rarity = {"aldra": 1.0, "earthquak": 2.0, "flood": 1.0}
    items = [told("The flood in Aldra has killed 24 people.")]
    assert on_topic(Query.of("the Aldra flood", rarity), items) == items
    assert on_topic(Query.of("the Aldra earthquake", rarity), items) == []


def test_a_line_says_where_its_date_is_from() -> None:
    assert dated(AnswerSentence("“Rain fell.”", (1,), "quoted", 1.0, "2025-11-05", "event")) == (
        "2025-11-05: “Rain fell.” [1]"
    )
    assert dated(AnswerSentence("“Rain fell.”", (1,), "quoted", 1.0, "2025-11-05", "article")) == (
        "2025-11-05 (published): “Rain fell.” [1]"
    )
    assert dated(AnswerSentence("“Rain fell.”", (1,), "quoted", 1.0)) == "undated: “Rain fell.” [1]"
