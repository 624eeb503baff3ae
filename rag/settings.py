"""Every knob in one object. Layer: settings. The environment (`NEWSRAG_*`) is read here, when asked, nowhere else."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag.errors import UsageError


class Settings(BaseSettings):
    """Settings with their defaults; `NEWSRAG_LLM=/models/other.gguf` in the environment overrides `llm`."""

    model_config = SettingsConfigDict(env_prefix="NEWSRAG_", frozen=True, extra="forbid")

    embedder: str = Field("bundled", description="'bundled', or a sentence-transformers folder or hub name")
    reranker: str = Field("off", description="'off', or a cross-encoder's folder or hub name: reranks the evidence")
    llm: str = Field("bundled", description="'bundled', or the path of a GGUF file")
    threads: int = Field(0, ge=0, le=256, description="threads for the models; 0: the CPUs that are not busy")
    context_tokens: int = Field(2048, ge=512, le=131072, description="context window asked of the LLM")
    amx: Literal["auto", "on", "off"] = Field(
        "auto", description="llama.cpp's extra CPU buffers: 'auto' turns them off on CPUs with AMX, where they crash"
    )

    bfloat16: Literal["auto", "on", "off"] = Field(
        "auto", description="the embedder's matrix products; 'auto' uses bfloat16 where the CPU has units for it"
    )

    today: date | None = Field(None, description="the day that 'last week' in a question counts from; unset: this day")

    debug: bool = Field(False, description="an internal error shows its traceback")

    passage_tokens: int = Field(200, ge=32, le=4096, description="embedder tokens of one passage")
    lead_words: int = Field(60, ge=1, le=400, description="first words of an article that its lead vector stands for")
    max_article_characters: int = Field(1_000_000, ge=1000, description="a longer text is refused as no article")

    candidates: int = Field(200, ge=10, le=10_000, description="how deep each way of searching looks before fusion")
    fusion: Literal["read", "scores", "ranks"] = Field(
        "read", description="how ways of searching are put together; 'read': by scores, then the first are read again"
    )
    read_articles: int = Field(20, ge=1, le=200, description="articles read again with fusion 'read'")
    hits: int = Field(10, ge=1, le=200, description="articles found, and results of `rag search`")
    reranked_sentences: int = Field(24, ge=1, le=200, description="evidence sentences that a reranker reads")
    evidence_sentences: int = Field(6, ge=1, le=30, description="sentences put before the LLM")
    evidence_tokens: int = Field(300, ge=50, le=8192, description="upper limit of their tokens together")
    quoted_sentences: int = Field(2, ge=1, le=10, description="most quotations that stand in for a failed draft")
    answer_tokens: int = Field(96, ge=16, le=1024, description="most tokens the LLM may write")
    question_characters: int = Field(2000, ge=100, description="a longer question is refused")

    answerable_threshold: float | None = Field(
        None, ge=0, le=1, description="refuse below this probability; unset: the fitted model's own"
    )
    support_threshold: float = Field(0.75, ge=0, le=1, description="least support score of a shown sentence")

    @classmethod
    def load(cls) -> Settings:
        """Defaults overridden by the environment. Raises UsageError naming the first bad variable."""
        try:
            return cls()
        except ValidationError as exc:
            first = exc.errors()[0]
            name = "_".join(str(part) for part in first["loc"]).upper()
            raise UsageError(f"environment variable NEWSRAG_{name}: {first['msg']}") from exc

    def fingerprint(self) -> str:
        """All values that can change an answer, as text."""
        return self.model_dump_json(exclude={"debug", "threads"})


def default_index() -> Path:
    """Where `rag` keeps its index unless told otherwise."""
    return Path("indexes/default")
