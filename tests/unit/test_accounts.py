"""Figures that differ: found where stories count the same thing, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from rag.accounts import counting, differing, known_by, other_count, same_figure
from rag.evidence import Query
from rag.types import Article, Evidence, Span

QUESTION = "How many people died in the Marrowby flood?"


def said(
    text: str, published: str | None, *, source: str = "Courier", terms: float = 1.0, names: float = 1.0
) -> Evidence:
    article = Article(f"{source}-{published}-{text[:12]}", "Flood", text, source=source, published=published)
    signals = {"terms_in_context": terms, "names_in_context": names}
    return Evidence(article, Span(0, len(text)), 1.0, signals, 0)


FIRST = said("Twelve people have died in the Marrowby flood.", "2025-11-03")
SECOND = said("The number of dead in Marrowby rose to 19 on Tuesday.", "2025-11-04")
FINAL = said("The coroner lowered the number of deaths in the Marrowby flood to 23, from 24.", "2025-11-06")


def found(best: Evidence, *others: Evidence, question: str = QUESTION) -> list[tuple[str, str]]:
    return [(a.value, a.status) for a in differing(Query.of(question, {}), best, [best, *others])]


def test_the_newest_figure_comes_first_whichever_was_found_best() -> None:
    expected = [("23", "latest"), ("19", "corrected"), ("Twelve", "corrected")]
    assert found(FIRST, SECOND, FINAL) == expected
    assert found(FINAL, FIRST, SECOND) == expected


def test_an_earlier_figure_that_nobody_corrected_is_earlier() -> None:
    assert found(SECOND, FIRST) == [("19", "latest"), ("Twelve", "earlier")]


def test_figures_of_one_day_differ_and_none_is_the_latest() -> None:
    other = said("At least 25 people were killed in Marrowby.", "2025-11-04", source="Post")
    assert sorted(found(SECOND, other)) == [("19", "differs"), ("At least 25", "differs")]


@pytest.mark.parametrize(
    "other",
    [
        said("Police arrested 31 people in Marrowby.", "2025-11-05"),
        said("A man of 71 died in Marrowby.", "2025-11-05"),
        said("Fourteen of the dead lived in Weir Lane.", "2025-11-05"),
        said("The two dead were named in Marrowby.", "2025-11-05"),
        said("The flood killed people in Marrowby on 5 November 2025.", "2025-11-05"),
        said("Nineteen people died in Marrowby.", "2025-11-05"),
        said("The dead cost the county 3 million dollars.", "2025-11-05"),
        said("The state offered 85,000 crowns for each death in Marrowby.", "2025-11-05"),
        said("The state offered $85,000 to the families of those killed in Marrowby.", "2025-11-05"),
        said("Marrowby had 500 sandbags for every death.", "2025-11-05"),
        said("The river killed people 30 kilometres from Marrowby.", "2025-11-05"),
        said("People died in Marrowby when 400 hectares were under water.", "2025-11-05"),
        said("The Marrowby deaths came within 20 minutes.", "2025-11-05"),
        said("The toll in Marrowby could rise to over 60 dead.", "2025-11-05"),
        said("Storm Ada killed 40 people.", "2025-11-05", names=0.5),
        said("It killed 40 people.", "2025-11-05", terms=0.3),
    ],
    ids=lambda e: e.text,
)
def test_what_counts_something_else_is_no_other_account(other: Evidence) -> None:
    assert found(SECOND, other) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Marrowby had 26 cases of fever and 11 deaths.", "11"),
        ("The flood killed 12 people and injured 340 in Marrowby.", "12"),
        ("The flood injured 340 people and killed 12 in Marrowby.", "12"),
        ("In Marrowby 12 people died and 40 were hurt.", "12"),
        ("Deaths in Marrowby rose from 12 to 19.", "19"),
    ],
)
def test_a_figure_counts_what_stands_nearer_to_it_than_to_another(text: str, value: str) -> None:
    assert found(FIRST, said(text, "2025-11-05")) == (
        [(value, "latest"), ("Twelve", "earlier")] if value != "12" else []
    )


def test_the_dead_of_another_story_are_no_account_and_no_count() -> None:
    asked = Query.of("How many people died in the tsunami?", {})
    tsunami = said("The tsunami has killed 80,000 people.", "2004-12-30")
    protest = said("Three people have died during protests.", "2019-11-20", terms=0.6)
    earlier = said("The toll of the tsunami rose to 60,000 people dead.", "2004-12-29")
    assert [a.number for a in differing(asked, tsunami, [tsunami, protest, earlier])] == [80_000, 60_000]
    hit = said("The tsunami hit a dozen countries.", "2004-12-30")
    assert counting(asked, [hit, protest]) is None
    assert counting(asked, [hit, protest, earlier]) is earlier


def test_a_name_is_nothing_that_is_counted() -> None:
    query = Query.of("How many people lived in Europe before the Black Death?", {})
    assert counting(query, [said("The Black Death killed 25 million people.", "2019-11-05")]) is None


def test_what_the_dead_cost_is_no_count_of_them() -> None:
    for question in (QUESTION, "How many were fined and how many killed in Marrowby?"):
        paid = said("The state offered 85,000 crowns for each death in Marrowby.", "2025-11-05")
        assert counting(Query.of(question, {}), [paid, SECOND]) is SECOND
    asked = "How much money did the state pay for each death in Marrowby?"
    assert counting(Query.of(asked, {}), [paid, SECOND]) is None


def test_a_question_that_asks_for_no_figure_has_no_accounts() -> None:
    assert found(SECOND, FIRST, question="Who was killed in the Marrowby flood?") == []
    assert found(SECOND, FIRST, question="How much rain fell in Marrowby?") == []


def test_one_article_speaks_once() -> None:
    text = "The flood killed 19 people in Marrowby. Of 20 people dead, one was a visitor."
    article = Article("a", "Flood", text, published="2025-11-04")
    signals = {"terms_in_context": 1.0, "names_in_context": 1.0}
    cut = text.index(" Of")
    first = Evidence(article, Span(0, cut), 1.0, signals, 0)
    second = Evidence(article, Span(cut + 1, len(text)), 0.5, signals, 0)
    assert found(first, second) == []


def test_rates_are_compared_with_rates() -> None:
    question = "What was the unemployment rate in Orlanth in July?"
    old = said("Unemployment in Orlanth rose to 9.6 per cent in July.", "2025-08-19")
    new = said("The unemployment rate in Orlanth was 6.9 per cent in July and not 9.6 per cent.", "2025-08-21")
    assert (
        counting(Query.of(question, {}), [said("Unemployment hit 296,000 people in Orlanth.", "2025-08-21"), new])
        is new
    )
    people = said("There were 296,000 unemployed people in Orlanth.", "2025-08-21", source="Post")
    assert found(old, people, new, question=question) == [("6.9 per cent", "latest"), ("9.6 per cent", "corrected")]


def test_a_rate_in_words_is_a_rate_and_no_money() -> None:
    question = "What was the unemployment rate in Orlanth in July?"
    old = said("Unemployment in Orlanth rose to nine per cent in July.", "2025-08-19")
    new = said("Unemployment in Orlanth was 6.9 per cent in July.", "2025-08-21")
    assert found(new, old, question=question) == [("6.9 per cent", "latest"), ("nine per cent", "earlier")]


def test_what_was_known_on_a_day_leaves_out_what_came_later() -> None:
    found = differing(Query.of(QUESTION, {}), FIRST, [FIRST, SECOND, FINAL])
    known = [(a.value, a.status) for a in known_by(found, date(2025, 11, 5))]
    assert known == [("19", "latest"), ("Twelve", "earlier")]
    assert [a.value for a in known_by(found, date(2025, 11, 3))] == ["Twelve"]
    assert len(known_by(found, date(2020, 1, 1))) == 3


def test_the_first_sentence_with_a_figure_for_what_is_counted_is_found() -> None:
    oldest = said("The oldest of the dead was 94.", "2025-11-06")
    assert counting(Query.of(QUESTION, {}), [said("The rain stopped.", "2025-11-06"), SECOND, FIRST]) is SECOND
    assert counting(Query.of(QUESTION, {}), [said("The rain stopped.", "2025-11-06")]) is None
    assert counting(Query.of("Who died?", {}), [oldest, SECOND]) is None
    far = said("Storm Ada killed 40 people.", "2025-11-05", names=0.5)
    assert counting(Query.of(QUESTION, {}), [said("The rain stopped.", "2025-11-06"), far]) is None


def test_a_small_number_of_something_else_is_no_figure() -> None:
    question = "How big was the march in Galvane?"
    counted = said("The Post counted marchers in Galvane from two fixed points.", "2025-06-14", source="Post")
    police = said("Police put the march in Galvane at 8,500 people.", "2025-06-16")
    assert found(police, counted, question=question) == []
    few = said("The march in Galvane drew about 40,000.", "2025-06-14", source="Post")
    assert found(police, few, question=question) == [("8,500", "latest"), ("about 40,000", "earlier")]


MARCH = (
    "A march through Galvane on Saturday was peaceful. Police said 8,500 people took part. "
    "The organisers, the Clean Bay Coalition, claimed 40,000. The Evening Post counted for 3 hours. "
    "The Evening Post arrived at about 22,000. The company said it would heat 28,000 homes."
)


def test_figures_of_several_sources_in_one_article_are_accounts_of_the_same() -> None:
    article = Article("march", "March in Galvane", MARCH, published="2025-06-08")
    signals = {"terms_in_context": 1.0, "names_in_context": 1.0}
    sentences = [f"{text}." for text in MARCH.removesuffix(".").split(". ")]
    starts = [MARCH.index(text) for text in sentences]
    items = [
        Evidence(article, Span(at, at + len(text)), 1.0, signals) for at, text in zip(starts, sentences, strict=True)
    ]
    query = Query.of("How many people were on the march in Galvane?", {})
    best = counting(query, items)
    assert best is items[1]
    assert {a.value for a in differing(query, best, items)} == {"8,500", "40,000", "about 22,000"}


def test_a_date_in_the_question_is_no_name_that_a_report_must_have() -> None:
    other = said("The number of confirmed infections was 97 on 17 February.", "2026-02-26")
    dead = said("Marsh fever has killed seven people.", "2026-02-17", names=0.0)
    query = Query.of("What was the number of marsh fever deaths on 17 February?", {})
    assert counting(query, [other, dead]) == dead


def test_the_latest_is_told_by_the_moment_and_not_by_the_clock_on_the_wall() -> None:
    late = said("The number of dead in Marrowby rose to 40.", "2025-11-04T23:00:00-05:00")
    early = said("The number of dead in Marrowby rose to 30.", "2025-11-05T01:00:00+00:00")
    assert [value for value, _ in found(early, late)] == ["40", "30"]


def test_two_counts_of_one_thing_in_one_article_are_both_told() -> None:
    part, whole = (
        "At least 162 Alawite civilians were executed on Friday alone.",
        "At least 340 Alawite civilians were executed.",
    )
    text = f"{whole} {part} Another 200 civilians fled."
    article = Article("a", "Latakia", text)

    def at(words: str, terms: float) -> Evidence:
        start = text.index(words)
        return Evidence(article, Span(start, start + len(words)), 1.0, {"terms": terms})

    ranked = [at(part, 1.0), at("Another 200 civilians fled.", 0.5), at(whole, 1.0)]
    asked = Query.of("How many civilians were executed?", {})
    assert other_count(asked, ranked[0], ranked) == ranked[2]
    assert other_count(Query.of("How many houses were burnt?", {}), ranked[0], ranked) is None
    assert other_count(asked, ranked[0], ranked[:2]) is None


@pytest.mark.parametrize("other", ["It could rise to 500 civilians.", "The two civilians were named."])
def test_what_is_no_account_elsewhere_is_no_other_count(other: str) -> None:
    text = f"Troops executed 162 civilians. {other}"
    article, cut = Article("a", "Coast", text), text.index(".") + 1
    items = [Evidence(article, span, 1.0, {"terms": 1.0}) for span in (Span(0, cut), Span(cut + 1, len(text)))]
    assert other_count(Query.of("How many civilians were executed?", {}), items[0], items) is None


def test_what_was_not_ranked_is_not_said_to_have_the_same_figure() -> None:
    query = Query.of(QUESTION, {})
    other = said("Twelve are dead in the Marrowby flood.", "2025-11-04", source="Post")
    assert same_figure(query, FIRST, other)
    assert not same_figure(query, replace(FIRST, signals={}), other)
    assert not same_figure(query, FIRST, replace(other, signals={}))
