"""A BERT sentence encoder through OpenVINO, without torch. Layer: adapters.

The graph is made from the model's own weight file each time it is loaded: that takes 0.01 s and compiling it 0.15 s, so
there is no exported copy that could be stale. docs/decisions/0030 has the measurements behind the choices here.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from rag.embedders.bert_files import Bert, read
from rag.embedders.openvino_runtime import openvino, ops
from rag.errors import ModelError, UnsupportedModelError
from rag.ports import Vectors
from rag.resources import bundled_embedder, embedder_name

_BATCH = 4  # more texts are no faster once they are sorted by length, and padding costs
_STEP = 16  # lengths are rounded up: the runtime keeps memory for every shape that it has met


class OpenVinoBert:
    """`rag.ports.Embedder`. Safe to call from several threads, one at a time."""

    def __init__(self, model: str, threads: int, *, bfloat16: bool = False) -> None:
        """Load 'bundled' or a folder. Raises UnsupportedModelError where only sentence-transformers may be able to, and
        ModelError where the model is damaged."""
        bundled = model == "bundled"
        folder = bundled_embedder() if bundled else Path(model)
        bert = read(folder, bundled=bundled)
        self.name = embedder_name(model)
        self.digest = bert.digest
        self.max_tokens = bert.max_tokens
        self._prompts = bert.prompts
        self._lock = threading.Lock()
        self._tokenizer = _tokenizer(folder)
        try:
            network = _network(bert)
            self.dimension = int(bert.weights["embeddings.LayerNorm.weight"].shape[0])
            # A request runs on one thread: several go side by side, and none waits for another in a busy loop.
            streams = {"NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}
            compiled = openvino.Core().compile_model(
                network, "CPU", {**streams, "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32"}
            )
            self._queue = openvino.AsyncInferQueue(compiled, threads)
        except (RuntimeError, KeyError, ValueError) as exc:
            raise UnsupportedModelError(f"OpenVINO cannot run {folder}: {str(exc).splitlines()[0]}") from exc

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See `rag.ports.Embedder`, as for the methods below."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return self._embed(self._prompts.get("document", ""), texts)

    def embed_query(self, text: str) -> Vectors:
        return self._embed(self._prompts.get("query", ""), [text])

    def _embed(self, prompt: str, texts: Sequence[str]) -> Vectors:
        tokens = [self._read(e.ids) for e in self._tokenizer.encode_batch([prompt + text for text in texts])]
        vectors = np.zeros((len(tokens), self.dimension), dtype=np.float32)

        def keep(request: Any, rows: list[int]) -> None:
            vectors[rows] = request.get_output_tensor(0).data[: len(rows)]

        with self._lock:
            try:
                self._queue.set_callback(keep)
                for rows in length_sorted(tokens, _BATCH):
                    self._queue.start_async(_inputs([tokens[i] for i in rows]), rows)
            except RuntimeError as exc:
                raise ModelError(f"the embedder failed: {exc}") from exc
            finally:
                self._queue.wait_all()
        return vectors

    def _read(self, ids: list[int]) -> list[int]:
        """The tokens that are read: the first ones, and the closing special token."""
        return ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]


def length_sorted(tokens: Sequence[Sequence[int]], size: int) -> list[list[int]]:
    """Positions in batches of about equal length, the longest first, so that little of a batch is padding."""
    order = sorted(range(len(tokens)), key=lambda i: -len(tokens[i]))
    return [order[at : at + size] for at in range(0, len(order), size)]


def _inputs(batch: Sequence[Sequence[int]]) -> list[Any]:
    """Token ids (n, longest rounded up) padded with 0, and lengths (n,)."""
    width = -(-max(map(len, batch)) // _STEP) * _STEP
    ids = np.zeros((len(batch), width), dtype=np.int32)
    for row, tokens in zip(ids, batch, strict=True):
        row[: len(tokens)] = tokens
    return [ids, np.asarray([len(tokens) for tokens in batch], dtype=np.int32)]


def _tokenizer(folder: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as exc:  # the library raises bare Exception
        raise UnsupportedModelError(f"{folder} has no tokenizer that can be read alone: {exc}") from exc
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _network(bert: Bert) -> openvino.Model:
    """(ids (n, width), lengths (n,)) to unit vectors (n, dimension): BERT, its pooling, and the norm.

    Source: Devlin et al., BERT, 2018; pooling as in Reimers and Gurevych, Sentence-BERT, 2019.
    """
    ids, lengths = ops.parameter([-1, -1], np.int32), ops.parameter([-1], np.int32)
    width = ops.gather(ops.shape_of(ids, output_type="i32"), _int(1), _int(0))
    places = ops.range(_int(0), width, _int(1), output_type="i32")
    real = ops.convert(ops.less(ops.unsqueeze(places, _int(0)), ops.unsqueeze(lengths, _int(1))), "f32")
    # Added to the attention scores: nothing for a token, a lot less for padding.
    padding = ops.multiply(ops.subtract(ops.unsqueeze(real, _ints(1, 2)), _float(1.0)), _float(1e4))
    tables = [bert.weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")]
    words, positions = (ops.gather(_shared(t), at, _int(0)) for t, at in zip(tables, (ids, places), strict=False))
    hidden = _norm(bert, "embeddings", ops.add(ops.add(words, positions), _shared(tables[2][0])))
    for layer in range(bert.layers):
        hidden = _layer(bert, f"encoder.layer.{layer}", hidden, padding)
    if bert.pooling == "cls":
        pooled = ops.gather(hidden, _int(0), _int(1))
    else:
        pooled = ops.reduce_sum(ops.multiply(hidden, ops.unsqueeze(real, _int(2))), _int(1))  # the norm divides
    return openvino.Model([ops.normalize_l2(pooled, _ints(1), 1e-24, "max")], [ids, lengths], "bert")


def _layer(bert: Bert, name: str, hidden: Any, padding: Any) -> Any:
    """One transformer layer: (n, width, dimension) to the same shape."""
    dimension = bert.weights["embeddings.LayerNorm.weight"].shape[0]
    apart, together, swapped = (
        _ints(0, 0, bert.heads, dimension // bert.heads), _ints(0, 0, dimension), _ints(0, 2, 1, 3)
    )  # fmt: skip
    query, key, value = (
        ops.transpose(ops.reshape(_linear(bert, f"{name}.attention.self.{part}", hidden), apart, True), swapped)
        for part in ("query", "key", "value")
    )
    attended = ops.scaled_dot_product_attention(query, key, value, padding)
    attended = ops.reshape(ops.transpose(attended, swapped), together, True)
    attended = _linear(bert, f"{name}.attention.output.dense", attended)
    hidden = _norm(bert, f"{name}.attention.output", ops.add(attended, hidden))
    wide = ops.gelu(_linear(bert, f"{name}.intermediate.dense", hidden), "erf")
    return _norm(bert, f"{name}.output", ops.add(_linear(bert, f"{name}.output.dense", wide), hidden))


def _linear(bert: Bert, name: str, x: Any) -> Any:
    product = ops.matmul(x, _shared(bert.weights[f"{name}.weight"]), False, True)
    return ops.add(product, _shared(bert.weights[f"{name}.bias"]))


def _norm(bert: Bert, name: str, x: Any) -> Any:
    normed = ops.mvn(x, ops.constant(np.asarray([-1], np.int64)), True, bert.epsilon, "inside_sqrt")
    scaled = ops.multiply(normed, _shared(bert.weights[f"{name}.LayerNorm.weight"]))
    return ops.add(scaled, _shared(bert.weights[f"{name}.LayerNorm.bias"]))


def _shared(weight: Vectors) -> Any:
    """A constant over the memory of the file."""
    return ops.constant(weight, shared_memory=True)


def _int(value: int) -> Any:
    return ops.constant(np.int32(value))


def _ints(*values: int) -> Any:
    return ops.constant(np.asarray(values, np.int64))


def _float(value: float) -> Any:
    return ops.constant(np.float32(value))
