"""A GGUF model through llama.cpp, in this process. Layer: adapters."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import jinja2
import llama_cpp
import llama_cpp.llama_cpp as native
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from rag import kept_speed
from rag.errors import ModelError
from rag.llms import probing, quantising
from rag.resources import LLM_SHA256, bundled_llm, llm_name, model_key, require_digest, sha256
from rag.types import Message

_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_loading = threading.Lock()


@contextmanager
def _default_parameters(use_extra_bufts: bool) -> Iterator[None]:
    """`Llama()` does not expose `use_extra_bufts`, but starts from these defaults."""
    original = native.llama_model_default_params

    def changed() -> Any:
        parameters = original()
        parameters.use_extra_bufts = use_extra_bufts
        return parameters

    with _loading:
        native.llama_model_default_params = changed
        try:
            yield
        finally:
            native.llama_model_default_params = original


def _fast(source: Path, cache: Path, threads: int, notice: Callable[[str], None]) -> Path:
    """The faster copy of the bundled model; the model itself where there can be none."""
    try:
        if not (cache / f"{LLM_SHA256}-q8_0.gguf").exists():
            require_digest(source, LLM_SHA256)
        return quantising.requantised(source, LLM_SHA256, cache, threads)
    except ModelError as exc:
        require_digest(source, LLM_SHA256)
        notice(f"the language model runs as installed, slower: {exc}")
        return source


class LlamaCppModel:
    """`rag.ports.LanguageModel`. The model keeps the longest common prefix of two prompts, so the constant part of a
    prompt is evaluated once."""

    def __init__(
        self,
        model: str,
        *,
        context_tokens: int,
        threads: int,
        extra_buffers: bool,
        cache: Path | None = None,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Load 'bundled' or the path of a GGUF file. Raises ModelError when it is missing, damaged or no GGUF.

        With `cache`, a folder, the bundled model runs from a faster copy kept there, and its speed is measured once;
        `notice` is told where that is not possible.
        """
        bundled = model == "bundled"
        path = bundled_llm() if bundled else Path(model)
        if not path.is_file():
            raise ModelError(f"no such model file: {path}")
        if bundled and cache:
            path, self.digest = _fast(path, cache, threads, notice), LLM_SHA256
        else:
            self.digest = require_digest(path, LLM_SHA256) if bundled else sha256(path)
        self.name = llm_name(model)
        try:
            with _default_parameters(extra_buffers):
                self._llama = llama_cpp.Llama(
                    model_path=str(path),
                    n_ctx=context_tokens,
                    n_batch=512,
                    n_threads=threads,
                    n_threads_batch=threads,
                    verbose=False,
                )
        except (ValueError, RuntimeError, AssertionError) as exc:
            reason = str(exc) if "context" in str(exc) else "damaged, or not a GGUF file"
            raise ModelError(f"cannot load the model file {path}: {reason}") from exc
        # Left to the interpreter's last moments, closing fails loudly: llama_cpp's own parts are gone by then.
        weakref.finalize(self, self._llama.close)
        self.context_tokens = self._llama.n_ctx()
        template = self._llama.metadata.get("tokenizer.chat_template", _CHATML)
        try:
            self._format = Jinja2ChatFormatter(template, eos_token=self._piece("eos"), bos_token=self._piece("bos"))
        except jinja2.TemplateError as exc:
            raise ModelError(f"the chat template of {self.name} cannot be read: {exc}") from exc
        key = model_key(model)
        if cache and not kept_speed.load(cache, key, threads):
            kept_speed.save(cache, key, threads, probing.measure(self._llama, threads))

    def _piece(self, which: Literal["bos", "eos"]) -> str:
        token = self._llama.token_eos() if which == "eos" else self._llama.token_bos()
        return self._llama.detokenize([token], special=True).decode("utf-8", errors="replace") if token >= 0 else ""

    def count_tokens(self, text: str) -> int:
        """See `rag.ports.LanguageModel`."""
        return len(self._llama.tokenize(text.encode(), add_bos=False, special=False))

    def prompt_tokens(self, messages: Sequence[Message]) -> list[int]:
        """The chat template's own text becomes control tokens; the contents never do, whatever they spell.

        The template is rendered around stand-ins, which mark where data begins and ends.
        """
        try:
            return self._tokens(messages)
        except (ValueError, jinja2.TemplateError) as exc:
            if messages[0].role != "system":
                raise ModelError(f"the chat template of {self.name} refuses the messages: {exc}") from exc
            # Some templates know no system role: then the instructions open the first turn.
            first = Message("user", f"{messages[0].content}\n\n{messages[1].content}")
            return self.prompt_tokens([first, *messages[2:]])

    def _tokens(self, messages: Sequence[Message]) -> list[int]:
        stand_ins = [f"\x02{i}\x03" for i in range(len(messages))]
        rendered = self._format(
            messages=[{"role": m.role, "content": s} for m, s in zip(messages, stand_ins, strict=True)]  # type: ignore[misc]
        ).prompt
        tokens: list[int] = []
        for message, stand_in in zip(messages, stand_ins, strict=True):
            before, found, rendered = rendered.partition(stand_in)
            if not found:
                raise ModelError(f"the chat template of {self.name} leaves out a {message.role} message")
            tokens += self._llama.tokenize(before.encode(), add_bos=False, special=True)
            tokens += self._llama.tokenize(message.content.encode(), add_bos=False, special=False)
        tokens += self._llama.tokenize(rendered.encode(), add_bos=False, special=True)
        bos = self._llama.token_bos()
        if self._llama.metadata.get("tokenizer.ggml.add_bos_token") == "true" and tokens[:1] != [bos]:
            tokens.insert(0, bos)
        return tokens

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """See `rag.ports.LanguageModel`. Raises ModelError when the prompt does not fit the context."""
        tokens = self.prompt_tokens(messages)
        if len(tokens) + max_tokens > self.context_tokens:
            raise ModelError(
                f"the prompt has {len(tokens)} tokens and the answer may have {max_tokens}, more than the "
                f"{self.context_tokens} of the context: raise NEWSRAG_CONTEXT_TOKENS"
            )
        try:
            for chunk in self._llama.create_completion(
                tokens, max_tokens=max_tokens, temperature=0.0, repeat_penalty=1.0, stream=True
            ):
                yield chunk["choices"][0]["text"]  # type: ignore[index]
        except (ValueError, RuntimeError) as exc:
            raise ModelError(f"the model {self.name} failed: {exc}") from exc
