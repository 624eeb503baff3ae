"""Who a sentence names as its source; a wrong name is worse than none."""

from __future__ import annotations

import time

import pytest

from rag.attribution import speaker


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "At least 340 died, according to the Observatory of Human Rights.",
            "the Observatory of Human Rights",
        ),
        ("According to Ada Quill, nothing was lost.", "Ada Quill"),
        ("“These numbers will change,” said Oskar Brunnow, the fire chief.", "Oskar Brunnow"),
        ('"We lost," said the captain of the team, Ivo Marek.', None),
        ("The institute denied that there was a shortage.", "The institute"),
        ("Police said 8,500 people took part.", "Police"),
        ("Katalin Brzeg, a researcher at the firm Ninefold, said the count might grow.", "Katalin Brzeg"),
        ("Reid has warned that the lake is rising.", "Reid"),
        ("Ground crews have treated 1,900 ditches, the institute said.", "the institute"),
        ("Dr Maathai told the Courier in 1999 that she was right.", "Dr Maathai"),
        ("“It was a gust,” the managing director, Torvald Ekeland, said.", "Torvald Ekeland"),
        ("“Two people did not,” said the bureau's director, Konrad Melisande.", "Konrad Melisande"),
        ("Theresa May said the deal was dead.", "Theresa May"),
        ("The deal was dead, according to Brian May.", "Brian May"),
        ("According to the Observatory March 3, nine died.", "the Observatory"),
        ("The Ministry of Health Tuesday said nine died.", "The Ministry of Health"),
        ("The U.N. said nine died.", "The U.N."),
        ("Nine died, according to Police.", "Police"),
        ("A consumer group, Fair Shelf, said the company had been slow.", "Fair Shelf"),
    ],
)
def test_the_source_is_taken_as_it_is_spelled(sentence: str, expected: str | None) -> None:
    assert speaker(sentence) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "He said it was over.",
        "The ferry sank on Friday.",
        "“All totals should be disregarded,” she told a news conference on Thursday.",
        "“They left in daylight,” said the ministry’s spokeswoman.",
        "The toll rose to 19, they said on Tuesday.",
        "",
    ],
)
def test_a_sentence_that_names_nobody_has_no_source(sentence: str) -> None:
    assert speaker(sentence) is None


def test_a_long_run_of_capitals_costs_no_time() -> None:
    start = time.process_time()
    assert speaker("Ann " * 400) is None
    assert time.process_time() - start < 2.0
