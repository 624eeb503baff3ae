"""Any sentence-transformers model, the bundled all-MiniLM-L6-v2 first. Layer: adapters."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging

from rag.errors import ModelError
from rag.ports import Vectors
from rag.resources import EMBEDDER_SHA256, bundled_embedder, embedder_name, require_digest

_BATCH = 32
_FEW = 64


class SentenceTransformerEmbedder:
    """`rag.ports.Embedder`. The model's own question and document prompts are used where it has them."""

    def __init__(self, model: str, threads: int, *, bfloat16: bool = False) -> None:
        """Load 'bundled', a folder or a hub name. Raises ModelError when it is missing, damaged or not a model."""
        self._threads = threads
        self._bfloat16 = bfloat16
        # Of loading the weights: it would be drawn on standard error, whatever that is.
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        bundled = model == "bundled"
        source = bundled_embedder() if bundled else Path(model)
        known = require_digest(source / "model.safetensors", EMBEDDER_SHA256) if bundled else None
        try:
            self._model = SentenceTransformer(str(source), device="cpu", local_files_only=bundled or source.is_dir())
        except Exception as exc:  # the library raises whatever its own libraries raise
            reason = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
            raise ModelError(f"cannot load the embedder {model}: {reason}") from exc
        self.name = embedder_name(model)
        self.digest = known or _digest(self._model)
        self.dimension = int(cast(int, self._model.get_embedding_dimension()))
        self.max_tokens = int(self._model.max_seq_length or 512)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See `rag.ports.Embedder`, as for the methods below."""
        if not texts:
            return []
        encoded = self._model.tokenizer(
            list(texts), add_special_tokens=False, truncation=False, return_attention_mask=False, verbose=False
        )
        return [len(ids) for ids in encoded["input_ids"]]

    def _computing(self, texts: int) -> torch.autocast:
        # A few short texts are done before a second thread pays for itself.
        torch.set_num_threads(self._threads if texts > _FEW else 1)
        # Matrix products only: norms, softmax and pooling stay in float32, and with them the ranking.
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._bfloat16)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        try:
            with self._computing(len(texts)):
                # encode() sorts by length itself, so that a batch is not padded to one long text.
                vectors = self._model.encode_document(
                    list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
                )
        except RuntimeError as exc:
            raise ModelError(f"the embedder failed: {exc}") from exc
        return np.asarray(vectors, dtype=np.float32)

    def embed_query(self, text: str) -> Vectors:
        try:
            with self._computing(1):
                vectors = self._model.encode_query([text], normalize_embeddings=True, show_progress_bar=False)
        except RuntimeError as exc:
            raise ModelError(f"the embedder failed: {exc}") from exc
        return np.asarray(vectors, dtype=np.float32)


def _digest(model: SentenceTransformer) -> str:
    """SHA-256 over all weights in the order of their names: the same model under another path is the same model."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().to(torch.float32).contiguous().numpy().tobytes())
    return digest.hexdigest()
