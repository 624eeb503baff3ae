"""Fine-tune the bundled model to read: `python -m rag.training.train --records DIR --out DIR`. Layer: faces.

LoRA (Hu et al., 2021) on all linear layers. The loss of a question is the cross entropy of the sentence's number among
the numbers on offer, plus that of the answer's words. Resumes from its last checkpoint; one seed gives one result on
one machine with one thread.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from rag.resources import LLM_SHA256, bundled_llm, require_digest
from rag.training import batches, records
from rag.training.batches import IGNORED, Packed, Writer

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run depends on."""

    seed: int = 1
    epochs: int = 3
    rank: int = 32
    rate: float = 4e-4
    sequences: int = 4  # per step
    words: float = 0.5  # weight of the answer's words beside the number
    nothing: float = 0.3  # share of the unanswerable questions that is used
    most: int = 0  # sequences of one set in an epoch, so that a large one does not drown the others; 0 is all
    disturb: int = 1  # 0: no answers exchanged, no foreign sentences put in (rag.training.disturbing)
    threads: int = 1


def base_model() -> tuple[Any, Writer]:
    """The bundled GGUF as a transformers model in bfloat16, and its writer."""
    path = bundled_llm()
    require_digest(path, LLM_SHA256)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    # Left packed, its weights would be unpacked in every step.
    unpacked = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(
        path.parent,
        gguf_file=path.name,
        dtype=torch.bfloat16,
        quantization_config=unpacked,
        attn_implementation="eager",
    )
    return model, Writer(tokenizer)


def adapted(model: Any, plan: Plan) -> Any:
    """The model with an untrained adapter; only the adapter learns, in float32."""
    torch.manual_seed(plan.seed)
    config = LoraConfig(r=plan.rank, lora_alpha=2 * plan.rank, target_modules=list(LINEAR))
    return get_peft_model(model, config, autocast_adapter_dtype=True)


def loss(model: Any, packed: Packed, digits: Sequence[int], words: float) -> tuple[torch.Tensor, float]:
    """Loss of one sequence, and the share of its questions for which a right number was the most probable."""
    bias = torch.zeros(packed.mask.shape, dtype=torch.bfloat16).masked_fill(~packed.mask, -torch.inf)
    inner = model.base_model.model
    hidden = inner.model(
        input_ids=packed.tokens, position_ids=packed.positions, attention_mask=bias, use_cache=False
    ).last_hidden_state[0]
    at = torch.tensor([position for position, _ in packed.choices])
    offered = inner.lm_head(hidden[at]).float()[:, list(digits[: packed.sentences + 1])].log_softmax(-1)
    right = torch.zeros_like(offered, dtype=torch.bool)
    for row, (_, gold) in enumerate(packed.choices):
        right[row, list(gold)] = True
    total = -offered.masked_fill(~right, -torch.inf).logsumexp(-1).mean()
    written = (packed.labels != IGNORED).nonzero().squeeze(-1)
    if len(written):
        total = total + words * cross_entropy(inner.lm_head(hidden[written]).float(), packed.labels[written])
    return total, right.gather(1, offered.argmax(-1, keepdim=True)).float().mean().item()


def sequences(corpora: Sequence[records.Corpus], writer: Writer, plan: Plan, epoch: int) -> list[Packed]:
    """One epoch over the training fold of all corpora, mixed."""
    seed = 1000 * plan.seed + epoch
    rng, packed = random.Random(seed), list[Packed]()
    for corpus in corpora:
        own = list(batches.epoch(corpus, "train", writer, seed, plan.nothing, bool(plan.disturb)))
        packed += rng.sample(own, min(plan.most, len(own))) if plan.most else own
    rng.shuffle(packed)
    return packed


def _schedule(step: int, total: int) -> float:
    warm = max(1, total // 20)
    return min(1.0, (step + 1) / warm) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, step / total)))


def _checkpoint(folder: Path, model: Any, optimiser: torch.optim.Optimizer, step: int) -> None:
    state = {"adapter": _adapter(model), "optimiser": optimiser.state_dict(), "step": step}
    torch.save(state, folder / "checkpoint.tmp")
    (folder / "checkpoint.tmp").replace(folder / "checkpoint.pt")


def _adapter(model: Any) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def _restore(folder: Path, model: Any, optimiser: torch.optim.Optimizer) -> int:
    if not (folder / "checkpoint.pt").exists():
        return 0
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    model.load_state_dict(state["adapter"], strict=False)
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def _steps(plan: Plan, corpora: Sequence[records.Corpus], writer: Writer) -> Iterator[list[Packed]]:
    for epoch in range(plan.epochs):
        packed = sequences(corpora, writer, plan, epoch)
        for at in range(0, len(packed) - plan.sequences + 1, plan.sequences):
            yield packed[at : at + plan.sequences]


def train(folder: Path, saved: Path, plan: Plan, before: Path | None = None) -> None:
    """Train to the end, from the last checkpoint in `folder` where there is one, else from the adapter of the finished
    run in `before`, else from nothing."""
    torch.set_num_threads(plan.threads)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(asdict(plan)) + "\n", "utf-8")
    base, writer = base_model()
    model = adapted(base, plan)
    if before:
        model.load_state_dict(torch.load(before / "adapter.pt", weights_only=True), strict=False)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=plan.rate, weight_decay=0.01)
    corpora = [records.load(name, saved) for name in records.names(saved)]
    total = sum(1 for _ in _steps(plan, corpora, writer))
    done = _restore(folder, model, optimiser)
    model.train()
    start, losses, right = time.monotonic(), [], []
    for step, batch in enumerate(_steps(plan, corpora, writer)):
        if step < done:
            continue
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * _schedule(step, total)
        for packed in batch:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                value, share = loss(model, packed, writer.digits, plan.words)
            (value / len(batch)).backward()  # type: ignore[no-untyped-call]
            losses.append(value.item())
            right.append(share)
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if step % 10 == 9 or step == total - 1:
            _checkpoint(folder, model, optimiser, step + 1)
            left = (time.monotonic() - start) / (step + 1 - done) * (total - step - 1)
            recent = slice(-20 * plan.sequences, None)
            print(
                f"step {step + 1}/{total}  loss {_mean(losses[recent]):.3f}  right {_mean(right[recent]):.3f}  "
                f"{left / 60:.0f} min left",
                flush=True,
            )
    torch.save(_adapter(model), folder / "adapter.pt")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.training.train", description=__doc__)
    parser.add_argument("--records", type=Path, required=True, help="folder written by rag.training.build")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and the adapter")
    parser.add_argument("--start", type=Path, help="folder of a finished run to go on from")
    for name, value in asdict(Plan()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    options = vars(parser.parse_args())
    saved, folder, before = (options.pop(name) for name in ("records", "out", "start"))
    train(folder, saved, Plan(**options), before)


if __name__ == "__main__":
    main()
