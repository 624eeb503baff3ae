"""Which file a model is loaded from: its own, or a faster copy that was made of it. Layer: adapters."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ModelError
from rag.llms import quantising
from rag.resources import LLM_SHA256, bundled_llm, require_digest, sha256


@dataclass(frozen=True, slots=True)
class ModelFile:
    """`lora`: an adapter that is not in the file yet."""

    path: Path
    lora: Path | None


def model_file(
    model: str, lora: Path | None, cache: Path | None, threads: int, notice: Callable[[str], None]
) -> ModelFile:
    """For 'bundled', a path, or `hf:OWNER/REPO:FILE`. With `cache`, a folder, the bundled model has a faster copy
    there, with its adapter merged in; `notice` is told where that is not possible. Raises ModelError when a file is
    missing or damaged."""
    path = _own(model)
    for file, name in ((path, "model file"), (lora, "LoRA adapter")):
        if file is not None and not file.is_file():
            raise ModelError(f"no such {name}: {file}")
        if file is not None and not os.access(file, os.R_OK):
            raise ModelError(f"cannot read the {name} {file}: Permission denied")
    if model != "bundled":
        return ModelFile(path, lora)
    try:
        if cache:
            return ModelFile(_fast(path, lora, cache, threads), None)
    except ModelError as exc:
        notice(f"the language model runs as installed, slower: {exc}")
    require_digest(path, LLM_SHA256)
    return ModelFile(path, lora)


def _own(model: str) -> Path:
    if model.startswith("hf:"):
        from rag.llms.hub import fetch

        return fetch(model.removeprefix("hf:"))
    return bundled_llm() if model == "bundled" else Path(model)


def _fast(path: Path, lora: Path | None, cache: Path, threads: int) -> Path:
    """The faster copy; the digest of the model is checked when one is made."""

    def make(target: Path) -> None:
        require_digest(path, LLM_SHA256)
        if lora is None:
            quantising.requantise(path, target, threads)
            return
        from rag.llms import merging  # a second of imports, only where a copy is made

        merging.merge(path, lora, target)

    key = LLM_SHA256 if lora is None else f"{LLM_SHA256[:32]}-{sha256(lora)[:32]}"
    return quantising.kept(cache / f"{key}-q8_0.gguf", make)
