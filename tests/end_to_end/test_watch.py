"""`rag index --watch`, the real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Run

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an interrupt is sent in another way there")


@contextmanager
def watching(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "rag", "index", *map(str, arguments), "--watch", "--interval", "0.2", "--json"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        # A shell that runs the tests in the background has its children ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return {name: found[name] for name in ("added", "updated", "removed")} | {"stored": found["stored"]["articles"]}


def test_a_folder_is_followed_until_the_interrupt(rag: Run, tmp_path: Path) -> None:
    folder, built = tmp_path / "in", tmp_path / "index"
    folder.mkdir()
    (folder / "a.txt").write_text("A ferry hit the pier.")
    (folder / "b.txt").write_text("A bridge fell into the river.")
    with watching(folder, "--index", built, "--prune") as process:
        assert line(process) == {"added": 2, "updated": 0, "removed": 0, "stored": 2}
        (folder / "c.txt").write_text("A baker won the golden loaf.")
        assert line(process) == {"added": 1, "updated": 0, "removed": 0, "stored": 3}
        (folder / "c.txt").write_text("A baker lost the golden loaf.")
        assert line(process) == {"added": 0, "updated": 1, "removed": 0, "stored": 3}
        (folder / "a.txt").unlink()
        assert line(process) == {"added": 0, "updated": 0, "removed": 1, "stored": 2}
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "")
        assert "stopped watching" in err
    assert rag("status", "--check", "--index", built).code == 0
    assert "loaf" in rag("search", "golden loaf", "--index", built).out


def test_an_interrupt_in_the_middle_of_a_run_leaves_a_sound_index(rag: Run, tmp_path: Path) -> None:
    folder, built = tmp_path / "in", tmp_path / "index"
    folder.mkdir()
    lines = (json.dumps({"title": f"Story {n}", "text": f"What happened in story {n}. " * 9}) for n in range(3000))
    (folder / "a.txt").write_text("A ferry hit the pier.")
    with watching(folder, "--index", built) as process:
        line(process)
        (folder / "many.jsonl").write_text("\n".join(lines))
        while rag("status", "--index", built, "--json").json["index"]["articles"] < 64:
            pass
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0
    stored = rag("status", "--index", built, "--json").json["index"]["articles"]
    assert 64 <= stored < 3001
    rag("search", "ferry", "--index", built)  # builds the vector files anew
    assert rag("status", "--check", "--index", built).code == 0


def test_standard_input_cannot_be_watched(rag: Run) -> None:
    done = rag("index", "-", "--watch")
    assert (done.code, done.out) == (2, "")
    assert "--watch needs files" in done.err
