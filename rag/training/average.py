"""The mean of several finished runs: `python -m rag.training.average --run A --run B --out DIR`. Layer: faces.

Runs that went on from the same run lie close together, and the mean of their weights reads better than each (Wortsman
et al., *Model soups*, 2022). Runs from different seeds do not: their adapters share hardly a direction.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from rag.training.export import trained


def mean(states: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Each parameter's mean. Raises ValueError where the adapters have different parameters or shapes."""
    shapes = {name: value.shape for name, value in states[0].items()}
    if any({name: value.shape for name, value in state.items()} != shapes for state in states):
        raise ValueError("the runs have adapters of different shapes")
    return {name: torch.stack([state[name].float() for state in states]).mean(0) for name in shapes}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.training.average", description=__doc__)
    parser.add_argument("--run", type=Path, action="append", required=True, help="folder of a finished run; repeat it")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, which export takes for a run")
    options = parser.parse_args()
    state = mean([trained(run) for run in options.run])
    options.out.mkdir(parents=True, exist_ok=True)
    plan = json.loads((options.run[0] / "plan.json").read_text("utf-8"))
    (options.out / "plan.json").write_text(json.dumps(plan) + "\n", "utf-8")
    torch.save(state, options.out / "adapter.pt")


if __name__ == "__main__":
    main()
