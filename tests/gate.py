"""The runs that CI gates on, and the one command that renews their baseline: `python -m tests.gate --write`.

Both use the real models over the sample corpus, dev split. The language model takes seconds an answer, so it answers a
fixed sample; without it all questions are asked.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rag import cli

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / "eval" / "baseline.json"
RUNS = {
    "quote": ("--mode", "quote"),
    "answer": ("--mode", "answer", "--limit", "40"),
}
ABSOLUTE = ("--fail-under", "citations_verbatim=1", "--fail-under", "markers_valid=1")


def run(name: str, *more: str) -> int:
    """`rag eval` with one of the runs against the baseline; its exit code."""
    return cli.main(["eval", *RUNS[name], "--split", "dev", "--baseline", str(BASELINE), *ABSOLUTE, *more])


def main(arguments: list[str]) -> int:
    """Gate on all runs, or with `--write` store them as the new baseline; 1 where one failed."""
    more = ["--write-baseline"] if arguments == ["--write"] else []
    return max(run(name, *more) for name in RUNS)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
