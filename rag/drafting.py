"""What a language model drafts, and the check of each sentence against the evidence. Layer: core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from rag import citing, lexical
from rag.composing import near_best
from rag.ports import LanguageModel
from rag.prompting import Prompts, fitting
from rag.retrieval import Retriever
from rag.settings import Settings
from rag.types import Evidence, Verdict
from rag.verifying import verify

_DRAFT_SENTENCES = 2


class Drafting:
    """Drafts by one model. What it writes is shown only when `checks` ends with a supported one."""

    def __init__(
        self, llm: Callable[[], LanguageModel], prompts: Prompts, retriever: Retriever, settings: Settings
    ) -> None:
        """`llm` loads the model when it is first wanted."""
        self._llm, self._prompts, self._retriever, self._settings = llm, prompts, retriever, settings

    def drafts(self, question: str, chosen: Sequence[Evidence]) -> Iterator[citing.Draft]:
        """The model's first sentences. No draft at all where not even one sentence fits its context."""
        llm = self._llm()
        budget = self._settings.answer_tokens
        fitted = fitting(llm, chosen, lambda items: self._prompts.messages(question, items), budget)
        if fitted is None:
            return
        items, messages = fitted
        pieces = llm.stream(messages, max_tokens=budget)
        try:
            for count, sentence in enumerate(citing.sentences(pieces), start=1):
                yield citing.parse(sentence, len(items))
                if count == _DRAFT_SENTENCES:
                    return
        finally:
            close = getattr(pieces, "close", None)
            if close:
                close()

    def checks(self, draft: citing.Draft, chosen: Sequence[Evidence]) -> list[tuple[Evidence, Verdict]]:
        """A draft beside what it cites, then any other evidence, until some supports it: the last one, if any."""
        cited = [chosen[i] for i in draft.cited]
        relevant = near_best(chosen)
        rarity = self._retriever.rarity(lexical.terms(draft.text))
        checks: list[tuple[Evidence, Verdict]] = []
        for item in [*cited, *(e for e in chosen if e not in cited)]:
            if item in relevant:
                checks.append((item, self._verdict(draft.text, item, rarity)))
                if checks[-1][1].supported:
                    break
        return checks

    def supports(self, sentence: str, item: Evidence) -> bool:
        """Whether the evidence supports a sentence, whoever wrote it."""
        return self._verdict(sentence, item, self._retriever.rarity(lexical.terms(sentence))).supported

    def _verdict(self, sentence: str, item: Evidence, rarity: Mapping[str, float]) -> Verdict:
        """The check of one sentence against one piece of evidence."""
        return verify(
            sentence,
            item.text,
            outlet=item.article.source,
            rarity=rarity,
            similarity=lambda: self._retriever.similarity(sentence, item.text),
            threshold=self._settings.support_threshold,
        )
