"""Does the exported adapter say what the trained one says? `python -m rag.training.verify --run DIR ...`. Layer: faces.

Both read the same prompts: transformers with the adapter in float32, llama.cpp with the model and adapter it is given
(the shipped form is the merged 8-bit copy). Compared are the logits of all tokens after the prompt.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import llama_cpp
import numpy as np
import torch

from rag import resources
from rag.llms.llama_cpp import LlamaCppModel
from rag.training import batches, records
from rag.training.export import trained
from rag.training.train import Plan, adapted, base_model

Logits = np.ndarray[tuple[int], np.dtype[np.float32]]


def prompts(saved: Path, writer: batches.Writer, most: int) -> Iterator[list[int]]:
    """Tokens up to where the answer begins, of questions of the dev fold."""
    packed = batches.epoch(records.load("squad", saved), "dev", writer, seed=7)
    for sequence in itertools.islice(packed, most):
        # The first question is the only one that is not packed behind others.
        end = int((sequence.labels != batches.IGNORED).nonzero()[0]) + 1
        yield sequence.tokens[0, :end].tolist()


def logits_of(llama: llama_cpp.Llama, tokens: list[int]) -> Logits:
    """After the prompt, of every token of the vocabulary."""
    seen: list[Logits] = []

    def keep(_: object, scores: Logits) -> Logits:
        seen.append(np.array(scores))
        return scores

    next(llama.generate(tokens, temp=0.0, logits_processor=llama_cpp.LogitsProcessorList([keep])))
    return seen[0]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.training.verify", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of rag.training.train")
    parser.add_argument("--records", type=Path, required=True, help="folder written by rag.training.build")
    parser.add_argument("--adapter", type=Path, required=True, help="the exported GGUF file")
    parser.add_argument("--cache", type=Path, help="compare the merged copy, kept here, instead of model and adapter")
    parser.add_argument("--prompts", type=int, default=50)
    options = parser.parse_args()
    torch.set_num_threads(1)
    base, writer = base_model()
    model = adapted(base, Plan())
    model.load_state_dict(trained(options.run), strict=False)
    model = model.float().eval()
    exported = LlamaCppModel(
        "bundled",
        context_tokens=1024,
        threads=1,
        extra_buffers=resources.extra_buffers("auto"),
        lora=options.adapter,
        cache=options.cache,
    )
    worst, chance, same, count = 0.0, 0.0, 0, 0
    for tokens in prompts(options.records, writer, options.prompts):
        with torch.no_grad():
            expected = model(input_ids=torch.tensor([tokens])).logits[0, -1].numpy()
        found = logits_of(exported._llama, tokens)
        # A constant added to all logits changes nothing: compare log-probabilities of what may well be said.
        a, b = (x - np.logaddexp.reduce(x.astype(np.float64)) for x in (expected, found))
        likely = a > np.log(0.01)
        worst = max(worst, float(np.abs(a - b)[likely].max()))
        chance = max(chance, float(np.abs(np.exp(a) - np.exp(b)).max()))
        same += int(a.argmax() == b.argmax())
        count += 1
    print(
        f"{count} prompts: worst difference {worst:.3f} in log-probability (of tokens above 0.01), "
        f"{chance:.3f} in probability; the same best token in {same}"
    )


if __name__ == "__main__":
    main()
