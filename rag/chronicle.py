"""A topic to a timeline: dated quotations, oldest first. Layer: core. `stream` gives the events of `Rag.stream`."""

from __future__ import annotations

from collections.abc import Iterator

from rag import conversation, questions, rewriting, timeline
from rag.answering import ANY, Rag
from rag.clock import Clock
from rag.composing import Ledger, closest, quotation
from rag.conversation import History
from rag.covering import place
from rag.found import Found
from rag.prompting import REFUSAL
from rag.settings import Settings
from rag.types import (
    Answer,
    AnswerSentence,
    Done,
    Event,
    Filters,
    Refusal,
    Retrieved,
    SentenceReady,
)


def ask(rag: Rag, topic: str, settings: Settings, *, filters: Filters = ANY, history: History = ()) -> Answer:
    """The whole timeline. Raises as `Rag.ask` does."""
    for event in stream(rag, topic, settings, filters=filters, history=history):
        if isinstance(event, Done):
            return event.answer
    raise AssertionError("a stream ends with Done")


def stream(
    rag: Rag, topic: str, settings: Settings, *, filters: Filters = ANY, history: History = ()
) -> Iterator[Event]:
    """Retrieved, then a SentenceReady with its date for each line, oldest first, then Done. No language model is
    used. Refused where the articles do not cover the topic. Raises as `Rag.stream` does."""
    topic, clock = questions.checked(topic, settings.question_characters), Clock()
    standalone = rewriting.standalone(topic, conversation.exchanges(history))
    found = rag.find(standalone, filters, typed=topic)
    lines = _lines(rag, found) if found.answers else []
    clock.mark("retrieve")
    yield Retrieved(tuple(line.evidence for line in lines) or found.chosen, found.hits)
    ledger = Ledger(describe=rag.standing(found.query, found.ranked))
    sentences = list[AnswerSentence]()
    for line in lines:
        number, new = ledger.cite(line.evidence)
        text = quotation(line.evidence.text)
        sentences.append(AnswerSentence(text, (number,), "quoted", 1.0, line.day, line.of))
        clock.mark("first_sentence")
        yield SentenceReady(sentences[-1], new)
    clock.mark("total")
    answer = Answer(
        question=topic,
        standalone_question=None if standalone == topic else standalone,
        answered=bool(sentences),
        answer="\n".join(timeline.dated(sentence) for sentence in sentences) or REFUSAL,
        sentences=tuple(sentences),
        citations=tuple(ledger.citations),
        refusal=None if sentences else Refusal("not_in_corpus", closest(found.ranked)),
        timings_ms=clock.marks,
        model={**rag.model, "llm": None},
    )
    yield Done(answer, probability=found.probability)


def _lines(rag: Rag, found: Found) -> list[timeline.Line]:
    """The dated quotations about what was found."""
    about = timeline.on_topic(found.query, found.ranked)
    stories = {item.article.id for item in about}
    leads = [rag.retriever.sentences(hit)[0] for hit in found.hits if hit.article.id in stories]
    ranked = {place(item): item for item in found.ranked}  # with what the search knows of it, where it was ranked
    return timeline.lines(about, [ranked.get(place(lead), lead) for lead in leads])
