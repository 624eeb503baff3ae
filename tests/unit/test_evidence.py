"""Which sentences are put before the model."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag import answerability
from rag.evidence import Candidate, Query, lexical_features, select, shortlist
from rag.types import Article, Evidence, Span
from rag.wiring import load_linear

STORY = Article("ferry", "Ferry sinks off Brenna", "The ferry sank on Friday. Twelve people died. The operator wept.")
SENTENCES = [Span(0, 25), Span(26, 45), Span(46, 64)]


def candidates(**changes: float) -> list[Candidate]:
    found = []
    for i, span in enumerate(SENTENCES):
        before = STORY.text[SENTENCES[i - 1].start : SENTENCES[i - 1].end] if i else ""
        cosine, score = changes.get("passage_cosine", 0.5), changes.get("article_score", 0.0)
        found.append(Candidate(STORY, span, before, cosine, score))
    return found


def evidence(text: str) -> Evidence:
    return Evidence(Article("x", "T", text), Span(0, len(text)), 1.0)


def test_a_query_knows_its_terms_names_and_kind() -> None:
    query = Query.of("How many people died off Brenna?", {"brenna": 3.0})
    assert (query.terms, query.names, query.kind) == (("peopl", "di", "brenna"), ("brenna",), "number")


def test_the_sentence_with_the_rarer_words_of_the_question_scores_higher() -> None:
    query = Query.of("How many people died on the ferry?", {"ferri": 1.0, "peopl": 2.0, "di": 2.0})
    terms = [lexical_features(query, c)["terms"] for c in candidates()]
    assert terms == [0.2, 0.8, 0.0]


def test_the_title_and_the_sentence_before_count_as_context() -> None:
    query = Query.of("How many people died off Brenna on Friday?", {})
    features = [lexical_features(query, c) for c in candidates()]
    assert [f["terms_in_context"] for f in features] == [0.5, 1.0, 0.75]
    assert [f["names_in_context"] for f in features] == [1.0, 1.0, 0.5]
    assert [f["kind"] for f in features] == [0.0, 1.0, 0.0]


@given(st.text(), st.floats(-1, 1), st.floats(-9, 0))
def test_features_stay_in_their_range_whatever_is_asked(question: str, cosine: float, score: float) -> None:
    query = Query.of(question, {})
    for candidate in candidates(passage_cosine=cosine, article_score=score):
        features = lexical_features(query, candidate)
        assert (features.pop("article"), features.pop("passage_cosine")) == (score, cosine)
        assert all(0 <= value <= 1 for value in features.values())


def test_the_shipped_models_weigh_features_that_there_are() -> None:
    query = Query.of("How many people died?", {})
    signals = {**lexical_features(query, candidates()[0]), "cosine": 0.5}
    item = Evidence(STORY, SENTENCES[0], load_linear("evidence").logit(signals), signals)
    assert 0 < load_linear("answerable").probability(answerability.features(query, [item])) < 1


def test_the_shortlist_keeps_the_most_promising() -> None:
    query = Query.of("How many people died?", {})
    [(best, features)] = shortlist(query, candidates(), 1)
    assert best.text == "Twelve people died."
    assert features == lexical_features(query, best)


def test_evidence_is_taken_in_order_until_it_is_enough() -> None:
    ranked = [evidence(text) for text in ("One ferry sank.", "Two men died.", "Three were saved.")]
    assert select(ranked, [5, 5, 5], most=2, budget=99) == ranked[:2]
    assert select(ranked, [5, 5, 5], most=9, budget=10) == ranked[:2]


def test_what_does_not_fit_is_passed_over_for_what_does() -> None:
    ranked = [evidence(text) for text in ("One ferry sank.", "Two men died.", "Three were saved.")]
    assert select(ranked, [5, 50, 5], most=9, budget=10) == [ranked[0], ranked[2]]


def test_one_sentence_is_given_however_long() -> None:
    ranked = [evidence("One ferry sank."), evidence("Two men died.")]
    assert select(ranked, [500, 500], most=9, budget=10) == ranked[:1]
    assert select([], [], most=9, budget=10) == []


def test_a_sentence_that_repeats_another_is_left_out() -> None:
    ranked = [
        evidence("At least twelve people died when the ferry sank."),
        evidence("At least twelve people died when the ferry sank, police said."),
        evidence("The ferry had been built in 1987 by a yard in Marrowby."),
    ]
    assert select(ranked, [5, 5, 5], most=9, budget=99) == [ranked[0], ranked[2]]
