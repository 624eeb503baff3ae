"""Every knob in one object. Layer: settings. The environment (`NEWSRAG_*`) is read here, when asked, nowhere else."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from rag.errors import UsageError


class Settings(BaseSettings):
    """Settings with their defaults; `NEWSRAG_LLM=/models/other.gguf` in the environment overrides `llm`."""

    model_config = SettingsConfigDict(env_prefix="NEWSRAG_", frozen=True, extra="forbid")

    embedder: str = Field("bundled", description="'bundled', or a sentence-transformers folder or hub name")
    reranker: str = Field("off", description="'off', or a cross-encoder's folder or hub name: reranks the evidence")
    llm: str = Field(
        "bundled",
        description="'bundled', the path of a GGUF file, hf:OWNER/REPO:FILE.gguf on the hub, or openai:MODEL@URL for a "
        "server",
    )
    llm_key: SecretStr | None = Field(None, description="key of the server; never shown")
    llm_timeout: float = Field(60.0, gt=0, le=3600, description="longest silence of the server, in seconds")
    adapter: str = Field(
        "bundled",
        description="the LoRA adapter that teaches the LLM to read: 'bundled' (bundled LLM only), 'none', a path",
    )
    lora: str | None = Field(None, description="path of a LoRA adapter (GGUF) for an LLM that drafts")
    gpu_layers: int = Field(
        0, ge=-1, description="layers of a GGUF model on the GPU, where llama.cpp was built for one; -1: all"
    )
    threads: int = Field(0, ge=0, le=256, description="threads for the models; 0: the CPUs that are not busy")
    context_tokens: int = Field(2048, ge=512, le=131072, description="context window asked of the LLM")
    amx: Literal["auto", "on", "off"] = Field(
        "auto", description="llama.cpp's extra CPU buffers: 'auto' turns them off on CPUs with AMX, where they crash"
    )

    bfloat16: Literal["auto", "on", "off"] = Field(
        "auto", description="the embedder's matrix products; 'auto' uses bfloat16 where the CPU has units for it"
    )

    cache: Path | None = Field(None, description="folder for what can be made again; unset: the user's cache folder")
    today: date | None = Field(None, description="the day that 'last week' in a question counts from; unset: this day")
    debug: bool = Field(False, description="an internal error shows its traceback")

    passage_tokens: int = Field(200, ge=32, le=4096, description="embedder tokens of one passage")
    lead_words: int = Field(60, ge=1, le=400, description="first words of an article that its lead vector stands for")
    max_article_characters: int = Field(1_000_000, ge=1000, description="a longer text is refused as no article")

    sentence_vectors: Literal["auto", "asked", "stored"] = Field(
        "auto",
        description="'stored': indexing embeds each sentence too, which takes about 2.4 times as long, and quote mode "
        "becomes several times as fast; 'asked': sentences are embedded when a question needs them; 'auto': stored "
        "from 50,000 passages on",
    )

    candidates: int = Field(200, ge=10, le=10_000, description="how deep each way of searching looks before fusion")
    fusion: Literal["read", "scores", "ranks"] = Field(
        "read", description="how ways of searching are put together; 'read': by scores, then the first are read again"
    )
    read_articles: int = Field(20, ge=1, le=200, description="articles read again with fusion 'read'")
    hits: int = Field(10, ge=1, le=200, description="articles found, and results of `rag search`")
    reranked_sentences: int = Field(24, ge=1, le=200, description="evidence sentences that a reranker reads")
    evidence_sentences: int = Field(8, ge=1, le=30, description="sentences put before the LLM")
    evidence_tokens: int = Field(400, ge=50, le=8192, description="upper limit of their tokens together")
    prompt_seconds: float = Field(
        4.0, gt=0, le=600, description="a machine that is slower than this at reading its prompt gets less evidence"
    )
    quoted_sentences: int = Field(
        2, ge=1, le=10, description="most quotations of an answer to one question; one more where it is unsure"
    )
    answer_tokens: int = Field(96, ge=16, le=1024, description="most tokens the LLM may write")
    question_characters: int = Field(2000, ge=100, description="a longer question is refused")

    answerable_threshold: float | None = Field(
        None, ge=0, le=1, description="refuse below this probability; unset: the fitted model's own"
    )
    sure_threshold: float = Field(
        0.6, ge=0, le=1, description="below this probability an answer is shown as unsure: its words may not answer"
    )
    support_threshold: float = Field(0.75, ge=0, le=1, description="least support score of a shown sentence")

    @classmethod
    def load(cls) -> Settings:
        """Defaults overridden by the environment. Raises UsageError naming the first bad variable, one that is named as
        ours and is no setting included."""
        _require_known()
        try:
            return cls()
        except ValidationError as exc:
            first = exc.errors()[0]
            name = "_".join(str(part) for part in first["loc"]).upper()
            raise UsageError(f"environment variable NEWSRAG_{name}: {first['msg']}") from exc

    def fingerprint(self) -> str:
        """All values that can change an answer, as text."""
        return self.model_dump_json(exclude={"cache", "debug", "threads", "llm_key", "llm_timeout", "gpu_layers"})


class ServerSettings(BaseSettings):
    """What only `rag serve` needs; kept apart, because no answer depends on it. `NEWSRAG_SERVER_QUEUE=8` in the
    environment overrides `queue`; a file given with `--config` comes before the environment, a flag before both."""

    model_config = SettingsConfigDict(env_prefix="NEWSRAG_SERVER_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address to listen on; beyond this machine only with API keys")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0: any free one")
    keys_file: Path | None = Field(None, description="where the API keys are; unset: keys.json in the index folder")
    public_url: str | None = Field(None, description="address people reach the server at, for links; unset: as asked")
    trusted_proxies: str = Field("", description="addresses whose X-Forwarded headers are believed, with commas")
    allowed_hosts: tuple[str, ...] = Field((), description="Host names answered without keys, beside this machine's")
    cors_origins: tuple[str, ...] = Field((), description="origins whose pages may call the API; none by default")

    queue: int = Field(32, ge=1, le=10_000, description="requests for a written answer at a time, the running included")
    readers: int = Field(4, ge=1, le=64, description="threads for searching and quoting")
    reading: int = Field(128, ge=1, le=100_000, description="searches and quotations at a time; more are refused")
    request_seconds: float = Field(120, gt=0, le=3600, description="time limit of one request, waiting included")
    shutdown_seconds: int = Field(10, ge=0, le=600, description="how long running requests may go on at a shutdown")
    rate_per_minute: int = Field(600, ge=0, description="requests of one client in a minute, in the long run; 0: any")
    rate_burst: int = Field(100, ge=1, description="requests of one client at once")
    body_bytes: int = Field(8 * 1024 * 1024, ge=1024, description="a larger request is refused")
    reload_seconds: float = Field(2, gt=0, le=3600, description="how often to look whether the index has changed")
    metrics_open: bool = Field(False, description="/metrics without a key")
    log: Literal["json", "off"] = Field("json", description="one line of JSON per request on standard error")
    log_content: bool = Field(False, description="log questions too; they are left out otherwise")

    @classmethod
    def load(cls, file: Path | None = None, **flags: Any) -> ServerSettings:
        """Flags (None: not given) over the file over the environment over defaults. Raises UsageError naming the first
        value that cannot be used."""
        _require_known()
        given = {**_toml(file), **{name: value for name, value in flags.items() if value is not None}}
        for name in given:
            if name not in cls.model_fields:
                raise UsageError(f"setting {name}: there is none of this name; {_nearest(name, cls.model_fields)}")
        try:
            return cls(**given)
        except ValidationError as exc:
            first = exc.errors()[0]
            name = str(first["loc"][0])
            where = f"setting {name}" if name in given else f"environment variable NEWSRAG_SERVER_{name.upper()}"
            raise UsageError(f"{where}: {first['msg']}") from exc
        except SettingsError as exc:
            raise UsageError(f"environment variables NEWSRAG_SERVER_*: {exc}") from exc


_PREFIX = "NEWSRAG_"
# What Kubernetes sets in every container beside a Service named newsrag, as Docker's old links did.
_OF_A_SERVICE = re.compile(r"\w*_SERVICE_(?:HOST|PORT(?:_\w+)?)|\w*_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?")


def _require_known() -> None:
    """Raise UsageError for a variable that is named as ours and is no setting: a misspelt one changes nothing, and
    nobody would see it."""
    known = [
        f"{kind.model_config['env_prefix']}{name}".upper()
        for kind in (Settings, ServerSettings)
        for name in kind.model_fields
    ]
    for name, value in sorted(os.environ.items()):
        asked = name.upper()  # in any case, as settings are read
        others = _OF_A_SERVICE.fullmatch(asked) or (asked.endswith("_PORT") and "://" in value)
        if asked.startswith(_PREFIX) and asked not in known and not others:
            raise UsageError(f"environment variable {name}: there is no such setting; {_nearest(asked, known)}")


def _nearest(name: str, known: Collection[str]) -> str:
    """Which of the known names was probably meant."""
    ending = name.removeprefix(_PREFIX)  # of NEWSRAG_QUEUE, which stands in NEWSRAG_SERVER_QUEUE
    longer = [other for other in known if other.endswith(f"_{ending}") or other.startswith(f"{name}_")]
    return f"the nearest is {[*longer, *difflib.get_close_matches(name, known, 1, 0.0)][0]}"


def _toml(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as exc:
        raise UsageError(f"cannot read {file}: {exc.strerror}") from exc
    except ValueError as exc:  # not UTF-8, or not TOML
        raise UsageError(f"{file} is not TOML: {exc}") from exc


SAMPLE_INDEX = Path("indexes/sample")
SAMPLE_NOTICE = f"answering from the sample corpus, {SAMPLE_INDEX}: its places and people are invented"


def trace_exporter() -> Literal["otlp", "console"] | None:
    """Where the standard variables of OpenTelemetry send traces; None where they ask for none. Raises UsageError for an
    exporter that we have not."""
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    places = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    usual = "otlp" if any(map(os.environ.get, places)) else "none"
    named = os.environ.get("OTEL_TRACES_EXPORTER", "").strip() or usual
    if disabled or named == "none":
        return None
    if named == "otlp":
        return "otlp"
    if named == "console":
        return "console"
    raise UsageError(f"environment variable OTEL_TRACES_EXPORTER: {named!r} is none of otlp, console, none")


def default_index() -> Path:
    """Where `rag` keeps its index unless told otherwise."""
    return Path("indexes/default")
