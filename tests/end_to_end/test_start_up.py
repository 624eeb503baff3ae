"""What a question loads and evaluates: counted, not timed, so that it fails on a busy machine too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUESTION

ROOT = Path(__file__).resolve().parent.parent.parent
# Seconds of imports, or (telemetry) something that has no business here at all.
NEVER = {"openvino_telemetry", "scipy", "sentence_transformers", "sklearn", "torch", "trafilatura", "transformers"}


def loaded_after(*arguments: str) -> set[str]:
    """Top-level modules that a real process has loaded when a command is done."""
    code = (
        "import sys; from rag import cli; code = cli.main(sys.argv[1:]); "
        "print(code, *{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    code, *modules = run.stderr.splitlines()[-1].split()
    assert code == "0", run.stderr
    return set(modules)


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        (("ask", QUESTION, "--mode", "quote"), {"llama_cpp"}),
        (("ask", QUESTION), set()),
        (("search", QUESTION), {"llama_cpp"}),
    ],
)
def test_a_question_loads_only_what_it_uses(index: Path, command: tuple[str, ...], unneeded: set[str]) -> None:
    loaded = loaded_after(*command, "--index", str(index))
    assert "openvino" in loaded
    assert not loaded & (NEVER | unneeded)


def test_indexing_loads_no_torch(tmp_path: Path) -> None:
    file = tmp_path / "ferry.txt"
    file.write_text("Ferry sinks off Brenna\n\nTwelve people died.", "utf-8")
    assert not loaded_after("index", str(file), "--index", str(tmp_path / "index")) & NEVER
