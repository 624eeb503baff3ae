"""One short measurement of a model on this machine, Layer: adapters."""

from __future__ import annotations

import time

import llama_cpp

from rag.speed import Speed

_PROMPT = 128
_WRITTEN = 12


def measure(llama: llama_cpp.Llama, threads: int) -> Speed:
    """Evaluate a prompt of 128 tokens and write 12 more. Leaves nothing in the model's context."""
    tokens = [token % llama.n_vocab() for token in range(100, 100 + _PROMPT)]
    llama.reset()  # type: ignore[no-untyped-call]
    start = time.process_time()
    llama.eval(tokens)
    read = time.process_time()
    for token in tokens[:_WRITTEN]:
        llama.eval([token])
    end = time.process_time()
    llama.reset()  # type: ignore[no-untyped-call]
    return Speed(_PROMPT / max(1e-6, read - start) * threads, _WRITTEN / max(1e-6, end - read) * threads)
