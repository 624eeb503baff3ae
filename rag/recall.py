"""Questions about a citation of the last answer ("what did the second source say?"). Layer: core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rag import evidence, questions
from rag.conversation import Exchange, History, Place, SourceAsked
from rag.errors import UsageError
from rag.retrieval import Retriever
from rag.settings import Settings
from rag.types import Answer, Evidence, Filters


class Ask(Protocol):
    """`rag.answering.Rag.ask` with the filters and the mode of the conversation."""

    def __call__(self, question: str, *, history: History) -> Answer:
        """The whole answer. Raises UsageError for a bad question."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What an earlier citation gives: the question in full, and the words that answer it, best first."""

    standalone: str
    chosen: tuple[Evidence, ...]


def recall(asked: SourceAsked, cited: tuple[Place, ...], retriever: Retriever, settings: Settings) -> Recalled | None:
    """The words of one earlier citation, or, where something particular of it is wanted, what its article says about
    that. None when the last answer had no such citation or its article is gone."""
    position = len(cited) - 1 if asked.number == -1 else asked.number - 1
    if not 0 <= position < len(cited):
        return None
    place = cited[position]
    words = retriever.evidence_at(place.article_id, place.start, place.end)
    if words is None:
        return None
    source = words.article.source or "the article"
    about = f" about {asked.about}" if asked.about else ""
    standalone = f"What did {source} say{about} in “{words.article.title}”?"
    return Recalled(standalone, _about(asked.about, words, retriever, settings) if asked.about else (words,))


def cited_before(ask: Ask, heard: Sequence[Exchange], settings: Settings) -> tuple[Place, ...]:
    """What the last answer cited, found by answering its question again: the same question over the same index gets
    the same answer. Nothing where it does not, as the numbers would be others, and where it was never a question that
    can be asked: that is no fault of the one asked now. Raises as `ask` does."""
    *before, last = heard
    try:
        questions.checked(last.question, settings.question_characters)
    except UsageError:
        return ()
    history = [turn for e in before for turn in ({"role": "user", "content": e.question},
                                                 {"role": "assistant", "content": e.answer})]  # fmt: skip
    again = ask(last.question, history=history)
    if last.answer and last.answer != again.answer:
        return ()
    return tuple(Place(c.article_id, c.start, c.end) for c in again.citations)


def _about(topic: str, words: Evidence, retriever: Retriever, settings: Settings) -> tuple[Evidence, ...]:
    """The sentences of the cited article on the topic; the cited words where the article has none of its terms."""
    query = retriever.query(topic)
    hits = [h for h in retriever.search(topic, settings.candidates, Filters()) if h.article.id == words.article.id]
    ranked = [e for e in retriever.evidence(query, hits) if e.signals["terms_in_context"] > 0] if hits else []
    chosen = evidence.select(ranked, [0] * len(ranked), most=settings.quoted_sentences, budget=settings.evidence_tokens)
    return tuple(chosen) or (words,)
