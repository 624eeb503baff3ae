"""A GGUF model through llama.cpp, in this process. Layer: adapters."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import jinja2
import llama_cpp
import llama_cpp.llama_cpp as native
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from rag import kept_speed
from rag.errors import ModelError
from rag.llms import probing
from rag.llms.copying import Copyable, Copying, together
from rag.llms.files import model_file
from rag.reading import ANSWER_TOKENS
from rag.resources import llm_name, model_key
from rag.types import Message, Reading

_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_ANSWERS = 3  # followed at most
_CLEAR = 3.0  # an answer this much less probable (in log) than the first is not followed
_loading = threading.Lock()
_log = logging.getLogger("llama-cpp-python")  # what llama.cpp itself prints passes through it
# llama.cpp asks `bool abort(void *)` between two steps of a computation, thousands of times. A Python function would
# wait for the interpreter each time; strlen answers "is this byte not zero" just as well.
_strlen = ctypes.CDLL(None if os.name == "posix" else "msvcrt").strlen


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


class LlamaCppModel:
    """`rag.ports.LanguageModel`, `Reader`, `Interruptible`. The model keeps the longest common prefix of two prompts,
    so the constant part of a prompt is evaluated once."""

    def __init__(
        self,
        model: str,
        *,
        context_tokens: int,
        threads: int,
        extra_buffers: bool,
        gpu_layers: int = 0,
        lora: Path | None = None,
        cache: Path | None = None,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Load 'bundled', the path of a GGUF file or its name on the hub (`hf:OWNER/REPO:FILE`), with a LoRA adapter
        (a GGUF file too) where one is given. `gpu_layers` of it go to the GPU, -1 is all. With `cache`, a folder, the
        bundled model runs from a faster copy kept there, and the speed of the model is measured once. Raises
        ModelError when a file is missing, damaged or no GGUF."""
        file = model_file(model, lora, cache, threads, notice)
        path, lora = file.path, file.lora
        self.name = llm_name(model)
        try:
            with _default_parameters(extra_buffers):
                self._llama = llama_cpp.Llama(
                    model_path=str(path),
                    n_ctx=context_tokens,
                    n_batch=512,
                    n_threads=threads,
                    n_threads_batch=threads,
                    n_gpu_layers=gpu_layers,
                    lora_path=str(lora) if lora else None,
                    verbose=False,
                )
        except (ValueError, RuntimeError, AssertionError) as exc:
            reason = str(exc) if "context" in str(exc) else "damaged, or not a GGUF file"
            raise ModelError(f"cannot load the model file {path}: {reason}") from exc
        # llama_cpp compares with None what is a null pointer, and would go on without the adapter.
        if lora is not None and not self._llama._lora_adapter:
            self._llama.close()
            raise ModelError(f"the LoRA adapter {lora} is damaged, or not made for {self.name}")
        self._stop = ctypes.create_string_buffer(2)
        asked = ctypes.cast(_strlen, native.ggml_abort_callback)
        native.llama_set_abort_callback(self._llama.ctx, asked, ctypes.cast(self._stop, ctypes.c_void_p))
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

    def _require_room(self, tokens: Sequence[int], answer: int) -> None:
        if len(tokens) + answer > self.context_tokens:
            raise ModelError(
                f"the prompt has {len(tokens)} tokens and the answer may have {answer}, more than the "
                f"{self.context_tokens} of the context: raise NEWSRAG_CONTEXT_TOKENS"
            )

    def read(self, messages: Sequence[Message], opening: str, sentences: Sequence[str], none: str) -> Reading:
        """See `rag.ports.Reader`. Only words of the sentences can be written. Where the first answer is not clear, up
        to `_ANSWERS` different ones are followed and their sentences weighed together; the prompt is read once."""
        tokens = self.prompt_tokens(messages) + self._plain(opening)
        self._require_room(tokens, ANSWER_TOKENS)
        self._stop[0] = b"\0"
        _log.setLevel(logging.ERROR)
        copyable = Copyable.of(self._plain, sentences, none)
        readings: list[Reading] = []
        waiting: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
        while waiting and len(readings) < _ANSWERS:
            likely = max(waiting)
            if readings and likely[0] < readings[0].likelihood - _CLEAR:
                break
            waiting.remove(likely)
            copying = Copying(copyable, self._text, likely[1])
            readings.append(self._copy(tokens, copying))
            waiting += copying.others
        return replace(together(readings), none=readings[0].none)

    def _copy(self, tokens: Sequence[int], copying: Copying) -> Reading:
        """One answer after the prompt."""
        processors = llama_cpp.LogitsProcessorList([copying])
        steps = self._llama.generate(tokens, temp=0.0, logits_processor=processors)
        try:
            for _ in zip(range(ANSWER_TOKENS), steps, strict=False):
                if copying.reading is not None:
                    return copying.reading
                if self._stop[0] != b"\0":
                    raise ModelError(f"the model {self.name} was interrupted")
        except (ValueError, RuntimeError) as exc:
            raise ModelError(f"the model {self.name} failed: {exc}") from exc
        finally:
            steps.close()
            self._free_sampler()
            processors.clear()
        raise ModelError(f"the model {self.name} gave no number")

    def _free_sampler(self) -> None:
        """Each generation leaves a sampler that refers to itself, with half a megabyte of candidates that Python does
        not know of: until the collector came by, a busy server would hold hundreds of them."""
        if self._llama._sampler is not None:
            self._llama._sampler.close()
            self._llama._sampler = None

    def _plain(self, text: str) -> list[int]:
        """Tokens of a text in which nothing is a control token."""
        return list(self._llama.tokenize(text.encode(), add_bos=False, special=False))

    def _text(self, token: int) -> str:
        return self._llama.detokenize([token]).decode("utf-8", errors="replace")

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """See `rag.ports.LanguageModel`. Raises ModelError when the prompt does not fit the context."""
        tokens = self.prompt_tokens(messages)
        self._require_room(tokens, max_tokens)
        self._stop[0] = b"\0"
        _log.setLevel(logging.ERROR)
        chunks: Any = self._llama.create_completion(
            tokens, max_tokens=max_tokens, temperature=0.0, repeat_penalty=1.0, stream=True
        )
        try:
            for chunk in chunks:
                yield chunk["choices"][0]["text"]
                if self._stop[0] != b"\0":
                    return
        except (ValueError, RuntimeError) as exc:
            if self._stop[0] == b"\0":
                raise ModelError(f"the model {self.name} failed: {exc}") from exc
        finally:
            chunks.close()
            self._free_sampler()

    def interrupt(self) -> None:
        """See `rag.ports.Interruptible`."""
        _log.setLevel(logging.CRITICAL)  # it warns that it was interrupted
        self._stop[0] = b"\1"
