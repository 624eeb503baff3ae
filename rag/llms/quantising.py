"""The same GGUF model in the quantisation that llama.cpp evaluates fastest. Layer: adapters.

On CPUs the 8-bit blocks of Q8_0 are multiplied as they are, while 4-bit ones are unpacked first: the bundled model
reads its prompt about twice as fast, for 145 MB instead of 94 (docs/decisions/0031). Made once, kept in the user's
cache.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import llama_cpp.llama_cpp as native

from rag.errors import ModelError
from rag.resources import sha256


@native.llama_log_callback  # type: ignore[untyped-decorator]
def _silent(level: int, text: bytes, data: object) -> None:
    """llama.cpp would print a line for every tensor."""


def kept(copy: Path, make: Callable[[Path], None]) -> Path:
    """The file `copy`, made by `make(path)` when it is missing or damaged.

    Its name says what it is made of; it is trusted when its SHA-256 is the one noted beside it when it was made.
    Raises ModelError when it cannot be made or kept.
    """
    note = copy.with_suffix(".sha256")
    if copy.is_file() and note.is_file() and sha256(copy) == note.read_text("ascii", errors="replace"):
        return copy
    part = copy.with_name(f"{copy.name}.{os.getpid()}.part")
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        make(part)
        digest = sha256(part)
        part.replace(copy)
        # Last: without it the copy counts as unfinished.
        written = part.with_suffix(".note")
        written.write_text(digest, "ascii")
        written.replace(note)
    except OSError as exc:
        raise ModelError(f"cannot keep a faster copy of the model in {copy.parent}: {exc.strerror}") from exc
    finally:
        with suppress(OSError):  # gone already, or there is no such folder
            part.unlink()
    return copy


def requantise(source: Path, target: Path, threads: int) -> None:
    """Write `source` as Q8_0. Raises ModelError when it is no GGUF model."""
    parameters = native.llama_model_quantize_default_params()
    parameters.ftype = native.LLAMA_FTYPE_MOSTLY_Q8_0
    parameters.allow_requantize = True
    parameters.nthread = threads
    native.llama_log_set(_silent, ctypes.c_void_p(0))
    if native.llama_model_quantize(os.fsencode(source), os.fsencode(target), ctypes.byref(parameters)):
        raise ModelError(f"llama.cpp cannot requantise {source.name}")
