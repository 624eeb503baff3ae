"""What a chat model drafts over numbered evidence. Layer: core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag import citing
from rag.ports import LanguageModel
from rag.prompting import Prompts
from rag.types import Evidence

_SENTENCES = 2


def drafts(
    llm: LanguageModel, prompts: Prompts, most_tokens: int, question: str, chosen: Sequence[Evidence]
) -> Iterator[citing.Draft]:
    """The model's first sentences. No draft at all where not even one sentence fits its context."""
    limit = llm.context_tokens - most_tokens - 64  # 64: the chat template's own tokens
    chosen = list(chosen)
    messages = prompts.messages(question, chosen)
    while sum(llm.count_tokens(m.content) for m in messages) > limit:
        if len(chosen) == 1:
            return
        chosen = chosen[:-1]
        messages = prompts.messages(question, chosen)
    pieces = llm.stream(messages, max_tokens=most_tokens)
    try:
        for count, sentence in enumerate(citing.sentences(pieces), start=1):
            yield citing.parse(sentence, len(chosen))
            if count == _SENTENCES:
                return
    finally:
        close = getattr(pieces, "close", None)
        if close:
            close()
