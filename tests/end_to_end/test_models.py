"""The models that come with newsrag are whole, and run on every CPU."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from io import BufferedReader
from pathlib import Path

import pytest

from rag import loading, resources
from rag.errors import ModelError
from rag.llms.llama_cpp import LlamaCppModel
from rag.settings import Settings


def test_the_bundled_files_are_the_ones_we_tested() -> None:
    assert resources.sha256(resources.bundled_embedder() / "model.safetensors") == resources.EMBEDDER_SHA256
    assert resources.sha256(resources.bundled_llm()) == resources.LLM_SHA256


def test_a_file_with_one_wrong_byte_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "model.gguf"
    raw = bytearray(resources.bundled_llm().read_bytes())
    raw[len(raw) // 2] ^= 1
    copy.write_bytes(raw)
    with pytest.raises(ModelError, match=r"^[^\n]*model.gguf is damaged \(sha256 .*\): reinstall its package$"):
        resources.require_digest(copy, resources.LLM_SHA256)


def test_a_file_is_hashed_again_only_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy, other = tmp_path / "adapter.gguf", tmp_path / "other.gguf"
    copy.write_bytes(b"first")
    read = list[str]()
    original = hashlib.file_digest

    def digest(file: BufferedReader, name: str) -> object:
        read.append(file.name)
        return original(file, name)

    monkeypatch.setattr(hashlib, "file_digest", digest)
    first, again = resources.sha256(copy), resources.sha256(copy)
    other.write_bytes(b"other")
    other.replace(copy)
    assert first == again == hashlib.sha256(b"first").hexdigest()
    assert resources.sha256(copy) == hashlib.sha256(b"other").hexdigest()
    assert len(read) == 2


@pytest.mark.parametrize("name", ["none.gguf", "."])
def test_a_file_that_cannot_be_read_is_a_model_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"^cannot read the model file [^\n]*$"):
        resources.sha256(tmp_path / name)


def test_a_missing_package_is_a_model_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for find in (resources.bundled_embedder, resources.bundled_llm):
        with pytest.raises(ModelError, match="is not installed: install newsrag again"):
            find()


# ── CPUs with AMX, where llama.cpp's extra buffers crash


def cpu(monkeypatch: pytest.MonkeyPatch, flags: str | None) -> None:
    """Let the machine report these flags; None: it reports nothing, as outside Linux."""
    read = Path.read_text

    def reading(self: Path, *args: str, **kwargs: str) -> str:
        if self != Path("/proc/cpuinfo"):
            return read(self, *args, **kwargs)
        if flags is None:
            raise FileNotFoundError(self)
        return f"processor\t: 0\nmodel name\t: Fake\nflags\t\t: fpu sse2 {flags}\n"

    monkeypatch.setattr(Path, "read_text", reading)


@pytest.mark.parametrize(
    ("flags", "choice", "buffers"),
    [
        ("avx512f amx_bf16 amx_tile amx_int8", "auto", False),
        ("avx512f amx_bf16 amx_tile amx_int8", "on", True),
        ("avx512f avx512_vnni", "auto", True),
        ("avx512f avx512_vnni", "off", False),
        (None, "auto", True),
    ],
)
def test_extra_buffers_are_off_on_amx_unless_a_setting_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, flags: str | None, choice: str, buffers: bool
) -> None:
    cpu(monkeypatch, flags)
    assert resources.extra_buffers(Settings(amx=choice).amx) is buffers


@pytest.mark.parametrize("buffers", [True, False])
def test_the_choice_of_buffers_reaches_llama_cpp(monkeypatch: pytest.MonkeyPatch, buffers: bool) -> None:
    cpu(monkeypatch, "sse2" if buffers else "amx_int8")
    model = loading.load_llm(Settings(threads=1, context_tokens=768))
    assert isinstance(model, LlamaCppModel)
    assert model._llama.model_params.use_extra_bufts is buffers


@pytest.mark.parametrize(
    ("flags", "choice", "expected"),
    [("avx512_bf16", "auto", True), ("avx2", "auto", False), (None, "auto", False), ("avx2", "on", True)],
)
def test_bfloat16_is_used_where_the_cpu_has_units_for_it(
    monkeypatch: pytest.MonkeyPatch, flags: str | None, choice: str, expected: bool
) -> None:
    cpu(monkeypatch, flags)
    assert resources.bfloat16(Settings(bfloat16=choice).bfloat16) is expected


# ── threads


@pytest.mark.parametrize(("quota", "cpus"), [("max 100000", 8), ("150000 100000", 2), ("10000 100000", 1), ("?", 8)])
def test_cpus_are_those_of_affinity_and_control_group(monkeypatch: pytest.MonkeyPatch, quota: str, cpus: int) -> None:
    read = Path.read_text
    group = Path("/sys/fs/cgroup/cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(Path, "read_text", lambda self, *a, **k: quota if self == group else read(self, *a, **k))
    assert resources.available_cpus() == cpus


@pytest.mark.parametrize(("load", "threads"), [(0.2, 4), (1.4, 3), (3.9, 1), (90.0, 1)])
def test_busy_cpus_are_left_to_others(monkeypatch: pytest.MonkeyPatch, load: float, threads: int) -> None:
    monkeypatch.setattr(resources, "available_cpus", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    assert resources.free_threads.__wrapped__() == threads  # past its cache


def test_a_setting_decides_the_threads() -> None:
    assert loading.threads(Settings(threads=5)) == 5
    assert loading.threads(Settings()) == resources.free_threads()


def test_a_model_is_loaded_once_in_a_process() -> None:
    assert loading.load_llm(Settings(threads=1, context_tokens=768)) is loading.load_llm(
        Settings(threads=1, context_tokens=768, hits=3)
    )
    assert loading.load_embedder(Settings(threads=1)) is loading.load_embedder(Settings(threads=1, hits=3))
