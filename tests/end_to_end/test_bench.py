"""`rag bench`: its archives are sound, and its lines add up. Nothing here depends on how fast the machine is."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import loading, wiring
from rag.bench import command, measures, synthetic
from rag.bench.measures import Measure
from rag.settings import Settings
from tests.end_to_end.conftest import Run

SETTINGS = Settings(threads=1)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive") / "index"
    synthetic.build(folder, 80, loading.load_embedder(SETTINGS), SETTINGS)
    return folder


def test_a_synthetic_archive_is_an_index_like_any_other(archive: Path, rag: Run) -> None:
    checked = rag("status", "--check", "--json", "--index", archive)
    assert checked.code == 0, checked.err
    assert (checked.json["index"]["articles"], checked.json["index"]["passages"]) == (20, 80)


def test_its_questions_find_their_stories(archive: Path) -> None:
    with wiring.open_rag(archive, SETTINGS) as rag:
        for topic, question in enumerate(synthetic.questions(5)):
            assert rag.search(question, 1)[0].article.id == f"synthetic-{topic}"


def test_the_words_are_distinct() -> None:
    assert len({synthetic._word(number) for number in range(30_000)}) == 30_000


def test_search_is_measured_beside_bare_faiss(tmp_path: Path) -> None:
    rows = list(measures.search(tmp_path / "index", 40, SETTINGS))
    assert [row.name.partition(",")[0] for row in rows] == ["search", *["quote mode"] * 3]
    assert all(row.value > 0 and row.reference == "bare FAISS" for row in rows)


def test_a_process_is_measured_with_its_memory() -> None:
    idle, busy = measures.child("-c", ""), measures.child("-c", "x = bytearray(100_000_000); sum(range(5_000_000))")
    assert busy.cpu > idle.cpu
    assert busy.megabytes > idle.megabytes + 80


def test_a_line_shows_the_ratio() -> None:
    row = Measure("rag ask", 2.5, "CPU s", "import torch", 5.0)
    assert command.shown(row) == "rag ask: 2.5 CPU s; import torch 5: ratio 0.5"
    assert row.json()["ratio"] == 0.5
    alone = Measure("memory", 512.0, "MB")
    assert command.shown(alone) == "memory: 512 MB"
    assert alone.json()["ratio"] is None


def test_the_whole_report_as_json(rag: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the small measures alone: whole processes and real archives take minutes."""
    monkeypatch.setattr(command, "SIZES", (40,))
    monkeypatch.setattr(measures, "cold", lambda index: iter([Measure("rag ask", 1.0, "CPU s")]))
    result = rag("bench", "--json")
    assert result.code == 0, result.err
    names = [row["name"] for row in result.json["measures"]]
    assert {"rag index, an article", "whole answer", "search, 40 passages"} <= set(names)
