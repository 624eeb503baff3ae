"""Models as the settings name them, one copy of each in a process. Layer: wiring: heavy imports happen when called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rag import kept_speed, resources
from rag.answering import Models
from rag.settings import Settings
from rag.speed import Speed

if TYPE_CHECKING:
    from rag.llms.llama_cpp import LlamaCppModel
    from rag.ports import Embedder, LanguageModel, Reader, Reranker

Notice = Callable[[str], None]
"""Told what happens on the side, one line at a time (the command line prints it on stderr)."""
_embedders: dict[tuple[object, ...], Embedder] = {}
_llms: dict[tuple[object, ...], LlamaCppModel] = {}
_rerankers: dict[tuple[object, ...], Reranker] = {}
_servers: dict[tuple[object, ...], LanguageModel] = {}


def _silent(_: str) -> None:
    """Nobody is told."""


def threads(settings: Settings) -> int:
    """How many threads the models get."""
    return settings.threads or resources.free_threads()


def load_embedder(settings: Settings, notice: Notice = _silent) -> Embedder:
    """The embedder the settings name. `notice` is told, when it is loaded, why it runs slower than it could."""
    key = (settings.embedder, threads(settings), resources.bfloat16(settings.bfloat16), settings.cache)
    if key not in _embedders:
        from rag.embedders import choice

        _embedders[key] = choice.load(*key[:3], resources.cache_folder(settings.cache), notice)
    return _embedders[key]


def load_reranker(settings: Settings) -> Reranker | None:
    """The cross-encoder the settings name, if any."""
    if settings.reranker == "off":
        return None
    key = (settings.reranker, threads(settings))
    if key not in _rerankers:
        from rag.embedders.cross_encoder import SentenceTransformerReranker

        _rerankers[key] = SentenceTransformerReranker(*key)
    return _rerankers[key]


def models_of(settings: Settings, notice: Notice = _silent) -> Models:
    """What answers with these settings: a model that was taught to read reads, any other drafts. Raises ModelError
    for an adapter that is not there."""
    reads = resources.adapter(settings.llm, settings.adapter) is not None
    return Models(lambda: load_llm(settings, notice), (lambda: load_reader(settings, notice)) if reads else None)


def load_llm(settings: Settings, notice: Notice = _silent) -> LanguageModel:
    """The language model the settings name, to draft with. `notice` as for the embedder."""
    if settings.llm.startswith(resources.SERVER):
        return _server(settings)
    return _llama(settings, Path(settings.lora) if settings.lora else None, notice)


def load_reader(settings: Settings, notice: Notice = _silent) -> Reader:
    """The language model with the adapter that teaches it to read. `notice` as for the embedder. Raises ModelError."""
    return _llama(settings, resources.adapter(settings.llm, settings.adapter), notice)


def _server(settings: Settings) -> LanguageModel:
    key = (settings.llm, settings.llm_key, settings.context_tokens, settings.llm_timeout)
    if key not in _servers:
        from rag.llms.openai_server import OpenAIServerModel

        name, url = resources.server_model(settings.llm)
        _servers[key] = OpenAIServerModel(
            name,
            url,
            key=settings.llm_key.get_secret_value() if settings.llm_key else None,
            context_tokens=settings.context_tokens,
            timeout=settings.llm_timeout,
        )
    return _servers[key]


def _llama(settings: Settings, lora: Path | None, notice: Notice) -> LlamaCppModel:
    extra_buffers = resources.extra_buffers(settings.amx)
    key = (
        settings.llm, lora, settings.context_tokens, threads(settings), extra_buffers, settings.gpu_layers,
        settings.cache,
    )  # fmt: skip
    if key not in _llms:
        from rag.llms.llama_cpp import LlamaCppModel

        _llms[key] = LlamaCppModel(
            settings.llm,
            context_tokens=settings.context_tokens,
            threads=threads(settings),
            extra_buffers=extra_buffers,
            gpu_layers=settings.gpu_layers,
            lora=lora,
            cache=llm_cache(settings),
            notice=notice,
        )
    return _llms[key]


def llm_cache(settings: Settings) -> Path:
    """Where faster copies of models and their measured speeds are kept."""
    return resources.cache_folder(settings.cache) / "llms"


def llm_speed(settings: Settings) -> Speed | None:
    """What was measured of the language model with the present threads; None before its first answer, and for a
    server. Loads nothing."""
    if settings.llm.startswith(resources.SERVER):
        return None
    return kept_speed.load(llm_cache(settings), resources.model_key(settings.llm), threads(settings))


def affordable(settings: Settings) -> Settings:
    """The settings with as much evidence as this machine reads in `prompt_seconds`."""
    speed = llm_speed(settings)
    if speed is None:
        return settings
    tokens = speed.affordable(settings.evidence_tokens, settings.prompt_seconds)
    return settings.model_copy(update={"evidence_tokens": tokens})
