"""Logistic regression from a file that a person can read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import BackendError
from rag.linear import LinearModel
from rag.wiring import load_linear

MODEL = LinearModel(-1.0, {"a": 2.0, "b": -0.5}, 0.5, "by hand")


def test_log_odds_are_the_weighted_sum() -> None:
    assert MODEL.logit({"a": 1.0, "b": 2.0, "unknown": 99.0}) == 0.0
    assert MODEL.probability({"a": 1.0, "b": 2.0}) == 0.5
    assert MODEL.probability({"a": 2.0, "b": 2.0}) == pytest.approx(0.8808, abs=1e-4)


def test_a_feature_that_the_model_needs_must_be_there() -> None:
    with pytest.raises(KeyError, match="b"):
        MODEL.logit({"a": 1.0})


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_a_probability_is_one_and_grows_with_the_log_odds(a: float, b: float) -> None:
    model = LinearModel(0.0, {"x": 1.0}, 0.5, "")
    low, high = (model.probability({"x": x}) for x in sorted((a, b)))
    assert 0 < low <= high < 1 or (0 < low <= high == 1)


@pytest.mark.parametrize("text", ["", "{}", '{"intercept": 1, "weights": {}, "threshold": 0.5}', "{nonsense"])
def test_a_damaged_file_is_an_error_that_says_what_to_do(text: str) -> None:
    with pytest.raises(BackendError, match=r"^a fitted model file is damaged \([^\n]*\): install newsrag again$"):
        LinearModel.parse(text)


@pytest.mark.parametrize("name", ["evidence", "answerable"])
def test_the_shipped_models_are_whole(name: str) -> None:
    model = load_linear(name)
    assert model.weights
    assert 0 < model.threshold < 1
    assert model.fitted_with
