"""The one check for people and CI: `python -m tests.check [PYTEST OPTIONS]`. All steps run, also after one failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEPS = (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",), ("pytest",))


def main(pytest_options: list[str]) -> int:
    """Run the steps in order; 0 when all passed, else 1 and the failed ones by name."""
    failed = []
    for step in STEPS:
        print(f"== {' '.join(step)}", flush=True)
        options = pytest_options if step == ("pytest",) else []
        if subprocess.run([sys.executable, "-m", *step, *options], cwd=ROOT, check=False).returncode:
            failed.append(" ".join(step))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
