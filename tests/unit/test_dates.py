"""Dates in questions, seen from one day: Wednesday 12 March 2025."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.dates import Period, Timing, effects, known_on, spelled, timing

TODAY = date(2025, 3, 12)


def days(text: str) -> tuple[date | None, date | None]:
    """`2025-03-01 2025-03-31`, `.. 2023-12-31`"""
    first, last = (None if part == ".." else date.fromisoformat(part) for part in text.split())
    return first, last


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What burned in March 2025?", "2025-03-01 2025-03-31"),
        ("what burned in march 2025", "2025-03-01 2025-03-31"),
        ("Who won last week?", "2025-03-03 2025-03-09"),
        ("What did he say on Monday?", "2025-03-10 2025-03-10"),
        ("What did he say on monday?", "2025-03-10 2025-03-10"),
        ("How many died yesterday?", "2025-03-11 2025-03-11"),
        ("Who left the day before yesterday?", "2025-03-10 2025-03-10"),
        ("the fire of 8 March 2025", "2025-03-08 2025-03-08"),
        ("the fire of Saturday, 8 March 2025", "2025-03-08 2025-03-08"),
        ("the fire of March 8th, 2025", "2025-03-08 2025-03-08"),
        ("the fire of 2025-03-08", "2025-03-08 2025-03-08"),
        ("What happened three days ago?", "2025-03-09 2025-03-09"),
        ("What happened in the past two weeks?", "2025-02-26 2025-03-12"),
        ("What happened over the last month?", "2025-02-09 2025-03-12"),
        ("Which strikes were there between May and July 2024?", "2024-05-01 2024-07-31"),
        ("the toll from 3 May to 10 June 2024", "2024-05-03 2024-06-10"),
        ("Who has resigned since January?", "2025-01-01 2025-03-12"),
        ("Who has resigned since 8 March 2025?", "2025-03-08 2025-03-12"),
        ("Who led the party before 2024?", ".. 2023-12-31"),
        ("Who led the party until March 2024?", ".. 2024-03-31"),
        ("Who won the 2024 election?", "2024-01-01 2024-12-31"),
        ("What was banned last month?", "2025-02-01 2025-02-28"),
    ],
)
def test_one_period(question: str, expected: str) -> None:
    found = timing(question, TODAY)
    assert [(p.first, p.last) for p in found.periods] == [days(expected)]
    assert len(found.words) == 1
    assert found.words[0] in question


@pytest.mark.parametrize(
    "question",
    [
        "What may happen in the march?",
        "Why did Theresa May resign?",
        "What cost 2000 dollars, or $2000, or 2,000 euros?",
        "What happened in the 1990s and in 2010-2014?",
        "Who has resigned since the election?",
        "What is planned for 31 February 2024?",
        "Who sat in the second row?",
        "",
    ],
)
def test_what_is_no_date(question: str) -> None:
    assert timing(question, TODAY).periods == ()


def test_a_day_without_its_year_may_be_of_any_year_and_the_last_one_comes_first() -> None:
    periods = timing("What burned on 29 February?", TODAY).periods
    assert [p.first for p in periods[:2]] == [date(2024, 2, 29), date(2023, 2, 28)]
    assert timing("What burned on 4 November?", TODAY).nearness(date(2021, 11, 4)) == 1.0
    assert timing("What burned on 4 November?", TODAY).nearness(date(2021, 8, 4)) < 0.01


@pytest.mark.parametrize("question", ["the latest toll", "Who is currently in charge?", "How many have died so far?"])
def test_asking_for_the_latest(question: str) -> None:
    assert timing(question, TODAY) == Timing(latest=True)


def test_a_date_outweighs_the_word_latest() -> None:
    found = timing("What was the latest toll on 8 March 2025?", TODAY)
    assert found.periods
    assert not found.latest


def test_an_article_after_the_period_is_near_longer_than_one_before_it() -> None:
    march = Period(date(2025, 3, 1), date(2025, 3, 31))
    inside, after, before, long_after = (
        march.nearness(date(2025, *day)) for day in ((3, 31), (4, 10), (2, 18), (12, 1))
    )
    assert inside == 1.0 > after > before > long_after > 0
    assert after > 0.6
    assert Period(None, date(2023, 12, 31)).nearness(date(1999, 1, 1)) == 1.0


def test_effects_never_touch_an_article_without_a_date() -> None:
    asked = timing("the fire in March 2025", TODAY)
    found = effects(asked, {1: date(2025, 3, 8), 2: date(2024, 3, 8), 3: None})
    assert found == {1: 0.5, 2: pytest.approx(-0.5, abs=0.01), 3: 0.0}


def test_a_time_of_which_the_archive_has_nothing_decides_nothing() -> None:
    asked = timing("the battle of 1815 and the fire in March 2005", TODAY)
    assert asked.periods
    assert effects(asked, {1: date(2025, 3, 8), 2: date(2024, 3, 8)}) == {1: 0.0, 2: 0.0}


def test_the_latest_prefers_recent_articles_and_nothing_else_does() -> None:
    published = {1: date(2025, 3, 10), 2: date(2025, 3, 9), 3: date(2020, 1, 1), 4: None}
    found = effects(Timing(latest=True), published)
    assert found[1] == 0.5 > found[2] > found[4] == 0.0 > found[3] == -0.5
    assert set(effects(Timing(), published).values()) == {0.0}
    assert effects(Timing(latest=True), {1: TODAY, 2: TODAY}) == {1: 0.0, 2: 0.0}
    assert effects(Timing(latest=True), {1: None}) == {1: 0.0}


def test_the_window_is_one_closed_period_of_at_most_a_year() -> None:
    assert timing("in March 2025", TODAY).window() == (date(2025, 3, 1), date(2025, 4, 14))
    for question in ("before 2024", "on 4 November", "between 1990 and 2024", "anything"):
        assert timing(question, TODAY).window() is None


@pytest.mark.parametrize("today", [TODAY, date.min, date.max])
@pytest.mark.parametrize(
    "question",
    ["on 9999-12-31", "after 9999-12-31", "before 0001-01-01", "last week", "a year ago", "in the last 99 years",
     "on 4 November"],
)  # fmt: skip
def test_the_calendar_ends_without_an_error(question: str, today: date) -> None:
    asked = timing(question, today)
    asked.window()
    assert 0.0 <= asked.nearness(date.max) <= 1.0
    assert 0.0 <= asked.nearness(date.min) <= 1.0


def test_a_day_at_the_end_of_the_calendar_has_a_shorter_window() -> None:
    assert timing("on 9999-12-31", TODAY).window() == (date.max, date.max)
    assert timing("before 0001-01-01", TODAY).periods == (Period(None, date.min),)


def test_a_day_is_spelled_in_the_words_of_questions() -> None:
    assert spelled(date(2025, 11, 4)) == "Tuesday 4 November 2025"


@given(st.text(), st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_any_text_on_any_day(text: str, today: date) -> None:
    found = timing(text, today)
    assert all(0.0 <= found.nearness(today) <= 1.0 for _ in found.periods)


@given(st.sampled_from(["Monday", "May 2024", "2024", "3 days ago", "4 June"]), st.dates(date(2000, 1, 1)))
def test_periods_begin_before_they_end(expression: str, today: date) -> None:
    for period in timing(f"since {expression} or in {expression}", min(today, date(2100, 1, 1))).periods:
        assert period.first is None or period.last is None or period.first <= period.last


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("death toll in Marrowby as of 4 November 2025?", date(2025, 11, 4)),
        ("What was the official number of deaths on 17 February 2026?", date(2026, 2, 17)),
        ("How many people died in the flood on 3 November 2025?", None),
        ("What was the jobless rate in July 2025?", None),
        ("death toll as of the last count?", None),
    ],
)
def test_only_as_of_asks_for_what_was_known_then(question: str, expected: date | None) -> None:
    assert known_on(question, timing(question, date(2026, 3, 1))) == expected
