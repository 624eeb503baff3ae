"""CI's own gate: the dev split with the real models must not be worse than eval/baseline.json beyond chance."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import gate


@pytest.mark.parametrize("name", gate.RUNS)
def test_quality_did_not_fall(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the index of the sample corpus is made here
    assert gate.run(name) == 0
