"""A cross-encoder by name or folder, which reads question and sentence together. Layer: adapters. Off by default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder

from rag.errors import ModelError

_BATCH = 16


class SentenceTransformerReranker:
    """`rag.ports.Reranker`: any CrossEncoder of sentence-transformers with one output."""

    def __init__(self, model: str, threads: int) -> None:
        """Load a folder or a hub name. Raises ModelError when it is missing, damaged or scores more than one thing."""
        self.name, self._threads = model, threads
        try:
            self._model = CrossEncoder(model, device="cpu", local_files_only=Path(model).is_dir())
        except Exception as exc:  # the library raises whatever its own libraries raise
            reason = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
            raise ModelError(f"cannot load the reranker {model}: {reason}") from exc
        if self._model.num_labels != 1:
            raise ModelError(f"the reranker {model} gives {self._model.num_labels} scores: it must give one")

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """See `rag.ports.Reranker`."""
        if not texts:
            return []
        torch.set_num_threads(self._threads)
        try:
            found = self._model.predict(
                [(question, text) for text in texts],
                batch_size=_BATCH,
                activation_fn=torch.nn.Identity(),  # log odds, whatever the model's own habit
                show_progress_bar=False,
            )
        except RuntimeError as exc:
            raise ModelError(f"the reranker failed: {exc}") from exc
        return [float(score) for score in found]
