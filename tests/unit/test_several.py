"""Which sentences are quoted where one is not enough."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from rag.covering import distinct, listed, of_parts, parallel, reply, voices
from rag.evidence import Query
from rag.parts import taken_apart
from rag.quantities import figures
from rag.several import Sources, sentences
from rag.types import Article, Evidence, Span

SIGNALS = {"names_in_context": 1.0, "terms_in_context": 1.0}


def said(text: str, *, score: float = 0.0, published: str = "2025-11-06", name: str = "") -> Evidence:
    article = Article(name or text[:30], "Aldra", text, source="Courier", published=published)
    return Evidence(article, Span(0, len(text)), score, dict(SIGNALS), 0)


def article_of(*texts: str) -> list[Evidence]:
    """The sentences of one article, the first scored best."""
    whole, found, at = " ".join(texts), list[Evidence](), 0
    article = Article("story", "Aldra", whole, published="2025-11-06")
    for n, text in enumerate(texts):
        found.append(Evidence(article, Span(at, at + len(text)), float(-n), dict(SIGNALS), 0))
        at += len(text) + 1
    return found


def asked(question: str, ranked: Sequence[Evidence], **parts: Sequence[Evidence]) -> list[str]:
    """What is quoted; `parts`: evidence for the part that holds a word."""

    def part(text: str) -> Sequence[Evidence]:
        return next((found for word, found in parts.items() if word in text.lower()), ())

    more = Sources(part=part, wide=lambda: ranked, beside=lambda _: ranked, reader_weight=0.8)
    return [e.text for e in sentences(Query.of(question, {}), ranked, ranked, more)]


MINE = said("Aldra sold the mine to Beltane Holdings.", score=2.0)
PRICE = said("The price was 40 million crowns.", score=1.0)


def test_each_part_gets_its_sentence_in_the_order_asked() -> None:
    question = "Who bought the Aldra mine, and what was the price?"
    assert asked(question, [MINE, PRICE], bought=[MINE, PRICE], price=[PRICE, MINE]) == [MINE.text, PRICE.text]


def test_a_sentence_that_answers_both_parts_is_there_once() -> None:
    both = said("Beltane bought the Aldra mine at a price of 40 million crowns.", score=3.0)
    question = "Who bought the Aldra mine, and what was the price?"
    assert asked(question, [both, PRICE], bought=[both, PRICE], price=[both, PRICE]) == [both.text]


def test_a_part_without_evidence_has_no_sentence() -> None:
    parts = taken_apart("Who bought the Aldra mine, and what was the price?")
    assert of_parts(parts, [[MINE], []]) == [MINE]
    assert of_parts(parts, [[], []]) == []


def test_the_sentence_of_the_day_that_a_part_names_is_preferred() -> None:
    monday = said("Power is off to 9,000 homes.", published="2025-11-03")
    wednesday = said("Power is off to 2,500 homes.", published="2025-11-05")
    parts = taken_apart("How many homes in Aldra had no power on Monday, and how many on Wednesday?")
    assert of_parts(parts, [[wednesday, monday], [monday, wednesday]]) == [monday, wednesday]


def test_a_question_for_one_thing_is_left_to_the_best_sentence() -> None:
    assert asked("Who bought the Aldra mine?", [MINE, PRICE]) == []


def test_a_change_is_told_by_the_figures_oldest_first() -> None:
    late = said("The flood in Aldra has killed 24 people.", score=1.0, published="2025-11-05")
    early = said("Twelve people died in Aldra.", score=-1.0, published="2025-11-03")
    assert asked("How did the number of deaths in Aldra change?", [late, early]) == [early.text, late.text]


def test_a_correction_comes_before_what_it_corrects() -> None:
    wrong = said("About 4,100 homes have no water.", score=1.0, published="2025-04-14")
    right = said("The right figure is 1,400 homes, not 4,100.", published="2025-04-16")
    assert asked("What is the true number of homes without water?", [wrong, right])[0] == right.text


def test_a_correction_that_goes_on_is_shown_with_its_next_sentence() -> None:
    notice = article_of(
        "Correction: an article said that 4,100 homes had no water.", "The right figure is 1,400.", "It rained."
    )
    assert asked("What did the correction say?", notice) == [notice[0].text, notice[1].text]


def test_figures_of_the_same_thing_are_parallel_and_others_are_not() -> None:
    first = said("Rovers turned down bids of 6 million florins.")
    other, people, year = (
        said("He joined Senna for 9.5 million florins."),
        said("About 150 supporters gathered."),
        said("He was born in florins in 1988."),
    )
    assert parallel(first, [first, people, year, other], lambda e: e.score) == [other]
    assert figures("On 4 May 1988 he turned 30.")[0].value == 30


def test_sentences_that_say_the_same_are_not_both_taken() -> None:
    again = said("Aldra has sold the mine to Beltane Holdings.", score=1.9)
    assert distinct([MINE, again, PRICE], lambda e: e.score, most=3, within=2.0) == [MINE, PRICE]
    assert distinct([MINE, PRICE], lambda e: e.score, most=3, within=0.5) == [MINE]


def test_a_claim_is_shown_with_the_contradiction_beside_it() -> None:
    story = article_of(
        "Doctors complained that the clinic was short of kits, one doctor said.", "The institute denied that."
    )
    assert asked("Was the clinic short of kits?", story) == [e.text for e in story]
    assert reply(story[0], [*story, said("The army denied that.")]) == story[1]


def test_what_nobody_contradicts_is_left_alone() -> None:
    story = article_of("Doctors said that the clinic was short of kits.", "More kits came on Friday.")
    assert asked("Was the clinic short of kits?", story) == []


def test_sides_are_claims_of_different_speakers() -> None:
    story = article_of("The prosecution asked for nine years.", "The hall was full.", "The defence asked for four.")
    assert voices(story, lambda e: e.score, most=3, within=3.0) == [story[0], story[2]]


def test_a_sentence_shown_already_does_not_answer_a_part_that_it_says_nothing_of() -> None:
    bids = said("Rovers refused bids of 6 and 8 million florins.", score=2.0)
    fee = said("Rovers took a fee of 9.5 million florins.", score=1.0)
    parts = taken_apart("What bids did Rovers refuse, and what was the fee?")
    assert of_parts(parts, [[bids, fee], [bids, fee]]) == [bids, fee]


def test_what_a_sentence_counts_the_next_ones_name() -> None:
    story = article_of(
        "Thieves stole four objects from the museum.",
        "The alarm rang.",
        "They took an astrolabe, a gold comb, a chess queen and a small painting.",
    )
    assert asked("Which four objects were stolen from the museum?", story) == [story[0].text, story[2].text]


def test_a_list_that_nobody_enumerates_is_the_best_sentences() -> None:
    assert asked("Which mines were sold by Aldra?", [MINE, PRICE]) == [MINE.text, PRICE.text]
    assert listed("The minister, Leopold Ost, toured the hall and was heckled by residents.") == 0
    assert listed("Cathedral, Corn Exchange, Old Barracks and Quayside have lifts.") == 4


def test_who_he_is_stands_before_what_he_did() -> None:
    story = article_of("He promised an inquiry into the flood.", "It rained.")
    before = article_of("The interior minister, Leopold Sanscrit, toured the hall.", "He promised an inquiry.")
    best = replace(before[1], score=5.0)
    assert asked("Who promised an inquiry?", [best, before[0]]) == [before[0].text, best.text]
    assert asked("What did the minister promise?", [best, before[0]]) == []
    assert asked("Who promised an inquiry?", story) == []


def test_another_ones_words_on_the_same_answer_yes_or_no() -> None:
    story = article_of(
        "Magnus Isbister said the survey had been made in the wrong place.",
        "Dr Ada Colquhoun said the survey had covered the same points every year.",
    )
    assert asked("Was the survey made in the right place?", story) == [e.text for e in story]
    assert asked("Where was the survey made?", story) == []


def test_a_summary_has_three_sentences_in_the_order_of_their_days() -> None:
    told = [
        said("The council of Aldra sold the mine.", score=5.0, published="2025-11-06"),
        said("A fire had closed its deepest shaft.", score=1.5, published="2025-11-03"),
        said("Beltane wants to hire sixty people.", score=1.4, published="2025-11-08"),
    ]
    assert asked("Sum up the sale of the Aldra mine.", told) == [told[1].text, told[0].text, told[2].text]


def test_no_run_of_commas_takes_long() -> None:
    begun = time.process_time()
    assert listed("word, " * 3000 + "and x") == 0
    assert time.process_time() - begun < 2.0


def test_a_sentence_about_a_later_part_leaves_room_for_the_part_that_it_says_nothing_of() -> None:
    loaded = said("The program had been downloaded 100,000 times.", score=1.0)
    traffic = said("It would cause traffic of three megabytes.", score=0.0)
    question = "How much traffic should the Aldra copy cause, and how often was it downloaded?"
    assert asked(question, [loaded], traffic=[loaded, traffic], downloaded=[loaded]) == [traffic.text, loaded.text]


def test_the_next_best_for_a_part_is_shown_beside_one_that_is_hardly_better() -> None:
    near, far = (said(f"The price was {n} million crowns in all.", score=s) for n, s in ((40, 1.9), (50, 1.0)))
    best = said("The price was high, the union complained.", score=2.0)
    question = "Who bought the Aldra mine, and what was the price?"
    assert asked(question, [MINE], bought=[MINE], price=[best, near, far]) == [MINE.text, best.text, near.text]


def test_a_list_of_one_is_completed_by_what_has_other_words_of_the_question() -> None:
    blocked = said("Some providers blocked the screensaver.", score=2.0)
    again = said("Providers blocked the screensaver once more.", score=-0.4)
    turned = said("A targeted site sent all traffic back.", score=-0.5)
    question = "In what ways did providers and a targeted site hit back at the screensaver?"
    assert asked(f"Name the ways. {question}", [blocked, again, turned]) == [blocked.text, turned.text]


def test_nothing_far_below_completes_a_list() -> None:
    blocked = said("Some providers blocked the screensaver.", score=2.0)
    turned = said("A targeted site sent all traffic back.", score=-1.5)
    assert asked("Name the ways in which providers and a targeted site hit back.", [blocked, turned]) == [blocked.text]


def test_a_figure_about_something_else_is_no_change() -> None:
    before = said("On Monday the envoy called the gifts stingy.", score=1.0)
    after = said("The envoy praised the gifts as generous on Friday.", score=2.0)
    other = said("About 12 helicopters took part.", score=-3.0)
    found = asked("How did the envoy's view of the gifts change from Monday on?", [after, before, other])
    assert other.text not in found
    assert {before.text, after.text} == set(found)


def test_a_course_of_events_goes_on_beside_the_best_sentence() -> None:
    story = article_of("Cells bind the acid.", "That frees a signal.", "Then slime is made.")
    elsewhere = said("Cells were seen in 1950.", score=-0.9)
    found = asked("How do cells work, step by step?", [story[0], elsewhere, *story[1:]])
    assert found == [e.text for e in story]
