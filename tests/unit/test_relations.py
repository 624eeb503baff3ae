"""Questions for an office or an attribute are answered out of articles that name it."""

from __future__ import annotations

import pytest

from rag.evidence import Query
from rag.relations import telling
from rag.types import Article, Evidence, Span


def of(text: str) -> Evidence:
    return Evidence(Article(text[:20], "A title", text), Span(0, len(text)), 0.0)


TEST_MATCH = of("Australia beat New Zealand by an innings in Brisbane.")
CANBERRA = of("Canberra, the capital of Australia, was covered in smoke.")
VIENNA = of("Michael Haeupl, the mayor of Vienna, voted for him.")


@pytest.mark.parametrize(
    ("question", "kept"),
    [
        ("What is the capital of Australia?", [CANBERRA]),
        ("Which city is the capital of Australia?", [CANBERRA]),
        ("What is Australia's capital?", [CANBERRA]),
        ("Who is the mayor of Vienna?", [VIENNA]),
        ("Who was the former mayor of Stockholm?", []),
        ("What is the name of the mayor of Stockholm?", []),
        ("Who is the boss of Vienna?", [TEST_MATCH, CANBERRA, VIENNA]),
        ("Who beat New Zealand?", [TEST_MATCH, CANBERRA, VIENNA]),
        ("What did the mayor of Stockholm say?", [TEST_MATCH, CANBERRA, VIENNA]),
    ],
)
def test_an_office_is_told_of_only_where_it_is_named(question: str, kept: list[Evidence]) -> None:
    assert telling(Query.of(question, {}), [TEST_MATCH, CANBERRA, VIENNA]) == kept


def test_a_country_may_be_named_by_its_people_or_by_another_name() -> None:
    brazilian, american = of("Brazilian president Lula flew home."), of("President Bush of the US flew home.")
    assert telling(Query.of("Who is the president of Brazil?", {}), [brazilian]) == [brazilian]
    assert telling(Query.of("Who is the president of the United States?", {}), [american]) == [american]
    assert telling(Query.of("Who is the prime minister of Brazil?", {}), [brazilian]) == []


def test_an_office_may_be_named_by_its_adjective() -> None:
    election = of("The presidential elections in Mozambique were won by Armando Guebuza.")
    assert telling(Query.of("Who became president of Mozambique?", {}), [election]) == [election]
