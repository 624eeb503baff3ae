"""The support check held against labelled claims: reading the file, what is aligned, the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.evaluation.support import COMBINED, Claim, check, combination, load, table
from tests.doubles import HashEmbedder

TOWNS = ("Adana", "Hatay", "Brenna", "Tolmar", "Marisel", "Norvane", "Pellan", "Galvane")


def claims() -> list[Claim]:
    made = []
    for n, town in enumerate(TOWNS * 3):
        page = f"{town} {n}"
        closed = f"The bridge of {town} was closed in {1950 + n} by the council."
        evidence = (f"The weather in {town} was fine.", closed)
        made.append(Claim(f"The bridge of {town} was closed in {1950 + n}.", evidence, "supported", page))
        made.append(Claim(f"The theatre of {town} burned in {1900 + n}.", evidence, "not_supported", page))
        both = f"The bridge of {town} was closed in {1950 + n} and Karl Ost resigned."
        made.append(Claim(both, evidence, "partially_supported", page))
    return made


def test_a_file_is_read_and_a_bad_one_named(tmp_path: Path) -> None:
    row = {"claim": "It rained.", "evidence": ["Rain fell."], "label": "supported", "meta": {"claim_title": "Rain"}}
    file = tmp_path / "wice.jsonl"
    file.write_text(json.dumps(row) + "\n", "utf-8")
    assert load(file) == [Claim("It rained.", ("Rain fell.",), "supported", "Rain")]
    file.write_text('{"claim": "It rained."}\n', "utf-8")
    with pytest.raises(UsageError, match="no WiCE file"):
        load(file)
    with pytest.raises(UsageError, match="cannot read"):
        load(tmp_path / "none.jsonl")


def test_what_a_claim_has_that_its_page_lacks_is_counted() -> None:
    evidence = ("Karl Ost leads the council of Brenna since 1950.",)
    claim = Claim("Karl Ost was leader in Hatay in 1951.", evidence, "not_supported", "Ost")
    (checked,) = check([claim], HashEmbedder(), 0.75)
    assert not checked.passed
    assert checked.signals["missing_names"] == 1.0  # Hatay
    assert checked.signals["missing_numbers"] == 1.0  # 1951
    assert checked.signals["missing_words"] == 2.5  # and the leader is half of who leads


def test_a_claim_without_a_word_of_its_page_breaks_nothing() -> None:
    (checked,) = check([Claim("Rain fell.", ("Karl Ost resigned.",), "not_supported", "Ost")], HashEmbedder(), 0.75)
    assert checked.signals["covered"] == 0.0
    assert not checked.passed


def test_claims_with_more_than_their_page_says_score_less_on_pages_not_fitted_on() -> None:
    checked = check(claims(), HashEmbedder(), 0.75)
    model = combination(checked)
    assert set(model.weights) == set(COMBINED)
    held = [c for c in checked if not c.claim.fold]
    by_label = {label: [model.logit(c.signals) for c in held if c.claim.label == label] for label in ("supported",)}
    others = [model.logit(c.signals) for c in held if c.claim.label != "supported"]
    assert min(by_label["supported"]) > max(others)
    assert all(c.passed == (c.claim.label == "supported") for c in held)


def test_the_table_is_about_the_half_not_fitted_on() -> None:
    checked = check(claims(), HashEmbedder(), 0.75)
    held = [c for c in checked if not c.claim.fold]
    lines = table(checked)
    yes = sum(c.claim.label == "supported" for c in held)
    assert f"**supported against the rest**: {len(held)} held out, {yes} supported" in lines
    always = next(line for line in lines if line.startswith("| always yes"))
    assert f"{yes / sum(c.claim.label != 'partially_supported' for c in held):.3f}" in always
    assert "0.500 (0.500–0.500)" in always
    assert any(line.startswith(f"| the verdict: {yes} pass, {yes} of them rightly | 1.000") for line in lines)
