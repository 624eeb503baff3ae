"""A trained adapter as GGUF: `python -m rag.training.export --run DIR --out FILE`. Layer: faces.

GGUF keeps the rows of Llama's query and key projections in another order than transformers does (pairs of a rotation
interleaved, not in two halves), so the B matrices of their adapters are permuted alike. `--rank` cuts the adapter to
its best approximation of a lower rank (Eckart and Young, 1936).
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch

from rag.training.train import Plan

Matrix = np.ndarray[Any, np.dtype[np.float32]]
_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}  # fmt: skip
_PARAMETER = re.compile(r".*\.layers\.(\d+)\.([\w.]+)\.lora_(A|B)\.default\.weight")
HEADS, KEY_HEADS = 9, 3


def permuted(rows: Matrix, heads: int) -> Matrix:
    """Rows of a query or key projection, (heads x dimension, n), from transformers' order to GGUF's."""
    halves = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows.shape))


def adapter_pairs(state: dict[str, torch.Tensor]) -> Iterator[tuple[str, Matrix, Matrix]]:
    """GGUF name, A (rank, in) and B (out, rank) of every adapted weight, B in GGUF's order."""
    halves: dict[str, dict[str, Matrix]] = {}
    for name, value in state.items():
        match = _PARAMETER.fullmatch(name)
        if match is None:
            raise ValueError(f"not a parameter of a LoRA adapter: {name}")
        target = f"blk.{match[1]}.{_NAMES[match[2]]}.weight"
        halves.setdefault(target, {})[match[3]] = value.float().numpy()
    for target, pair in halves.items():
        b = pair["B"]
        if "attn_q" in target or "attn_k" in target:
            b = permuted(b, HEADS if "attn_q" in target else KEY_HEADS)
        yield target, pair["A"], b


def truncated(a: Matrix, b: Matrix, rank: int) -> tuple[Matrix, Matrix]:
    """The two factors of the rank-`rank` matrix nearest to `b @ a`."""
    qb, rb = np.linalg.qr(b)
    qa, ra = np.linalg.qr(a.T)
    u, s, v = np.linalg.svd(rb @ ra.T)
    root = np.sqrt(s[:rank])
    return (root[:, None] * (v[:rank] @ qa.T)).astype(np.float32), ((qb @ u[:, :rank]) * root).astype(np.float32)


def write(state: dict[str, torch.Tensor], plan: Plan, out: Path, rank: int, kind: str) -> None:
    """Write a GGUF LoRA adapter with its weights as `kind` ("f16" or "q8_0")."""
    writer = gguf.GGUFWriter(out, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    # llama.cpp scales by alpha / rank; training scaled by 2.
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 2.0 * rank)
    writer.add_string("general.name", "newsrag reading adapter for SmolLM2-135M-Instruct")
    writer.add_string("general.license", "apache-2.0")
    for target, a, b in adapter_pairs(state):
        if rank < plan.rank:
            a, b = truncated(a, b, rank)
        for suffix, value in (("lora_a", a), ("lora_b", b)):
            if kind == "q8_0":
                packed = gguf.quants.quantize(value, gguf.GGMLQuantizationType.Q8_0)
                writer.add_tensor(f"{target}.{suffix}", packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
            else:
                writer.add_tensor(f"{target}.{suffix}", value.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def trained(run: Path) -> dict[str, torch.Tensor]:
    """The adapter of a finished run, or that of its last checkpoint."""
    if (run / "adapter.pt").exists():
        return dict(torch.load(run / "adapter.pt", weights_only=True))
    return dict(torch.load(run / "checkpoint.pt", weights_only=True)["adapter"])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.training.export", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of rag.training.train")
    parser.add_argument("--out", type=Path, required=True, help="the GGUF file to write")
    parser.add_argument("--rank", type=int, default=0, help="cut to this rank; 0 keeps the trained one")
    parser.add_argument("--kind", choices=("f16", "q8_0"), default="q8_0")
    options = parser.parse_args()
    plan = Plan(**json.loads((options.run / "plan.json").read_text("utf-8")))
    write(trained(options.run), plan, options.out, options.rank or plan.rank, options.kind)


if __name__ == "__main__":
    main()
