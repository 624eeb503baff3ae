"""One question to one checked answer. Layer: core. `stream` is the primitive, `ask` folds its events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rag import accounts, answerability, citing, conversation, dates, evidence, lexical, questions, reading, rewriting
from rag.composing import Cited, Clock, Ledger, as_shown, closest, near_best, quoted
from rag.conversation import Exchange, History, Place, SourceAsked
from rag.evidence import Query
from rag.linear import LinearModel
from rag.ports import LanguageModel, Reader
from rag.prompting import REFUSAL, Prompts, estimated_tokens, fitting
from rag.recall import recall
from rag.retrieval import Retriever
from rag.settings import Settings
from rag.standing import Standing
from rag.types import (
    Answer,
    AnswerSentence,
    Article,
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

_DRAFT_SENTENCES = 2
ANY = Filters()


@dataclass(frozen=True, slots=True)
class Fitted:
    """The small models: does the evidence answer; which sentence does, with a reader; and the first with a reader."""

    answerable: LinearModel
    reading: LinearModel
    answerable_read: LinearModel


@dataclass(frozen=True, slots=True)
class Models:
    """What loads the language model, when it is first wanted. `reader` is None where the model was not taught to read
    (`rag.reading`): then it drafts. Both must give the same model each time."""

    llm: Callable[[], LanguageModel]
    reader: Callable[[], Reader] | None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a question: `ranked` all evidence, `chosen` the part that the answer may use, both best first;
    `probability` that it answers, and the probability from which on it is taken to."""

    query: Query
    ranked: tuple[Evidence, ...]
    chosen: tuple[Evidence, ...]
    hits: tuple[Hit, ...] = ()
    probability: float = 0.0
    threshold: float = 1.0

    @property
    def answers(self) -> bool:
        """Whether to answer rather than refuse."""
        return bool(self.chosen) and self.probability >= self.threshold


class Rag:
    """Questions over one index. One question at a time: the language model has one context."""

    def __init__(
        self,
        retriever: Retriever,
        models: Models,
        prompts: Prompts,
        fitted: Fitted,
        settings: Settings,
        model: Mapping[str, str | None],
    ) -> None:
        """Quote mode loads no language model. `model` is the stamp put on every answer."""
        self._retriever, self._models, self._prompts = retriever, models, prompts
        self._fitted, self._settings, self._model = fitted, settings, model

    @property
    def retriever(self) -> Retriever:
        """The search underneath, for explaining and measuring it."""
        return self._retriever

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
        clock = Clock()
        standalone = rewriting.standalone(question, heard)
        found = self.find(standalone, filters, typed=question)
        clock.mark("retrieve")
        yield Retrieved(found.chosen, found.hits)
        if mode == "answer" and self._models.reader and found.chosen:
            found = self._read(found, self._models.reader())
            clock.mark("read")
        ledger = Ledger(describe=self._standing(found.query, found.ranked))
        sentences: list[AnswerSentence] = []
        if found.answers:
            drafts = mode == "answer" and not self._models.reader
            produced = (
                self._drafted(found, ledger)
                if drafts
                else self._quoted(found.query, found.chosen, found.ranked, ledger)
            )
            for sentence, new in produced:
                clock.mark("first_sentence")
                sentences.append(sentence)
                yield SentenceReady(sentence, new)
        clock.mark("total")
        yield Done(
            self._answer((question, standalone), sentences, ledger, found, clock, mode),
            ledger.dropped,
            found.probability,
        )

    def _recalled(
        self, question: str, asked: SourceAsked, heard: list[Exchange], filters: Filters, mode: Mode
    ) -> Iterator[Event]:
        """The answer to a question about a citation of the last answer: its words, never the model's."""
        clock, ledger = Clock(), Ledger(describe=self._standing(self._retriever.query(question)))
        cited = heard[-1].cited or self._cited_before(heard, filters, mode)
        recalled = recall(asked, cited, self._retriever, self._settings)
        chosen = recalled.chosen if recalled else ()
        clock.mark("retrieve")
        yield Retrieved(chosen)
        sentences = []
        for item in chosen:
            number, new = ledger.cite(item)
            sentences.append(quoted(item, number))
            clock.mark("first_sentence")
            yield SentenceReady(sentences[-1], new)
        clock.mark("total")
        at = (self._retriever.evidence_at(p.article_id, p.start, p.end) for p in cited)
        standalone = recalled.standalone if recalled else question
        nearest = () if recalled else tuple(e for e in at if e)
        found = Found(self._retriever.query(standalone), nearest, ())
        yield Done(self._answer((question, standalone), sentences, ledger, found, clock, "quote"))

    def _cited_before(self, heard: list[Exchange], filters: Filters, mode: Mode) -> tuple[Place, ...]:
        """What the last answer cited, found by answering its question again: the same question over the same index
        gets the same answer. Nothing where it does not: then the numbers would be others."""
        history = [turn for e in heard[:-1] for turn in ({"role": "user", "content": e.question},
                                                         {"role": "assistant", "content": e.answer})]  # fmt: skip
        again = self.ask(heard[-1].question, filters=filters, mode=mode, history=history)
        if heard[-1].answer and heard[-1].answer != again.answer:
            return ()
        return tuple(Place(c.article_id, c.start, c.end) for c in again.citations)

    def find(self, question: str, filters: Filters, typed: str | None = None) -> Found:
        """The evidence for a question, ranked without a language model. `typed` is the question before it was made to
        stand alone."""
        query = self._retriever.query(question)
        hits = self._retriever.search(question, self._settings.hits, filters, typed=typed)
        ranked = self._retriever.evidence(query, hits) if hits else []
        if not ranked:
            return Found(query, (), (), tuple(hits))
        tokens = [estimated_tokens(e.text) for e in ranked]
        settings = self._settings
        chosen = evidence.select(ranked, tokens, most=settings.evidence_sentences, budget=settings.evidence_tokens)
        model = self._fitted.answerable
        probability = model.probability(answerability.features(query, ranked))
        return Found(query, tuple(ranked), tuple(chosen), tuple(hits), probability, self._threshold(model))

    def _read(self, found: Found, reader: Reader) -> Found:
        """The chosen evidence in the order that the reader and the search agree on, and what both say of refusing;
        what the search alone says where the question is too long to be read."""
        done = reading.read(found.query.text, found.chosen, reader)
        if done is None:
            return found
        listed, read = done
        chosen = reading.reread(listed, read, self._fitted.reading)
        model = self._fitted.answerable_read
        features = answerability.read_features(found.probability, chosen, read)
        return replace(
            found, chosen=tuple(chosen), probability=model.probability(features), threshold=self._threshold(model)
        )

    def article(self, article_id: str) -> Article | None:
        """One article by its id: what a citation points into."""
        return self._retriever.article(article_id)

    def _threshold(self, model: LinearModel) -> float:
        chosen = self._settings.answerable_threshold
        return model.threshold if chosen is None else chosen

    def _quoted(
        self, query: Query, ranked: Sequence[Evidence], others: Sequence[Evidence], ledger: Ledger
    ) -> Iterator[Cited]:
        """The best evidence in its own words, as long as the answer has room for a quotation; where stories give other
        figures (`others` is all the evidence), the sentence of each, newest first."""
        best = accounts.counting(query, ranked) or ranked[0]
        differing = [] if ledger.accounts else accounts.differing(query, best, [*ranked, *others])
        if differing and (day := dates.known_on(query.text, self._retriever.timing(query.text))):
            differing = accounts.known_by(differing, day)
        near = [best, *(item for item in near_best(ranked) if item is not best)]
        items = [a.evidence for a in differing] or near[: self._settings.quoted_sentences]
        for item in items:
            if not ledger.has(item) and (differing or len(ledger.citations) < self._settings.quoted_sentences):
                number, new = ledger.cite(item)
                yield quoted(item, number), new
        ledger.accounts += differing if len(differing) > 1 else ()

    def _drafted(self, found: Found, ledger: Ledger) -> Iterator[Cited]:
        """The model's sentences that the evidence supports; where one fails, what it points at is quoted."""
        query, chosen = found.query, found.chosen
        shown: set[str] = set()
        for draft in self._drafts(query.text, chosen):
            item, verdict = self._supported(draft, chosen)
            if item is None:
                ledger.dropped += 1
                produced = list(
                    self._quoted(query, evidence.pointed_at(chosen, draft.text, query), found.ranked, ledger)
                )
            else:
                number, new = ledger.cite(item)
                produced = [(as_shown(draft.text, item, number, verdict), new)]
            for sentence, new in produced:
                if sentence.text not in shown:
                    shown.add(sentence.text)
                    yield sentence, new
        if not ledger.citations:
            yield from self._quoted(query, chosen, found.ranked, ledger)

    def _drafts(self, question: str, chosen: Sequence[Evidence]) -> Iterator[citing.Draft]:
        """The model's first sentences. No draft at all where not even one sentence fits its context."""
        llm = self._models.llm()
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

    def _standing(self, query: Query, ranked: Sequence[Evidence] = ()) -> Standing:
        """What is told of each story that an answer to this question cites."""

        def supports(sentence: str, item: Evidence) -> bool:
            return self._verdict(sentence, item, self._retriever.rarity(lexical.terms(sentence))).supported

        return Standing(self._retriever.store, query, ranked, supports)

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
        ledger: Ledger,
        found: Found,
        clock: Clock,
        mode: Mode,
    ) -> Answer:
        """`asked`: the question as typed, and as it stands alone."""
        question, standalone = asked
        refusal = None if sentences else Refusal("not_in_corpus", closest([*found.chosen, *found.ranked]))
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
            disagreements=ledger.disagreements(question),
        )
