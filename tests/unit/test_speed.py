from __future__ import annotations

from pathlib import Path

import pytest

from rag import kept_speed, loading
from rag.resources import model_key
from rag.settings import Settings
from rag.speed import Speed

FAST, SLOW = Speed(500.0, 50.0), Speed(60.0, 6.0)


def test_a_fast_machine_gets_all_the_evidence_and_a_slow_one_less() -> None:
    assert FAST.affordable(300, seconds=4) == 300
    assert SLOW.affordable(300, seconds=4) == 110
    assert Speed(1.0, 1.0).affordable(300, seconds=4) == 50


def test_the_expected_time_counts_the_prompt_and_the_answer() -> None:
    assert SLOW.answer_seconds(170) == pytest.approx(10.0)
    assert FAST.answer_seconds(300) < SLOW.answer_seconds(300)


def test_a_measurement_is_kept_for_its_number_of_threads(tmp_path: Path) -> None:
    kept_speed.save(tmp_path / "new", "model", 1, SLOW)
    kept_speed.save(tmp_path / "new", "model", 2, FAST)
    assert kept_speed.load(tmp_path / "new", "model", 1) == SLOW
    assert kept_speed.load(tmp_path / "new", "model", 2) == FAST
    assert kept_speed.load(tmp_path / "new", "model", 4) is None
    assert kept_speed.load(tmp_path / "new", "other", 1) is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"1": {"prompt": 0, "generation": 5}}', '{"1": 5}'])
def test_a_damaged_note_counts_as_none_and_is_written_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "model-speed.json").write_text(content, "utf-8")
    assert kept_speed.load(tmp_path, "model", 1) is None
    kept_speed.save(tmp_path, "model", 1, FAST)
    assert kept_speed.load(tmp_path, "model", 1) == FAST


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    kept_speed.save(tmp_path / "file" / "folder", "model", 1, FAST)
    assert kept_speed.load(tmp_path / "file" / "folder", "model", 1) is None


def test_the_evidence_budget_follows_the_measured_speed(tmp_path: Path) -> None:
    settings = Settings(threads=1, cache=tmp_path)
    assert loading.affordable(settings) == settings, "nothing measured yet"
    kept_speed.save(tmp_path / "llms", model_key("bundled"), 1, SLOW)
    assert loading.affordable(settings).evidence_tokens == 110
    assert (
        loading.affordable(settings.model_copy(update={"prompt_seconds": 60.0})).evidence_tokens
        == settings.evidence_tokens
    )


def test_the_key_of_a_file_changes_with_it(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    missing = model_key(str(file))
    file.write_bytes(b"one")
    first = model_key(str(file))
    file.write_bytes(b"others")
    assert len({missing, first, model_key(str(file)), model_key("bundled")}) == 4


def test_a_model_on_the_hub_is_one_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = model_key("hf:owner/model:file.gguf")
    monkeypatch.chdir(tmp_path)
    assert model_key("hf:owner/model:file.gguf") == here != model_key("hf:owner/model:other.gguf")
