"""What an article's words say about a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import lexical
from rag.evidence import Query
from rag.ranking import READ, Reading

QUESTION = "How many people died when the ferry Skua sank off Brenna?"


def signals(
    title: str, *sentences: str, question: str = QUESTION, rarity: dict[str, float] | None = None
) -> list[float]:
    found = Reading(Query.of(question, rarity or {})).signals(title, map(lexical.words, sentences))
    assert tuple(found) == READ
    return [round(found[name], 3) for name in READ]


def test_all_that_is_asked_in_one_sentence() -> None:
    assert signals("News", "Many people died when the ferry Skua sank off Brenna.") == [1.0, 1.0, 1.0, 1.0]


def test_terms_apart_are_there_but_not_together() -> None:
    terms, names, sentence, near = signals("News", "Two people died.", "Brenna is a town.", "A ferry, the Skua, sank.")
    assert (terms, names) == (1.0, 1.0)
    assert sentence == 0.5  # ferry, Skua and sank, of six
    assert near == pytest.approx(0.8)  # all neighbours but "sank off Brenna"


def test_the_title_belongs_to_every_sentence() -> None:
    assert signals("Ferry Skua sinks off Brenna", "Twelve people died.")[2] > signals("News", "Twelve people died.")[2]


def test_neighbours_must_stand_near_each_other() -> None:
    close = signals("News", "The ferry was called the Skua.", question="ferry Skua")
    apart = signals(
        "News", "The ferry was new.", "Nobody on board of it had ever heard of the Skua.", question="ferry Skua"
    )
    assert close[3] == 1.0
    assert apart[3] == 0.0
    assert close[:3] == [1.0, 1.0, 1.0]


def test_rare_terms_weigh_more() -> None:
    rarity = {"skua": 9.0, "ferri": 1.0}
    assert signals("News", "The Skua.", question="ferry Skua", rarity=rarity)[0] == 0.9
    assert signals("News", "The ferry.", question="ferry Skua", rarity=rarity)[0] == 0.1


def test_a_near_derivation_counts_for_a_term() -> None:
    assert signals("News", "She is the leader.", question="Who leads?")[0] == 1.0


def test_nothing_in_common() -> None:
    assert signals("News", "It rained in May.") == [0.0, 0.0, 0.0, 0.0]
    assert signals("News") == [0.0, 0.0, 0.0, 0.0]


@given(st.text(), st.text(), st.lists(st.text()))
def test_any_text(question: str, title: str, sentences: list[str]) -> None:
    found = Reading(Query.of(question, {})).signals(title, map(lexical.words, sentences))
    assert all(0.0 <= value <= 1.0 + 1e-9 for value in found.values())
