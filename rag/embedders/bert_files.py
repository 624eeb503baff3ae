"""What a sentence-transformers folder holds, read without torch. Layer: adapters.

Only plain BERT encoders with mean or first-token pooling and 32-bit weights are taken (all-MiniLM, e5, bge and their
kin): a model that does more than the graph of `openvino_bert` would get other vectors, so it is refused here.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rag.errors import ModelError, UnsupportedModelError
from rag.ports import Vectors
from rag.resources import EMBEDDER_SHA256

Pooling = Literal["mean", "cls"]
_DEFAULT_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Bert:
    """Weights by name, as the file has them (views of a private memory map), and what they mean."""

    weights: dict[str, Vectors]
    digest: str
    layers: int
    heads: int
    epsilon: float
    pooling: Pooling
    max_tokens: int
    prompts: dict[str, str]


def read(folder: Path, *, bundled: bool) -> Bert:
    """The model in a folder. Raises UnsupportedModelError where it is no plain BERT, ModelError where it is damaged."""
    try:
        config = _json(folder / "config.json")
        _require_plain(config)
        max_tokens = _max_tokens(folder, config)
        prompts = _json(folder / "config_sentence_transformers.json").get("prompts") or {}
        weights, digest = _weights(folder / "model.safetensors")
        pooling = _pooling(folder)
        layers, heads, epsilon = (config[k] for k in ("num_hidden_layers", "num_attention_heads", "layer_norm_eps"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise UnsupportedModelError(f"{folder} cannot be read without sentence-transformers: {exc}") from exc
    if bundled and digest != EMBEDDER_SHA256:
        path = folder / "model.safetensors"
        raise ModelError(
            f"{path} is damaged (sha256 {digest[:12]}, expected {EMBEDDER_SHA256[:12]}): reinstall its package"
        )
    digest = digest if bundled else _state_digest(weights)
    return Bert(weights, digest, layers, heads, epsilon, pooling, max_tokens, prompts)


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text("utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds no object")
    return found


def _require_plain(config: dict[str, Any]) -> None:
    wanted: dict[str, Any] = {"model_type": "bert", "hidden_act": "gelu", "architectures": ["BertModel"]}
    wanted_unless_absent: dict[str, Any] = {
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
    }
    for name, value in wanted.items():
        if config.get(name) != value:
            raise ValueError(f"its {name} is {config.get(name)}, not {value}")
    for name, value in wanted_unless_absent.items():
        if config.get(name, value) != value:
            raise ValueError(f"its {name} is {config[name]}, not {value}")


def _max_tokens(folder: Path, config: dict[str, Any]) -> int:
    """As sentence-transformers finds it: its own file, else the tokenizer's, never more than the positions."""
    own = _json(folder / "sentence_bert_config.json").get("max_seq_length")
    limit = own or _json(folder / "tokenizer_config.json").get("model_max_length") or _DEFAULT_TOKENS
    return min(int(limit), int(config["max_position_embeddings"]))


def _pooling(folder: Path) -> Pooling:
    """Of modules.json: the transformer, one pooling, and at most a normalisation."""
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or modules[0]["path"]:
        raise ValueError(f"its modules are {', '.join(kinds)}")
    config = _json(folder / modules[1]["path"] / "config.json")
    on = {name.removeprefix("pooling_mode_") for name, value in config.items() if value is True} - {"include_prompt"}
    mode = config.get("pooling_mode") or "+".join(sorted(on))
    if mode in ("mean", "mean_tokens"):
        return "mean"
    if mode in ("cls", "cls_token"):
        return "cls"
    raise ValueError(f"its pooling is {mode}")


def _weights(path: Path) -> tuple[dict[str, Vectors], str]:
    """Every 32-bit tensor of a safetensors file, not copied, and the file's SHA-256.

    Format: 8 bytes little-endian length, a JSON header, then the tensors at its offsets
    (https://github.com/huggingface/safetensors#format).
    """
    with path.open("rb") as file:
        # A private copy on write: the runtime asks for writable memory and never writes to it.
        raw = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    weights = {}
    for name, entry in header.items():
        if name == "__metadata__" or name.endswith("position_ids"):
            continue
        if entry["dtype"] != "F32":
            raise ValueError(f"its weights are {entry['dtype']}, not F32")
        start, stop = entry["data_offsets"]
        flat: npt.NDArray[np.float32] = np.frombuffer(raw, np.float32, (stop - start) // 4, 8 + size + start)
        weights[name] = flat.reshape(entry["shape"])
    return weights, hashlib.sha256(raw).hexdigest()


def _state_digest(weights: dict[str, Vectors]) -> str:
    """The digest that `sentence_transformer` gives the same weights, so that either reads the other's index."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(f"0.model.{name}".encode())
        digest.update(weights[name].tobytes())
    return digest.hexdigest()
