"""What is installed, what the machine offers, and what an index holds. Layer: faces. Loads no model."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from rag import __version__, loading, resources, wiring
from rag.errors import ModelError
from rag.rendering import Json
from rag.settings import Settings

# Those whose version explains a difference in answers or a crash.
_LIBRARIES = (
    "openvino",
    "sentence-transformers",
    "transformers",
    "torch",
    "faiss-cpu",
    "llama-cpp-python",
    "numpy",
    "trafilatura",
)


def report(folder: Path, settings: Settings) -> Json:
    """Everything `rag status` says. Raises StoreError when the index is damaged."""
    return {
        "newsrag": __version__,
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "models": {
            "embedder": _model(
                settings.embedder, resources.embedder_name(settings.embedder), resources.bundled_embedder
            ),
            "llm": _model(settings.llm, resources.llm_name(settings.llm), resources.bundled_llm),
            "adapter": _adapter(settings),
        },
        "speed": _speed(settings),
        "cpu": _cpu(settings),
        "index": _index(folder),
        "sample_index": {"path": str(wiring.SAMPLE_INDEX), "exists": wiring.exists(wiring.SAMPLE_INDEX)},
    }


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _model(setting: str, name: str, bundled: Callable[[], Path]) -> Json:
    """`found` says whether there is something at `path`: the model is not opened, a server or the hub not asked."""
    if setting.startswith((resources.SERVER, "hf:")):
        return {"name": name, "setting": setting, "path": setting, "found": True}
    try:
        path = bundled() if setting == "bundled" else Path(setting)
    except ModelError:  # its package is not installed
        return {"name": name, "setting": setting, "path": None, "found": False}
    return {"name": name, "setting": setting, "path": str(path), "found": path.exists()}


def _adapter(settings: Settings) -> Json:
    """The adapter that teaches the language model to read; none where the model drafts."""
    setting = {"setting": settings.adapter}
    try:
        path = resources.adapter(settings.llm, settings.adapter)
    except ModelError as exc:
        return {**setting, "name": None, "path": None, "found": False, "problem": str(exc)}
    if path is None:
        return {**setting, "name": None, "path": None, "found": False}
    return {**setting, "name": path.stem, "path": str(path), "found": True, "sha256": resources.sha256(path)}


def _speed(settings: Settings) -> Json | None:
    """Of the language model, once it has been measured at its first answer: tokens and seconds."""
    speed = loading.llm_speed(settings)
    if speed is None:
        return None
    evidence = loading.affordable(settings).evidence_tokens
    return {
        "prompt_tokens_per_second": round(speed.prompt),
        "generated_tokens_per_second": round(speed.generation),
        "evidence_tokens": evidence,
        "expected_answer_seconds": round(speed.answer_seconds(evidence), 1),
    }


def _cpu(settings: Settings) -> Json:
    amx = resources.cpu_has_amx()
    if settings.amx != "auto":
        reason = f"NEWSRAG_AMX={settings.amx}"
    elif amx:
        reason = "this CPU has AMX, on which they crash"
    else:
        reason = "this CPU has no AMX, on which they would crash"
    extra = resources.extra_buffers(settings.amx)
    return {
        "threads": loading.threads(settings),
        "bfloat16": resources.bfloat16(settings.bfloat16),
        "amx": amx,
        "extra_buffers": extra,
        "reason": reason,
    }


def _index(folder: Path) -> Json:
    if not wiring.exists(folder):
        return {"path": str(folder), "exists": False}
    with wiring.open_store(folder) as store:
        return {
            "path": str(folder),
            "exists": True,
            **store.count(),
            "formats": {name or "unknown": count for name, count in store.formats().items()},
            "copies": store.size() - store.story_count(),
            "bytes": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
            "facts": store.facts(),
            "vectors": _vectors(folder),
            "vectors_in_step": wiring.vectors_in_step(folder, store),
        }


def _vectors(folder: Path) -> Json:
    """How each kind of vector is searched, and the share of exact search's first 10 and 200 that this finds."""
    known = {view: facts for view, facts in wiring.vector_facts(folder).items() if facts}
    return {view: {name: facts[name] for name in ("kind", "count", "recall")} for view, facts in known.items()}
