"""How extraction is scored, against figures worked out by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.evaluation.extraction import extracted, page, score, shingles, true_texts


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


def test_the_benchmark_is_read(tmp_path: Path) -> None:
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "a1.html.gz").write_bytes(gzip.compress(b"<p>Words</p>"))
    (tmp_path / "ground-truth.json").write_text(json.dumps({"a1": {"articleBody": "Wörter"}}), "utf-8")
    assert true_texts(tmp_path) == {"a1": "Wörter"}
    assert page(tmp_path, "a1") == b"<p>Words</p>"


@pytest.mark.parametrize("content", [b"<p>Words</p>", gzip.compress(b"<p>Words</p>")[:-9]])
def test_a_page_that_cannot_be_used_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "a1.html.gz").write_bytes(content)
    with pytest.raises(UsageError, match=r"a1.html.gz is not a page packed with gzip"):
        page(tmp_path, "a1")
    with pytest.raises(UsageError, match=r"cannot read .*a2.html.gz: No such file"):
        page(tmp_path, "a2")
    with pytest.raises(UsageError, match=r"cannot read .*ground-truth.json: No such file"):
        true_texts(tmp_path)
