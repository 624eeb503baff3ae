"""One question to one checked answer. Layer: core. `stream` is the primitive, `ask` folds its events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rag import (
    accounts,
    answerability,
    conversation,
    dates,
    evidence,
    explaining,
    questions,
    reading,
    relations,
    rewriting,
    several,
    voices,
)
from rag.clock import Clock
from rag.composing import Cited, Ledger, as_shown, closest, near_best
from rag.conversation import Exchange, History, SourceAsked
from rag.drafting import Drafting
from rag.evidence import Query
from rag.found import Found, by_parts
from rag.linear import LinearModel
from rag.ports import LanguageModel, Reader
from rag.prompting import REFUSAL, Prompts, estimated_tokens
from rag.recall import cited_before, recall
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
    Verdict,
)
from rag.widening import same_article, widened

_WHY = {True: "the best evidence", False: "near the best evidence"}
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
        self._retriever, self._models = retriever, models
        self._drafting = Drafting(models.llm, prompts, retriever, settings)
        self._fitted, self._settings, self._model = fitted, settings, model

    @property
    def model(self) -> Mapping[str, str | None]:
        """The stamp of every answer: the models and settings that made it."""
        return self._model

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
        if reader := self._reader(found, mode):
            found = self._read(found, reader)
            clock.mark("read")
        if found.chosen and not found.answers:
            found = by_parts(found, partial(self._part, filters=filters, mode=mode))
        found = replace(found, chosen=voices.others_last(found.query.text, found.chosen))
        unsure = found.probability < self._settings.sure_threshold
        ledger = Ledger(describe=self.standing(found.query, found.ranked), unsure=unsure)
        sentences: list[AnswerSentence] = []
        if found.answers:
            drafts = mode == "answer" and not self._models.reader
            produced = self._drafted(found, ledger) if drafts else self._several(found, filters, mode, ledger)
            for sentence, new in produced:
                clock.mark("first_sentence")
                sentences.append(sentence)
                yield SentenceReady(sentence, new)
        clock.mark("total")
        yield Done(
            self._answer((question, standalone), sentences, ledger, found, clock, mode),
            ledger.dropped,
            found.probability,
            found.signals,
        )

    def _recalled(
        self, question: str, asked: SourceAsked, heard: list[Exchange], filters: Filters, mode: Mode
    ) -> Iterator[Event]:
        """The answer to a question about a citation of the last answer: its words, never the model's."""
        clock, ledger = Clock(), Ledger(describe=self.standing(self._retriever.query(question)))
        cited = heard[-1].cited or cited_before(partial(self.ask, filters=filters, mode=mode), heard, self._settings)
        recalled = recall(asked, cited, self._retriever, self._settings)
        chosen = recalled.chosen if recalled else ()
        clock.mark("retrieve")
        yield Retrieved(chosen)
        sentences = []
        for item in chosen:
            sentence, new = ledger.quote(item, "what the last answer cited, or what its article says about that")
            sentences.append(sentence)
            clock.mark("first_sentence")
            yield SentenceReady(sentence, new)
        clock.mark("total")
        at = (self._retriever.evidence_at(p.article_id, p.start, p.end) for p in cited)
        standalone = recalled.standalone if recalled else question
        nearest = () if recalled else tuple(e for e in at if e)
        found = Found(self._retriever.query(standalone), nearest, ())
        yield Done(self._answer((question, standalone), sentences, ledger, found, clock, "quote"))

    def find(self, question: str, filters: Filters, typed: str | None = None) -> Found:
        """The evidence for a question, ranked without a language model. `typed` is the question before it was made to
        stand alone."""
        query = self._retriever.query(question)
        hits = self._retriever.search(question, self._settings.hits, filters, typed=typed)
        ranked = self._retriever.evidence(query, hits) if hits else []
        if not ranked:
            return Found(query, (), (), tuple(hits))
        # Before it is known whose words are wanted: that says nothing of whether they are there.
        features = answerability.features(query, ranked)
        ranked = voices.preferred(query.text, ranked)
        told, settings = relations.telling(query, ranked), self._settings
        tokens = [estimated_tokens(e.text) for e in told]
        chosen = evidence.select(told, tokens, most=settings.evidence_sentences, budget=settings.evidence_tokens)
        threshold = self._threshold(model := self._fitted.answerable)
        made = explaining.decision("answerable", model, features, threshold)
        sure = model.probability(features)
        return Found(query, tuple(ranked), tuple(chosen), tuple(hits), sure, threshold, features, (made,))

    def _reader(self, found: Found, mode: Mode) -> Reader | None:
        """Who reads what was found; None where nobody does, or nothing was."""
        return self._models.reader() if mode == "answer" and self._models.reader and found.chosen else None

    def _read(self, found: Found, reader: Reader) -> Found:
        """The chosen evidence in the order that the reader and the search agree on, and what both say of refusing;
        what the search alone says where the question is too long to be read, or asks for anything somebody said."""
        if voices.anything_asked(found.query.text):
            return found
        done = reading.read(found.query.text, found.chosen, reader)
        if done is None:
            return found
        listed, read = done
        chosen = reading.reread(listed, read, self._fitted.reading)
        model = self._fitted.answerable_read
        features = answerability.read_features(found.probability, chosen, read)
        probability, threshold = model.probability(features), self._threshold(model)
        made = explaining.decision("answerable_read", model, features, threshold)
        return replace(
            found,
            chosen=tuple(voices.preferred(found.query.text, chosen)),
            probability=probability,
            threshold=threshold,
            signals={**found.signals, **features},
            decisions=(*found.decisions, made),
            reading=read,
        )

    def _part(self, question: str, filters: Filters, mode: Mode) -> Found:
        """What is found for a part of a question by itself."""
        found = self.find(question, filters)
        reader = self._reader(found, mode)
        return self._read(found, reader) if reader else found

    def article(self, article_id: str) -> Article | None:
        """One article by its id: what a citation points into."""
        return self._retriever.article(article_id)

    def standing(self, query: Query, ranked: Sequence[Evidence] = ()) -> Standing:
        """What is told of each story that an answer to this question cites."""
        return Standing(self._retriever.store, query, ranked, self._drafting.supports)

    def _threshold(self, model: LinearModel) -> float:
        chosen = self._settings.answerable_threshold
        return model.threshold if chosen is None else chosen

    def _several(self, found: Found, filters: Filters, mode: Mode, ledger: Ledger) -> Iterator[Cited]:
        """As many quotations as the shape of the question wants (`rag.several`), or else the best evidence."""
        query, ranked = found.query, found.chosen

        def part(question: str) -> Sequence[Evidence]:
            return (found.parts.get(question) or self._part(question, filters, mode)).chosen

        sources = several.Sources(
            part=part,
            wide=lambda: widened(self._retriever, query, found.ranked, found.hits, ranked[0]),
            beside=lambda item: same_article(self._retriever, item, found.hits),
            reader_weight=reading.weight(self._fitted.reading),
        )
        as_of = dates.known_on(query.text, self._retriever.timing(query.text))
        items = [] if as_of else several.sentences(query, found.ranked, ranked, sources)
        if not items:
            yield from self._quoted(query, ranked, found.ranked, ledger)
        for item in items:
            yield ledger.quote(item, "one of several that the question asks for")
        ledger.accounts += accounts.within_story(query, items)

    def _quoted(
        self, query: Query, ranked: Sequence[Evidence], others: Sequence[Evidence], ledger: Ledger
    ) -> Iterator[Cited]:
        """The best evidence in its own words, as long as the answer has room for a quotation; where stories give other
        figures (`others` is all the evidence), the sentence of each, newest first."""
        best = accounts.counting(query, ranked) or ranked[0]
        differing = [] if ledger.accounts else accounts.differing(query, best, [*ranked, *others])
        if differing and (day := dates.known_on(query.text, self._retriever.timing(query.text))):
            differing = accounts.known_by(differing, day, yearless=not dates.names_year(query.text))
        near = [best, *(item for item in near_best(ranked, unsure=ledger.unsure) if item is not best)]
        if other := accounts.other_count(query, best, ranked):
            near.insert(1, other)
        room = self._settings.quoted_sentences + ledger.unsure
        items = [a.evidence for a in differing] or near[:room]
        for item in items:
            if not ledger.has(item) and (differing or len(ledger.citations) < room):
                yield ledger.quote(item, "one of the accounts that differ" if differing else _WHY[item is best])
        ledger.accounts += differing if len(differing) > 1 else ()

    def _drafted(self, found: Found, ledger: Ledger) -> Iterator[Cited]:
        """The model's sentences that the evidence supports; where one fails, what it points at is quoted."""
        query, chosen = found.query, found.chosen
        shown: set[str] = set()
        for draft in self._drafting.drafts(query.text, chosen):
            checks, at = self._drafting.checks(draft, chosen), len(ledger.steps)
            item, verdict = checks[-1] if checks else (chosen[0], Verdict(False, 0.0, ("no evidence",)))
            decided: explaining.Decided
            if verdict.supported:
                number, new = ledger.cite(item)
                produced = [(as_shown(draft.text, item, number, verdict), new)]
                decided = "shown" if item in (chosen[i] for i in draft.cited) else "re-cited"
            else:
                ledger.dropped += 1
                pointed = evidence.pointed_at(chosen, draft.text, query)
                produced = list(self._quoted(query, pointed, found.ranked, ledger))
                decided = "replaced" if produced else "dropped"
            numbers = [n for sentence, _ in produced for n in sentence.citations]
            ledger.steps.insert(at, explaining.step(decided, draft.text, numbers, verdict.score, checks))
            for sentence, new in produced:
                if sentence.text not in shown:
                    shown.add(sentence.text)
                    yield sentence, new
        if not ledger.citations:
            yield from self._quoted(query, chosen, found.ranked, ledger)

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
            confidence=round(found.probability, 3) if found.decisions else None,
            unsure=bool(sentences) and ledger.unsure,
            explanation=explaining.explanation(found.decisions, found.reading, found.chosen, ledger.steps),
        )
