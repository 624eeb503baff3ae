"""Several rankings into one."""

from __future__ import annotations

import pytest

from rag.fusion import reciprocal_rank, standard_scores, standardised


def test_reciprocal_rank_adds_what_each_ranking_gives() -> None:
    fused = reciprocal_rank({"a": [(7, 9.0), (8, 1.0)], "b": [(8, 0.2)]}, {"a": 1.0, "b": 0.5})
    assert fused == {7: pytest.approx(1 / 61), 8: pytest.approx(1 / 62 + 0.5 / 61)}


def test_reciprocal_rank_looks_at_places_only() -> None:
    near, far = ({"a": [(7, best), (8, 1.0)]} for best in (1.1, 99.0))
    assert reciprocal_rank(near, {}) == reciprocal_rank(far, {})


def test_standard_scores_keep_how_far_ahead_the_best_is() -> None:
    ahead, level = (standard_scores({"a": [(7, best), (8, 1.0), (9, 1.0)]}, {}) for best in (9.0, 1.5))
    assert ahead[7] == pytest.approx(2**0.5)
    assert ahead == pytest.approx(level)  # within one ranking the unit does not matter
    mixed = standard_scores({"a": [(7, 9.0), (8, 5.0), (9, 4.9)], "b": [(8, 0.3), (7, 0.2)]}, {"a": 2.0, "b": 1.0})
    assert mixed[7] > mixed[8] > mixed[9]


def test_what_a_ranking_lacks_gets_its_lowest_score() -> None:
    fused = standard_scores({"a": [(7, 3.0), (8, 1.0)], "b": [(9, 1.0)]}, {})
    assert fused == {7: 1.0, 8: -1.0, 9: -1.0}


def test_equal_scores_decide_nothing_and_no_ranking_is_no_result() -> None:
    assert standard_scores({"a": [(7, 2.0), (8, 2.0)], "b": []}, {}) == {7: 0.0, 8: 0.0}
    assert standard_scores({"a": []}, {}) == reciprocal_rank({"a": []}, {}) == {}


def test_further_things_are_measured_with_the_same_yardstick() -> None:
    rankings = {"a": [(7, 3.0), (8, 1.0)], "b": [(7, 5.0), (8, 5.0)]}
    assert standardised(rankings, {"a": [(9, 0.5), (7, 99.0), (6, -70.0)]}) == {
        7: {"a": 1.0, "b": 0.0},
        8: {"a": -1.0, "b": 0.0},
        9: {"a": -1.5, "b": 0.0},
        6: {"a": -2.0, "b": 0.0},
    }
