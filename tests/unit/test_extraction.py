"""How extraction is scored, against figures worked out by hand."""

from __future__ import annotations

import pytest

from rag.evaluation.extraction import extracted, score, shingles


def test_shingles() -> None:
    assert shingles("One, two") == {("One", "two"): 1}
    assert shingles("a b c d. A b") == {("a", "b", "c", "d"): 1, ("b", "c", "d", "A"): 1, ("c", "d", "A", "b"): 1}
    assert shingles("x x x x x") == {("x", "x", "x", "x"): 2}
    assert not shingles(" .")


def test_score() -> None:
    assert score([("a b c d", "a, b c d!")]) == (1, 1, 1)
    half = score([("a b c d e", "a b c d"), ("a b c d", "a b c d x")])
    assert half.precision == pytest.approx((1 + 1 / 2) / 2)
    assert half.recall == pytest.approx((1 / 2 + 1) / 2)
    missed = score([("a b c d", "a b c d"), ("a b c d", "")])
    assert missed == pytest.approx((1, 1 / 2, 2 / 3))


def test_what_is_kept_of_a_page() -> None:
    assert extracted(b"<html><body><p>Words of the story.</p></body></html>") == "Words of the story."
    assert extracted(b"<html></html>") == ""
