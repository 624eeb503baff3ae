"""One question to one checked answer. Layer: core. `stream` is the primitive, `ask` folds its events."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rag import answerability, citing, conversation, evidence, lexical, questions, rewriting
from rag.conversation import Exchange, History, Place, SourceAsked
from rag.evidence import Query
from rag.linear import LinearModel
from rag.ports import LanguageModel
from rag.prompting import REFUSAL, Prompts, estimated_tokens
from rag.recall import recall
from rag.retrieval import Retriever
from rag.settings import Settings
from rag.types import (
    Answer,
    AnswerSentence,
    Article,
    Citation,
    Done,
    Event,
    Evidence,
    Filters,
    Hit,
    Mode,
    Refusal,
    Retrieved,
    SentenceReady,
)
from rag.verifying import Verdict, verify

# Evidence this far (in log odds) below the best is about something else: it may not carry the answer.
_RELEVANT = 1.0
_CLOSEST = 3
_DRAFT_SENTENCES = 2
ANY = Filters()


_Cited = tuple[AnswerSentence, tuple[Citation, ...]]
"""A sentence and the citations it is the first to use."""


@dataclass(slots=True)
class _Ledger:
    """The citations of one answer, numbered in order of first use."""

    citations: list[Citation] = field(default_factory=list)
    _numbers: dict[tuple[str, int], int] = field(default_factory=dict)

    def cite(self, item: Evidence) -> tuple[int, tuple[Citation, ...]]:
        """The number of this evidence, and its citation when it is new."""
        place = (item.article.id, item.span.start)
        if place in self._numbers:
            return self._numbers[place], ()
        number = len(self.citations) + 1
        citation = Citation.of(item, number)
        self._numbers[place] = number
        self.citations.append(citation)
        return number, (citation,)

    def has(self, item: Evidence) -> bool:
        """Whether it is cited already."""
        return (item.article.id, item.span.start) in self._numbers


class _Clock:
    """Milliseconds since it was made, by name."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.marks: dict[str, int] = {}

    def mark(self, name: str) -> None:
        """Note the time, once per name."""
        self.marks.setdefault(name, round(1000 * (time.perf_counter() - self._start)))


class Rag:
    """Questions over one index. One question at a time: the language model has one context."""

    def __init__(
        self,
        retriever: Retriever,
        load_llm: Callable[[], LanguageModel],
        prompts: Prompts,
        answerable: LinearModel,
        settings: Settings,
        model: Mapping[str, str | None],
    ) -> None:
        """`load_llm` is called when a draft is first wanted, and must return the same model each time: quote mode
        loads none. `model` is the stamp put on every answer."""
        self._retriever, self._load_llm, self._prompts = retriever, load_llm, prompts
        self._answerable, self._settings, self._model = answerable, settings, model

    def search(self, words: str, k: int, filters: Filters = ANY, history: History = ()) -> list[Hit]:
        """The k best articles. Raises UsageError for an empty or overlong query, or a bad history."""
        words = questions.checked(words, self._settings.question_characters)
        standalone = rewriting.standalone(words, conversation.exchanges(history))
        return self._retriever.search(standalone, k, filters, typed=words)

    def ask(self, question: str, *, filters: Filters = ANY, mode: Mode = "answer", history: History = ()) -> Answer:
        """The whole answer. Raises UsageError for a bad question or history, BackendError when a model or the store
        fails. `history` are the turns before the question, see `rag.conversation.History`."""
        for event in self.stream(question, filters=filters, mode=mode, history=history):
            if isinstance(event, Done):
                return event.answer
        raise AssertionError("a stream ends with Done")

    def stream(
        self, question: str, *, filters: Filters = ANY, mode: Mode = "answer", history: History = ()
    ) -> Iterator[Event]:
        """Retrieved, then a SentenceReady for each checked sentence, then Done. Raises as `ask` does."""
        question = questions.checked(question, self._settings.question_characters)
        heard = conversation.exchanges(history)
        asked = conversation.source_asked(question) if heard else None
        if asked:
            yield from self._recalled(question, asked, heard, filters, mode)
            return
        clock = _Clock()
        standalone = rewriting.standalone(question, heard)
        query, ranked, chosen = self.find(standalone, filters, typed=question)
        clock.mark("retrieve")
        yield Retrieved(tuple(chosen))
        ledger = _Ledger()
        sentences: list[AnswerSentence] = []
        if chosen and self.answerable(query, ranked) >= self._threshold():
            produced = self._drafted(query, chosen, ledger) if mode == "answer" else self._quoted(chosen, ledger)
            for sentence, new in produced:
                clock.mark("first_sentence")
                sentences.append(sentence)
                yield SentenceReady(sentence, new)
        clock.mark("total")
        yield Done(self._answer((question, standalone), sentences, ledger, ranked, clock, mode))

    def _recalled(
        self, question: str, asked: SourceAsked, heard: list[Exchange], filters: Filters, mode: Mode
    ) -> Iterator[Event]:
        """The answer to a question about a citation of the last answer: its words, never the model's."""
        clock, ledger = _Clock(), _Ledger()
        cited = heard[-1].cited or self._cited_before(heard, filters, mode)
        found = recall(asked, cited, self._retriever, self._settings)
        chosen = found.chosen if found else ()
        clock.mark("retrieve")
        yield Retrieved(chosen)
        sentences = []
        for item in chosen:
            number, new = ledger.cite(item)
            sentences.append(AnswerSentence(quotation(item.text), (number,), "quoted", 1.0))
            clock.mark("first_sentence")
            yield SentenceReady(sentences[-1], new)
        clock.mark("total")
        at = (self._retriever.evidence_at(p.article_id, p.start, p.end) for p in cited)
        closest = [] if found else [e for e in at if e]
        standalone = found.standalone if found else question
        yield Done(self._answer((question, standalone), sentences, ledger, closest, clock, "quote"))

    def _cited_before(self, heard: list[Exchange], filters: Filters, mode: Mode) -> tuple[Place, ...]:
        """What the last answer cited, found by answering its question again: the same question over the same index
        gets the same answer. Nothing where it does not: then the numbers would be others."""
        history = [turn for e in heard[:-1] for turn in ({"role": "user", "content": e.question},
                                                         {"role": "assistant", "content": e.answer})]  # fmt: skip
        again = self.ask(heard[-1].question, filters=filters, mode=mode, history=history)
        if heard[-1].answer and heard[-1].answer != again.answer:
            return ()
        return tuple(Place(c.article_id, c.start, c.end) for c in again.citations)

    def find(
        self, question: str, filters: Filters, typed: str | None = None
    ) -> tuple[Query, list[Evidence], list[Evidence]]:
        """The question taken apart, all ranked evidence, and the part of it that the answer may use."""
        query = self._retriever.query(question)
        hits = self._retriever.search(question, self._settings.hits, filters, typed=typed)
        ranked = self._retriever.evidence(query, hits) if hits else []
        tokens = [estimated_tokens(e.text) for e in ranked]
        settings = self._settings
        chosen = evidence.select(ranked, tokens, most=settings.evidence_sentences, budget=settings.evidence_tokens)
        return query, ranked, chosen

    def answerable(self, query: Query, ranked: Sequence[Evidence]) -> float:
        """Probability that the evidence (best first, not empty) answers the question."""
        return self._answerable.probability(answerability.features(query, ranked))

    def article(self, article_id: str) -> Article | None:
        """One article by its id: what a citation points into."""
        return self._retriever.article(article_id)

    def _threshold(self) -> float:
        chosen = self._settings.answerable_threshold
        return self._answerable.threshold if chosen is None else chosen

    def _quoted(self, ranked: Sequence[Evidence], ledger: _Ledger) -> Iterator[_Cited]:
        """The best evidence in its own words, as long as the answer has room for a quotation."""
        for item in near_best(ranked)[: self._settings.quoted_sentences]:
            if not ledger.has(item) and len(ledger.citations) < self._settings.quoted_sentences:
                number, new = ledger.cite(item)
                yield AnswerSentence(quotation(item.text), (number,), "quoted", 1.0), new

    def _drafted(self, query: Query, chosen: Sequence[Evidence], ledger: _Ledger) -> Iterator[_Cited]:
        """The model's sentences that the evidence supports; where one fails, what it points at is quoted."""
        shown: set[str] = set()
        for draft in self._drafts(query.text, list(chosen)):
            item, verdict = self._supported(draft, chosen)
            if item is None:
                produced = list(self._quoted(evidence.pointed_at(chosen, draft.text, query), ledger))
            else:
                number, new = ledger.cite(item)
                produced = [(_shown(draft.text, item, number, verdict), new)]
            for sentence, new in produced:
                if sentence.text not in shown:
                    shown.add(sentence.text)
                    yield sentence, new
        if not ledger.citations:
            yield from self._quoted(chosen, ledger)

    def _drafts(self, question: str, chosen: list[Evidence]) -> Iterator[citing.Draft]:
        """The model's first sentences. No draft at all where not even one sentence fits its context."""
        llm = self._load_llm()
        limit = llm.context_tokens - self._settings.answer_tokens - 64  # 64: the chat template's own tokens
        messages = self._prompts.messages(question, chosen)
        while sum(llm.count_tokens(m.content) for m in messages) > limit:
            if len(chosen) == 1:
                return
            chosen = chosen[:-1]
            messages = self._prompts.messages(question, chosen)
        pieces = llm.stream(messages, max_tokens=self._settings.answer_tokens)
        try:
            for count, sentence in enumerate(citing.sentences(pieces), start=1):
                yield citing.parse(sentence, len(chosen))
                if count == _DRAFT_SENTENCES:
                    return
        finally:
            close = getattr(pieces, "close", None)
            if close:
                close()

    def _supported(self, draft: citing.Draft, chosen: Sequence[Evidence]) -> tuple[Evidence | None, Verdict]:
        """The evidence that supports a draft: what it cites first, then any other; None where nothing does."""
        cited = [chosen[i] for i in draft.cited]
        relevant = near_best(chosen)
        rarity = self._retriever.rarity(lexical.terms(draft.text))
        verdict = Verdict(False, 0.0, ("no evidence",))
        for item in [*cited, *(e for e in chosen if e not in cited)]:
            if item not in relevant:
                continue
            verdict = self._verdict(draft.text, item, rarity)
            if verdict.supported:
                return item, verdict
        return None, verdict

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

    def _answer(
        self,
        asked: tuple[str, str],
        sentences: Sequence[AnswerSentence],
        ledger: _Ledger,
        ranked: Sequence[Evidence],
        clock: _Clock,
        mode: Mode,
    ) -> Answer:
        """`asked`: the question as typed, and as it stands alone."""
        question, standalone = asked
        refusal = None if sentences else Refusal("not_in_corpus", closest(ranked))
        model = self._model if mode == "answer" else {**self._model, "llm": None}
        return Answer(
            question=question,
            standalone_question=None if standalone == question else standalone,
            answered=bool(sentences),
            answer=" ".join(s.marked for s in sentences) or REFUSAL,
            sentences=tuple(sentences),
            citations=tuple(ledger.citations),
            refusal=refusal,
            timings_ms=clock.marks,
            model=model,
        )


def _shown(text: str, item: Evidence, number: int, verdict: Verdict) -> AnswerSentence:
    """A supported draft; one that copied its evidence is marked as the quotation it is."""
    if finished(text) == " ".join(item.text.split()):
        return AnswerSentence(quotation(item.text), (number,), "quoted", 1.0)
    return AnswerSentence(finished(text), (number,), "verified", round(verdict.score, 3))


def near_best(ranked: Sequence[Evidence]) -> list[Evidence]:
    """The evidence that may carry an answer: the rest is about something else, however true."""
    return [e for e in ranked if e.score >= ranked[0].score - _RELEVANT]


def closest(ranked: Sequence[Evidence]) -> tuple[Citation, ...]:
    """The nearest sentence of each of the nearest stories: what a refusal can still offer."""
    stories: dict[str, Evidence] = {}
    for item in ranked:
        stories.setdefault(item.article.id, item)
    return tuple(Citation.of(item, n) for n, item in enumerate(list(stories.values())[:_CLOSEST], start=1))


def unmarked(text: str) -> str:
    """`[12]` in an article's own words becomes `(12)` where they are shown: it must not pass for one of our markers."""
    return re.sub(r"\[(\d[\d,; ]*)\]", r"(\1)", text)


def quotation(text: str) -> str:
    """A sentence shown in the article's own words, in quotation marks unless it brings its own."""
    text = unmarked(" ".join(text.split()))
    return text if any(mark in text for mark in '“”"') else f"“{text}”"


def finished(text: str) -> str:
    """A drafted sentence with a capital and a stop."""
    text = unmarked(text)
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "”", '"')) else f"{text}."
