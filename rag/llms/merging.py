"""A LoRA adapter added into its model, once: the sum is as fast as the model alone. Layer: adapters.

Applied at run time an adapter costs two more matrix products for every weight. The merged weights are written as Q8_0,
the quantisation that llama.cpp reads fastest on CPUs (docs/decisions/0031).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

from rag.errors import ModelError

_Floats = npt.NDArray[np.float32]
_Q8 = gguf.GGMLQuantizationType.Q8_0
_BLOCK = 32  # values that share one scale in Q8_0


def merge(model: Path, adapter: Path, target: Path) -> None:
    """Write `model` with `adapter` added to it. Raises ModelError when they do not fit, OSError as writing does."""
    try:
        base, added = gguf.GGUFReader(model), gguf.GGUFReader(adapter)
        pairs = {t.name: t for t in added.tensors}
        alpha = float(added.fields[gguf.Keys.Adapter.LORA_ALPHA].contents())
        architecture = str(base.fields[gguf.Keys.General.ARCHITECTURE].contents())
    except (ValueError, KeyError) as exc:
        raise ModelError(f"cannot read the adapter {adapter.name} or its model: {exc}") from exc
    writer = gguf.GGUFWriter(target, architecture)
    _copy_facts(base, writer)
    for tensor in base.tensors:
        a, b = pairs.pop(f"{tensor.name}.lora_a", None), pairs.pop(f"{tensor.name}.lora_b", None)
        if (a is None or b is None) and tensor.tensor_type in (gguf.GGMLQuantizationType.F32, _Q8):
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        weights = _values(tensor)
        if a is not None and b is not None:
            first, second = _values(a), _values(b)
            if (second.shape[0], first.shape[1]) != weights.shape:
                raise ModelError(f"the adapter {adapter.name} is not for this model: {tensor.name} has another size")
            weights = weights + np.float32(alpha / first.shape[0]) * (second @ first)
        if weights.shape[-1] % _BLOCK:
            writer.add_tensor(tensor.name, weights)
        else:
            writer.add_tensor(tensor.name, gguf.quants.quantize(weights, _Q8), raw_dtype=_Q8)
    if pairs:
        raise ModelError(f"the adapter {adapter.name} is not for this model, which has no {next(iter(pairs))}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _values(tensor: gguf.ReaderTensor) -> _Floats:
    return np.asarray(gguf.quants.dequantize(tensor.data, tensor.tensor_type), np.float32)


def _copy_facts(base: gguf.GGUFReader, writer: gguf.GGUFWriter) -> None:
    """All metadata but what the writer writes itself and the quantisation, which changes."""
    own = {
        gguf.Keys.General.ARCHITECTURE,
        gguf.Keys.General.FILE_TYPE,
        "GGUF.version",
        "GGUF.tensor_count",
        "GGUF.kv_count",
    }
    for name, fact in base.fields.items():
        if name in own:
            continue
        value: Any = fact.contents()
        kind, *inner = fact.types
        writer.add_key_value(name, value, kind, inner[-1] if inner else None)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
