"""Which runtime computes a model's vectors. Layer: adapters.

OpenVINO where it can, sentence-transformers (seconds of imports, several times the work) where it must. OpenVINO is
trusted with a model on this machine once its vectors of a few probe texts are those that sentence-transformers gives in
32 bits: for the bundled model these come with newsrag, for another one they are computed once and kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from rag.errors import UnsupportedModelError
from rag.ports import Embedder, Vectors

LEAST_COSINE = 0.999
_PROBE = Path(__file__).parent / "probe.json"


def load(model: str, threads: int, bfloat16: bool, cache: Path, notice: Callable[[str], None]) -> Embedder:
    """The embedder in the fastest runtime that gives the right vectors. Raises ModelError where none can load it.

    `cache` is where the probe vectors of other models are kept; `notice` is told why a slower runtime was taken.
    """
    try:
        # Loaded here: each of the runtimes is heavy, and only one of them is wanted.
        from rag.embedders.openvino_bert import OpenVinoBert

        light = OpenVinoBert(model, threads, bfloat16=bfloat16)
    except (ImportError, UnsupportedModelError) as exc:
        if model == "bundled":
            notice(f"embedding with sentence-transformers, slower to start: {exc}")
        return _heavy(model, threads, bfloat16)
    texts, known = _known()
    expected = known.get(light.digest)
    if expected is None:
        file = cache / "embedders" / f"{light.digest}.npy"
        expected = _kept(file, (len(texts), light.dimension), lambda: _probed(_heavy(model, threads, False), texts))
    worst = float(np.min(np.sum(_probed(light, texts) * expected, axis=1)))
    if worst >= LEAST_COSINE:
        return light
    notice(f"embedding with sentence-transformers: OpenVINO's vectors differ on this CPU (cosine {worst:.4f})")
    return _heavy(model, threads, bfloat16)


def _heavy(model: str, threads: int, bfloat16: bool) -> Embedder:
    from rag.embedders.sentence_transformer import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(model, threads, bfloat16=bfloat16)


def _known() -> tuple[list[str], dict[str, Vectors]]:
    """The probe texts, and the right vectors of the models we know by digest."""
    probe = json.loads(_PROBE.read_text("utf-8"))
    return probe["texts"], {digest: np.asarray(rows, np.float32) for digest, rows in probe["vectors"].items()}


def _probed(embedder: Embedder, texts: list[str]) -> Vectors:
    """(texts, dimension): all as documents but the last, which is a question."""
    return np.concatenate([embedder.embed_documents(texts[:-1]), embedder.embed_query(texts[-1])])


def _kept(path: Path, shape: tuple[int, int], compute: Callable[[], Vectors]) -> Vectors:
    """Vectors from a file, made when it is missing or unreadable; a cache that cannot be written is done without."""
    try:
        kept: Vectors = np.load(path, allow_pickle=False)
        if kept.shape != shape:
            raise ValueError("these are other vectors")
    except (OSError, ValueError, EOFError):
        kept = compute()
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                np.save(file, kept)
            part.replace(path)
        except OSError:
            with suppress(OSError):
                part.unlink()
    return kept
