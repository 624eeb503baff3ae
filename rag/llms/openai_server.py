"""Any server that speaks OpenAI's chat completions: llama-server, vLLM, Ollama, LM Studio, a cloud. Layer: adapters.

Nothing is sent but the prompt, and only to the address in the settings. The key is never shown: not in an error, not
in a log.
"""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import httpx2
import openai

from rag.errors import ModelError
from rag.types import Message

_WORD = re.compile(r"[A-Za-z0-9]+|[^\sA-Za-z0-9]")
_WORD_CHARACTERS = 8
# What chat templates spell their control tokens with: `<|im_end|>`, `<start_of_turn>`, `</s>`, `[INST]`, `<<SYS>>`.
_CONTROL = re.compile(r"<(?=[|/<]|[A-Za-z0-9_]{1,24}>|\uff5c)|(?<=[|>\uff5c])>|\[(?=/?[A-Z_]{3,24}\])")


def inert(text: str) -> str:
    """The text with a space in whatever a server might read as a control token: we cannot see its tokenizer, and some
    servers parse such tokens even in a message's content. `<|im_end|>` becomes `< |im_end|>`."""
    return _CONTROL.sub(lambda found: f" {found.group()}" if found.group() == ">" else f"{found.group()} ", text)


class OpenAIServerModel:
    """`rag.ports.LanguageModel` over HTTP. `name` is the model's name on the server."""

    def __init__(self, model: str, url: str, *, key: str | None, context_tokens: int, timeout: float) -> None:
        """`url` is the base that `/chat/completions` is put behind, `timeout` the longest silence in seconds. Opens no
        connection. Raises ModelError for an address that is none."""
        if not re.fullmatch(r"https?://[^\s/]+\S*", url):
            raise ModelError(f"the address of the language model, {url!r}, must begin with http:// or https://")
        self.name, self.context_tokens = model, context_tokens
        self._url, self._key, self._timeout = url.rstrip("/"), key, timeout
        # No retries: the question is waiting, and the person can ask again.
        self._client = openai.OpenAI(base_url=self._url, api_key=key or "none", timeout=timeout, max_retries=0)
        weakref.finalize(self, self._client.close)

    def count_tokens(self, text: str) -> int:
        """An estimate, as the server's tokenizer is not known: one for each eight letters of a word and for each
        other character. A prompt that is too long all the same is refused by the server."""
        return sum(-(-len(m.group()) // _WORD_CHARACTERS) for m in _WORD.finditer(text))

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """See `rag.ports.LanguageModel`. Raises ModelError when the server cannot be reached, refuses or breaks off."""
        sent: Any = [{"role": m.role, "content": inert(m.content)} for m in messages]
        finished = False
        with self._translated():
            answer = self._client.chat.completions.create(
                model=self.name, messages=sent, max_tokens=max_tokens, temperature=0.0, stream=True
            )
            with closing(answer):
                for chunk in answer:
                    for choice in (chunk.choices or ())[:1]:
                        finished = finished or choice.finish_reason is not None
                        if choice.delta.content:
                            finished = True
                            yield choice.delta.content
        if not finished:
            raise ModelError(
                f"{self._url} sent no chat completion: its context is too small for the prompt, or this is no base "
                "address of an API (.../v1)"
            )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (openai.APITimeoutError, httpx2.TimeoutException) as exc:
            raise ModelError(
                f"{self._url} was silent for {self._timeout:g} seconds: wait, or raise NEWSRAG_LLM_TIMEOUT"
            ) from exc
        except openai.APIStatusError as exc:
            raise ModelError(self._refused(exc)) from exc
        except openai.APIConnectionError as exc:
            raise ModelError(f"cannot reach the language model at {self._url}: is the server running?") from exc
        except (httpx2.HTTPError, openai.APIError) as exc:
            raise ModelError(f"{self._url} broke off its answer: {self._line(exc)}") from exc
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as exc:
            raise ModelError(f"{self._url} sent something that is no chat completion") from exc

    def _refused(self, exc: openai.APIStatusError) -> str:
        if exc.status_code in (401, 403):
            wanted = "refused the key in NEWSRAG_LLM_KEY" if self._key else "wants a key: set NEWSRAG_LLM_KEY"
            return f"{self._url} {wanted} (status {exc.status_code})"
        if exc.status_code == 404:
            return f"{self._url} has no model {self.name!r}, or no chat completions (status 404)"
        return f"{self._url} answered with status {exc.status_code}: {self._line(exc)}"

    def _line(self, exc: Exception) -> str:
        text = " ".join(str(exc).split())[:200] or type(exc).__name__
        return text.replace(self._key, "***") if self._key else text
