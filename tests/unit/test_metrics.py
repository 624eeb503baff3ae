from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import replace
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import lexical
from rag.matching import covered, holds, plain
from rag.metrics import (
    CURVES,
    METRICS,
    RANKING,
    Expected,
    answer_right,
    answer_scores,
    as_of_right,
    citation_scores,
    cited_right,
    evidence_coverage,
    markers_valid,
    ranking_scores,
    verbatim,
)
from rag.resampling import (
    Scored,
    differences,
    estimate,
    estimates,
    percentile,
    reliability,
    risk_coverage,
)
from rag.types import Answer, AnswerSentence, Citation, Refusal

TEXT = "Police said 8,500 people took part. The organisers claimed 40,000."


def citation(number: int, quote: str, *, article: str = "a", start: int = 0) -> Citation:
    return Citation(number, article, "Title", None, None, None, start, start + len(quote), quote)


def answer(*sentences: str, quotes: Sequence[str] | None = None) -> Answer:
    """One citation a sentence, quoting it unless other words are given."""
    quotes = sentences if quotes is None else quotes
    made = tuple(AnswerSentence(text, (i,), "verified", 1.0) for i, text in enumerate(sentences, start=1))
    return Answer(
        question="?",
        answered=bool(made),
        answer=" ".join(s.marked for s in made),
        sentences=made,
        citations=tuple(citation(i, quote) for i, quote in enumerate(quotes, start=1)),
        refusal=None if made else Refusal("not_in_corpus", ()),
        timings_ms={},
        model={},
    )


# ── words and numbers


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("At least 340 civilians were executed.", "340"),
        ("at least 340", "at least 340"),
        ("Twelve people died.", "12"),
        ("12 people died.", "twelve"),
        ("It paid $2.7 billion.", "2.7bn"),
        ("It paid 2.7bn.", "$2.7 billion"),
        ("2 million dollars", "$2 million"),
        ("the $2 million ransom", "2 million dollars"),
        ("Seventy-eight per cent of pupils", "78%"),
        ("by 4 percent", "4"),
        ("the 12th minute", "12"),
        ("31.50 marks", "31.5"),
        ("1,400 homes", "1400"),
        ("a 5km walk", "5 km"),
        ("a 410-million-rupel mission", "410 million"),
        ("struck at 08:17", "8.17"),
        ("at 2.35 p.m., when", "2:35 pm"),
        ("one of the seven was found", "1"),
        ("on Nov. 3, officials said", "3 November"),
        ("It starts on 3 July 2026.", "July 3"),
        ("Özgür Özel leads it", "ozgur ozel"),
        ("It came over at Tanner’s Weir.", "tanner's weir"),
        ("a cracked pin", "the cracked pin"),
        ("the U.N. mission", "UN mission"),
    ],
)
def test_held(text: str, variant: str) -> None:
    assert holds(text, variant)


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("97 were hurt, 19 of them badly", "9"),
        ("2.9 metres", "9"),
        ("9,500 tonnes", "9"),
        ("six hundred people", "six"),
        ("an Airbus A320", "320"),
        ("78 people", "78%"),
        ("£5 a ticket", "$5"),
        ("5% of tickets", "$5"),
        ("Emil Brandvold", "Luka Brandvold"),
        ("Brandvold, Emil", "Emil Brandvold"),
        ("the tramway", "tram"),
        ("on 13 July", "3 July"),
        ("on 3 July", "3 June"),
        ("anything at all", "the"),
        ("anything at all", ""),
        ("", "340"),
    ],
)
def test_not_held(text: str, variant: str) -> None:
    assert not holds(text, variant)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_number_is_held_by_itself_alone(a: int, b: int) -> None:
    assert holds(f"In all {a:,} people came.", str(b)) == (a == b)


WORDS = st.lists(st.text(string.ascii_lowercase, min_size=2, max_size=6), min_size=1, max_size=6)


@given(WORDS, WORDS, WORDS)
def test_words_are_held_wherever_they_stand(before: list[str], words: list[str], after: list[str]) -> None:
    wanted = " ".join(words)
    if holds(wanted, wanted):  # not when they are nothing but articles
        assert holds(" ".join([*before, "–", wanted.upper(), "!", *after]), wanted)


@given(st.text(), st.text())
def test_any_text_can_be_asked_about(text: str, variant: str) -> None:
    assert holds(text, variant) in (True, False)
    assert 0 <= covered(variant, [text]) <= 1


def test_plain_joins_what_copies_may_change() -> None:
    assert plain("“It’s  late\u00a0–\nvery”") == plain('"It\'s late - very"')


def test_covered_unites_what_several_sentences_repeat() -> None:
    quote = "It is a plaster, not a cure. The whole bank has to be rebuilt."
    assert covered(quote, [quote]) == 1
    assert covered(quote, ["“It is a plaster, not a cure,” she said."]) == pytest.approx(5 / 12, abs=0.02)
    assert covered(quote, ["It is a plaster, not a cure.", "The whole bank has to be rebuilt."]) == 1
    assert covered(quote, ["Nothing of the kind."]) < 0.2
    assert covered(quote, []) == 0


# ── answers

ONE = Expected("how_many", ("340", "at least 340"), ("At least 340 civilians have been executed.",))
TWO = Expected(
    "disagreement", ("8,500", "40,000"), ("Police said 8,500 people took part.", "Organisers claimed 40,000.")
)
REPLY = Expected(
    "disagreement", ("14", "two"), ("It had killed 14 soldiers.", "Two of its soldiers, and not 14, were killed.")
)
LIST = Expected("list", ("Dawn", "Ember"), ("The models are the Dawn and the Ember.",))
EITHER = Expected("who", ("Nkemba",), ("Judge Aurelia Nkemba told them", "Judge Aurelia Nkemba also ordered"))
NO = Expected("yes_no", ("no",), ("There were no power cuts, the grid operator said.",))


@pytest.mark.parametrize(
    ("expected", "sentences", "right"),
    [
        (ONE, ["The Observatory counts 340."], True),
        (ONE, ["The Observatory counts 553."], False),
        (ONE, [], False),
        (TWO, [TEXT], True),
        (TWO, ["Police said 8,500.", "The organisers said 40,000."], True),
        (TWO, ["Police said 8,500."], False),
        (REPLY, ["It says two of its soldiers, and not 14, were killed."], True),
        (REPLY, ["Zemar says 14 died."], False),
        (LIST, ["The Ember and the Dawn."], True),
        (LIST, ["The Dawn."], False),
        (EITHER, ["It was Aurelia Nkemba."], True),
        (NO, ["No, there were none."], True),
        (NO, ["Yes, there were power cuts."], False),
        (NO, ["“There were no power cuts, the grid operator said, though it had asked.”"], True),
        (NO, ["“There were 34 cooling centres.”"], False),
    ],
)
def test_right(expected: Expected, sentences: list[str], right: bool) -> None:
    assert answer_right(answer(*sentences), expected) is right


def test_the_cited_words_count_and_not_the_sentence() -> None:
    claimed = answer("340 were executed.", quotes=["The total is 553."])
    assert answer_right(claimed, ONE)
    assert not cited_right(claimed, ONE)
    assert cited_right(answer("Some were.", quotes=["At least 340 have been executed."]), ONE)


def test_a_plain_yes_needs_the_right_quotation_to_be_cited_right() -> None:
    said = answer("No.", quotes=["It was hot."])
    assert answer_right(said, NO)
    assert not cited_right(said, NO)


def test_evidence_coverage_is_a_share_of_the_quotations() -> None:
    assert evidence_coverage(["Police said 8,500 people took part."], TWO) == 0.5
    assert evidence_coverage([TEXT], TWO) == 1
    assert evidence_coverage(["It was hot. No doubt."], NO) == 0
    assert evidence_coverage(["Judge Aurelia Nkemba also ordered him to repay."], EITHER) == 1
    assert evidence_coverage([], ONE) == 0


def test_verbatim() -> None:
    quoted = citation(1, "8,500 people", start=TEXT.index("8,500"))
    assert verbatim(quoted, TEXT)
    assert not verbatim(quoted, f" {TEXT}")
    assert not verbatim(quoted, None)


def test_markers_are_those_of_the_citations_in_order_of_use() -> None:
    good = answer("First.", "Second.")
    assert markers_valid(good)
    swapped = {f: getattr(good, f) for f in Answer.__slots__} | {"answer": "First [2]. Second [1]."}
    assert not markers_valid(Answer(**swapped))


# ── scores of a question, rankings, summaries


def test_each_metric_is_asked_of_the_questions_it_is_about() -> None:
    absent = Expected("absent", (), ())
    nothing = dict.fromkeys(set(METRICS) - set(RANKING) - set(CURVES) - {"judged_right"})
    assert answer_scores(answer(), absent, [], {}, contained) == nothing | {
        "refused_unanswerable": 1.0,
        "refusal_precision": 1.0,
        "warned_unanswerable": 1.0,
    }
    assert answer_scores(answer(), ONE, [], {}, contained) == nothing | {
        "evidence_coverage": 0.0,
        "answer_right": 0.0,
        "cited_right": 0.0,
        "answered_answerable": 0.0,
        "refusal_precision": 0.0,
    }
    text = "340 were executed."
    scores = answer_scores(answer(text), ONE, [text], {"a": text}, contained)
    assert scores.pop("refusal_precision") is None
    assert scores.pop("refused_unanswerable") is scores.pop("warned_unanswerable") is None
    assert scores.pop("disagreement_right") is scores.pop("as_of_right") is None
    assert set(scores.values()) == {1.0}
    assert answer_scores(answer(text), ONE, [text], {}, contained)["citations_verbatim"] == 0.0


def test_an_answer_shown_as_unsure_is_a_warning_and_counts_for_no_sure_one() -> None:
    text = "340 were executed."
    for unsure in (False, True):
        given = replace(answer(text), unsure=unsure)
        right = answer_scores(given, ONE, [text], {"a": text}, contained)
        wrong = answer_scores(given, Expected("absent", (), ()), [text], {"a": text}, contained)
        assert (right["sure_right"], wrong["sure_right"]) == ((None, None) if unsure else (1.0, 0.0))
        assert (right["warned_unanswerable"], wrong["warned_unanswerable"]) == (None, float(unsure))
        assert right["answer_right"] == 1.0


def test_an_outside_set_is_scored_on_what_it_knows() -> None:
    text = "340 were executed."
    answers_only = answer_scores(answer(text), Expected("other", ("340",), ()), [text], {"a": text}, contained)
    assert (answers_only["answer_right"], answers_only["evidence_coverage"]) == (1.0, 1.0)
    quotes_only = Expected("other", (), (text,))
    assert answer_right(answer(text), quotes_only)
    assert not answer_right(answer("Nothing of the kind was said."), quotes_only)
    neither = answer_scores(answer(text), Expected("other", (), (), known=True), [text], {"a": text}, contained)
    assert neither["answer_right"] is neither["evidence_coverage"] is neither["refused_unanswerable"] is None
    assert neither["answered_answerable"] == 1.0


def test_accounts_shown_side_by_side_count_as_said() -> None:
    said = answer("Police said 8,500 people took part.")
    assert not answer_right(said, TWO)
    beside = {f: getattr(said, f) for f in Answer.__slots__}
    beside["disagreements"] = ({"topic": "size", "accounts": [{"quote": "Organisers claimed 40,000."}]},)
    assert answer_right(Answer(**beside), TWO)


def test_the_first_sentence_decides_what_holds_as_of_a_time() -> None:
    expected = Expected("as_of", ("23",), ("lowered the number of deaths to 23",))
    assert as_of_right(answer("The toll was cut to 23.", "It was 24 before."), expected)
    late = answer("The toll is 24.", "It was cut to 23.")
    assert answer_right(late, expected)
    assert not as_of_right(late, expected)


# ── citations as ALCE defines them


def contained(sentence: str, cited: Sequence[Citation]) -> bool:
    """A support checker for tests: every word of the sentence stands in the cited words."""
    return set(lexical.words(sentence)) <= {w for c in cited for w in lexical.words(c.quote)}


def citing(text: str, *quotes: str) -> Answer:
    """One sentence with several citations."""
    marked = AnswerSentence(text, tuple(range(1, len(quotes) + 1)), "verified", 1.0)
    return Answer("?", True, marked.marked, (marked,), tuple(map(citation, range(1, 9), quotes)), None, {}, {})


@pytest.mark.parametrize(
    ("said", "scores"),
    [
        (answer(), None),
        (answer("Five died.", quotes=["Five people died."]), (1, 1)),
        (answer("Six died.", quotes=["Five people died."]), (0, 0)),
        (answer("Five died.", "Six died.", quotes=["Five died.", "Five died."]), (0.5, 0.5)),
        (citing("Five died on Monday.", "Five died.", "It was on Monday."), (1, 1)),  # neither does it alone
        (citing("Five died.", "Five died.", "It was hot."), (1, 0.5)),  # the second is not needed
        (citing("Five died.", "Five died.", "Yes, five died."), (1, 1)),  # each does it alone
        (citing("Six died.", "Five died.", "It was hot."), (0, 0)),
    ],
)
def test_citation_recall_and_precision(said: Answer, scores: tuple[float, float] | None) -> None:
    assert citation_scores(said, contained) == scores


def test_rankings_against_a_calculation_by_hand() -> None:
    scores = ranking_scores(
        {"first": {"a"}, "third": {"a", "z"}, "eleventh": {"a"}, "nothing": {"a"}},
        {
            "first": ["a", "b"],
            "third": ["b", "b", "c", "a"],  # b twice is one document
            "eleventh": [*"bcdefghijk", "a"],
            "nothing": [],
        },
    )
    assert scores["first"] == dict.fromkeys(RANKING, 1.0)
    assert scores["third"] == pytest.approx(
        {"hit_at_1": 0, "hit_at_5": 1, "hit_at_10": 1, "mrr_at_10": 1 / 3, "ndcg_at_10": 0.5 / (1 + 1 / log2(3))}
    )
    assert scores["eleventh"] == scores["nothing"] == dict.fromkeys(RANKING, 0.0)
    assert ranking_scores({}, {}) == {}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(0, 5))
def test_the_interval_holds_the_mean_and_repeats(values: list[float], seed: int) -> None:
    made = estimate(values, seed=seed)
    assert made is not None
    assert made == estimate(values, seed=seed)
    assert min(values) - 1e-9 <= made.low <= made.high <= max(values) + 1e-9
    assert made.value == pytest.approx(sum(values) / len(values))
    assert made.n == len(values)


def test_the_interval_has_the_width_that_theory_gives() -> None:
    made = estimate([0.0, 1.0] * 200)
    assert made is not None
    # Normal approximation: 1.96 * sqrt(0.25 / 400) = 0.049 each way.
    assert made.low == pytest.approx(0.451, abs=0.006)
    assert made.high == pytest.approx(0.549, abs=0.006)


def test_a_summary_leaves_out_what_no_question_measured() -> None:
    made = estimates([Scored(s) for s in ({"answer_right": 1.0}, {"answer_right": 0.0, "hit_at_1": None}, {})])
    assert tuple(made) == METRICS
    assert made["answer_right"] is not None
    assert (made["answer_right"].value, made["answer_right"].n) == (0.5, 2)
    assert made["hit_at_1"] is None


def ranked(*items: tuple[float, bool, bool]) -> list[Scored]:
    """(probability, answerable, right if answered)."""
    return [Scored({}, probability, answerable, right) for probability, answerable, right in items]


def test_the_metrics_of_a_run_against_a_calculation_by_hand() -> None:
    run = ranked((0.95, True, True), (0.85, True, False), (0.35, False, False), (0.25, True, True))
    made = estimates(run)
    # Accuracy of the surest 1, 2, 3, 4: 1, 1/2, 1/3, 2/4.
    assert made["selective_accuracy"].value == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 2) / 4)  # type: ignore[union-attr]
    assert risk_coverage(run) == [(0.25, 0), (0.5, 1 / 2), (0.75, 2 / 3), (1.0, 1 / 2)]
    # Of the three pairs of an answerable and the unanswerable one two are in order.
    assert made["refusal_auc"].value == pytest.approx(2 / 3)  # type: ignore[union-attr]
    # Each in a bin of its own: |0.95 - 1|, |0.85 - 1|, |0.35 - 0|, |0.25 - 1|.
    assert made["calibration"].value == pytest.approx(1 - (0.05 + 0.15 + 0.35 + 0.75) / 4)  # type: ignore[union-attr]
    assert reliability(run) == [(0.25, 1, 1), (0.35, 0, 1), (0.85, 1, 1), (0.95, 1, 1)]


def test_ties_are_no_luck() -> None:
    run = ranked((0.5, True, True), (0.5, False, False))
    made = estimates(run)
    assert made["refusal_auc"].value == 0.5  # type: ignore[union-attr]
    assert made["selective_accuracy"].value == 0.25  # type: ignore[union-attr]
    assert estimates(run[::-1]) == made
    assert estimates(ranked((0.5, True, True)))["refusal_auc"] is None


CHANCES = st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(CHANCES)
def test_every_metric_of_a_run_is_a_share(items: list[tuple[float, bool, bool]]) -> None:
    for own in estimates(ranked(*items)).values():
        assert own is None or -1e-9 <= own.low <= own.high <= 1 + 1e-9
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in risk_coverage(ranked(*items)))


def test_two_equal_runs_differ_in_nothing() -> None:
    run = [Scored({"answer_right": float(i % 2)}, i / 9, i > 3, i > 5) for i in range(9)]
    for own in differences([(item, item) for item in run]).values():
        assert own is None or (own.value, own.low, own.high) == (0, 0, 0)


def test_a_fall_beyond_chance_is_told_from_one_within() -> None:
    def pairs(worse: int) -> list[tuple[Scored, Scored]]:
        return [(Scored({"answer_right": 1.0}), Scored({"answer_right": float(i >= worse)})) for i in range(50)]

    few, many = (differences(pairs(worse))["answer_right"] for worse in (2, 8))
    assert few is not None
    assert many is not None
    assert few.value == pytest.approx(-0.04)
    assert few.high == 0
    assert many.value == pytest.approx(-0.16)
    assert many.high < 0


def test_a_metric_that_only_one_run_measures_is_not_compared() -> None:
    assert differences([(Scored({"as_of_right": 1.0}), Scored({}))])["as_of_right"] is None


def test_percentile() -> None:
    assert percentile([1, 2, 3, 4, 100], 0.5) == 3
    assert percentile(list(range(101)), 0.95) == 95
    assert percentile([], 0.5) is None
