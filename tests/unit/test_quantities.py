"""Numbers as news writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.quantities import Quantity, figures, is_money, quantities


def values(text: str) -> list[float | str]:
    return [q.value for q in quantities(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("340", [340]),
        ("1,234,567.5", [1234567.5]),
        ("2.7 billion and 1.1 million", [2.7e9, 1_100_000]),
        ("$2.7bn, £30k, 5m people, a 5 m wall", [2.7e9, 30_000, 5e6, 5]),
        ("twenty-one, twenty one, seventeen", [21, 21, 17]),
        ("three hundred and forty", [340]),
        ("two thousand five hundred and six", [2506]),
        ("one hundred and twenty-one thousand", [121_000]),
        ("two hundred and three hundred", [200, 300]),
        ("300 and forty", [300, 40]),
        ("two and a half years, two and a half million", [2.5, 2.5e6]),
        ("a dozen, two dozen, half a dozen", [12, 24, 6]),
        ("a hundred, a million, half a million", [100, 1e6, 5e5]),
        ("dozens; hundreds of thousands", ["dozens", "hundreds of thousands"]),
        ("several hundred; a few thousand; a couple of hundred", ["several hundred", "few thousand", "couple hundred"]),
        ("one person, no one, one of the best, one another, one of the 12", [1, 1, 12]),
        ("between 10 and 12, 7-9 May", [10, 12, 7, 9]),
        ("21st, 3rd", [21, 3]),
        ("second, first, nothing here", []),
        ("zero", [0]),
        ("", []),
    ],
)
def test_the_value_of_a_number(text: str, expected: list[float | str]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("12%", "%"),
        ("12 per cent", "%"),
        ("twelve percent", "%"),
        ("12 percentage points", ""),
        ("$5", "$"),
        ("US$5 million", "$"),
        ("USD 5", "$"),
        ("5 million dollars", "$"),
        ("A$5", "A$"),
        ("€5", "€"),
        ("five euros", "€"),
        ("EUR 5", "€"),
        ("£5", "£"),
        ("5 pounds", ""),
        ("5", ""),
    ],
)
def test_the_unit_of_a_number(text: str, unit: str) -> None:
    assert [q.unit for q in quantities(text)] == [unit]


@pytest.mark.parametrize(
    ("text", "hedge"),
    [
        ("at least 340", "least"),
        ("More than 340", "least"),
        ("just over 340", "least"),
        ("no fewer than 340", "least"),
        ("340 or more", "least"),
        ("up to 340", "most"),
        ("no more than 340", "most"),
        ("fewer than 340", "most"),
        ("as many as 340", "most"),
        ("about\na dozen", "about"),
        ("some 340", "about"),
        ("an estimated 340", "about"),
        ("340 or so", "about"),
        ("nearly 340", "nearly"),
        ("just under $340 million", "nearly"),
        ("moreover 340", ""),
        ("340 more", ""),
        ("over there 340", ""),
    ],
)
def test_the_hedge_of_a_number(text: str, hedge: str) -> None:
    assert [q.hedge for q in quantities(text)] == [hedge]


def test_a_number_knows_its_place_and_that_of_its_hedge_and_unit() -> None:
    text = "Police said at least 5 million dollars went."
    [found] = quantities(text)
    assert found == Quantity(5e6, "$", "least", start=21, end=30, left=12, right=38)
    assert (text[found.start : found.end], text[found.left : found.right]) == (
        "5 million",
        "at least 5 million dollars",
    )


@given(st.integers(0, 10**12))
def test_a_whole_number_is_read_with_and_without_separators(number: int) -> None:
    assert values(f"{number}") == values(f"about {number:,} people") == [number]


@given(st.decimals(0, 999, places=2, allow_nan=False))
def test_a_magnitude_in_words_multiplies_exactly(number: Decimal) -> None:
    assert values(f"{number} million") == values(f"${number}m") == [float(number * 10**6)]


_ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen""".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def spelled(number: int) -> str:
    """English words, British style."""
    for size, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = number % size
            joint = " and " if 0 < rest < 100 else " "
            return f"{spelled(number // size)} {name}{joint if rest else ''}{spelled(rest) if rest else ''}"
    if number < 20:
        return _ONES[number]
    return _TENS[number // 10 - 2] + (f"-{_ONES[number % 10]}" if number % 10 else "")


@given(st.integers(0, 10**9 - 1))
def test_a_number_in_words_is_the_number_in_digits(number: int) -> None:
    assert values(f"They counted {spelled(number)} people.") == [number]


@given(st.text())
def test_no_text_breaks_reading_and_places_are_in_order(text: str) -> None:
    places = [p for q in quantities(text) for p in (q.start, q.end)]
    assert places == sorted(places)
    assert all(0 <= q.left <= q.start < q.end <= q.right <= len(text) for q in quantities(text))


@pytest.mark.parametrize(
    ("text", "money"),
    [("$5 a ticket", True), ("85,000 crowns", True), ("2.20 old pounds", True), ("9 per cent", False),
     ("nine per cent of it", False), ("nine people", False)],
)  # fmt: skip
def test_money_has_a_sign_or_the_name_of_a_currency(text: str, money: bool) -> None:
    [quantity] = figures(text)
    assert is_money(text, quantity) is money


def test_figures_are_no_dates_and_no_times_of_day() -> None:
    text = "On 4 May 1988, at 2 p.m. and at 14:30, 40 people of 30 paid 1988 dollars."
    assert [q.value for q in figures(text)] == [40, 30, 1988]
