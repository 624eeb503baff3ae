from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rag.errors import UsageError
from rag.evaluation.measure import sample
from rag.evaluation.questions import Question
from rag.evaluation.sweep import mark_pareto, parse_sweeps, print_sweep
from rag.settings import Settings

SETTINGS = Settings()


def row(name: str, right: float | None, cpu: float) -> dict[str, Any]:
    metrics = {"hit_at_1": 1.0, "evidence_coverage": None, "answer_right": right, "refused_unanswerable": 0.5}
    return {"run": {"mode": name}, "metrics": metrics, "cpu_ms": cpu, "median_ms": cpu}


def test_every_combination_is_a_run() -> None:
    runs = parse_sweeps(["evidence_sentences=4, 6", "mode=answer,quote"], SETTINGS, "quote")
    assert [(s.evidence_sentences, mode) for _, s, mode in runs] == [
        (4, "answer"), (4, "quote"), (6, "answer"), (6, "quote"),
    ]  # fmt: skip
    [(changes, settings, mode)] = parse_sweeps(["hits=3"], SETTINGS, "quote")
    assert (changes, settings.hits, mode) == ({"hits": "3"}, 3, "quote")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("speed=1", "no such setting; these are: mode, embedder"),
        ("hits", "give the values, as in hits=A,B"),
        ("hits=", "give the values"),
        ("hits=many", "--sweep hits=many: Input should be a valid integer"),
        ("mode=shout", "--sweep mode=shout: choose from answer, quote"),
        ("hits=" + ",".join(map(str, range(1, 70))), "asks for 69 runs, more than 64"),
    ],
)
def test_a_bad_sweep_is_refused_before_anything_runs(given: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason.replace("+", r"\+")):
        parse_sweeps([given], SETTINGS, "quote")


def test_the_pareto_front_is_what_no_other_run_beats() -> None:
    rows = [row("fast", 0.4, 1), row("slow", 0.6, 9), row("worse", 0.5, 10), row("same", 0.6, 9), row("none", None, 2)]
    marked = {r["run"]["mode"]: r["best"] for r in mark_pareto(rows)}
    assert marked == {"fast": True, "slow": True, "worse": False, "same": True, "none": False}
    console = Console(record=True, width=100)
    print_sweep(mark_pareto(rows), console)
    lines = [line for line in console.export_text().splitlines() if "mode=" in line]
    assert [line.split("mode=")[1].split()[0] for line in lines] == ["fast", "none", "slow", "same", "worse"]
    assert [("*" in line) for line in lines] == [True, False, True, True, False]


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9)), min_size=1, max_size=8))
def test_the_best_and_the_fastest_are_never_beaten(runs: list[tuple[float, int]]) -> None:
    marked = mark_pareto([row(str(i), right, cpu) for i, (right, cpu) in enumerate(runs)])
    assert any(r["best"] and r["metrics"]["answer_right"] == max(right for right, _ in runs) for r in marked)
    assert any(r["best"] and r["cpu_ms"] == min(cpu for _, cpu in runs) for r in marked)


def questions(*names: str) -> list[Question]:
    made = {"question": "Who?", "kind": "absent", "split": "dev", "answers": [], "support": []}
    return [Question.model_validate(made | {"id": name}) for name in names]


def test_a_sample_is_fixed_and_hardly_moves_when_the_set_grows() -> None:
    names = [f"story-q{i}" for i in range(50)]
    drawn = [q.id for q in sample(questions(*names), 10)]
    assert len(drawn) == 10
    assert drawn == sorted(drawn, key=names.index)
    assert drawn == [q.id for q in sample(questions(*names), 10)]
    grown = [q.id for q in sample(questions(*names, "another-q1"), 10)]
    assert len(set(drawn) - set(grown)) <= 1
    assert [q.id for q in sample(questions(*names), 99)] == names
    assert len(sample(questions(*names), None)) == 50
