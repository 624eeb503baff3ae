"""Ask every question and score what came back. Layer: faces. Same index, settings and questions: same scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rag import lexical
from rag.answering import Rag
from rag.evaluation.questions import Corpus, Question
from rag.metrics import DEPTH, Supports, answer_right, answer_scores, ranking_scores
from rag.ports import Embedder, Store
from rag.resampling import Scored
from rag.types import Answer, Article, Citation, Done, Evidence, Mode, Retrieved
from rag.verifying import verify

Advance = Callable[[], None]
"""Told after each question."""
Judge = Callable[[Question, Answer], bool | None]
"""Whether a language model takes the answer for right; None where it said neither yes nor no."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one question brought up: the answer, the evidence it could use, the articles found, best first, and the
    probability that the evidence answers with the signals it was made from. `cpu_ms`: processor time, of all
    threads."""

    answer: Answer
    evidence: tuple[Evidence, ...]
    found: tuple[str, ...]
    probability: float
    cpu_ms: int
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question with what came back and its score on each metric; None where a metric does not apply.

    `right_if_answered`: of the answer that is given when no question is refused; None where it cannot be known.
    """

    question: Question
    asked: Asked
    scores: Mapping[str, float | None]
    right_if_answered: bool | None

    @property
    def scored(self) -> Scored:
        """What the metrics of a run are made from."""
        answerable = self.question.expected.answerable
        return Scored(self.scores, self.asked.probability, answerable, self.right_if_answered)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a run needs: the system under test, the same system told never to refuse, and the judges of its answers."""

    rag: Rag
    unrefusing: Rag
    corpus: Corpus
    article: Callable[[str], Article | None]
    supports: Supports
    judge: Judge | None = None


def run_questions(
    bench: Bench, questions: Sequence[Question], mode: Mode, advance: Advance = lambda: None
) -> list[Outcome]:
    """All questions in order."""
    asked: dict[str, Asked] = {}
    right: dict[str, bool | None] = {}
    for question in questions:
        asked[question.id] = ask(bench.rag, question, mode)
        right[question.id] = _right_if_answered(bench, question, asked[question.id].answer, mode)
        advance()
    groups = {q.id: group for q in questions if (group := bench.corpus.relevant(q))}
    rankings = ranking_scores(
        {name: set(group.values()) for name, group in groups.items()},
        {name: [group.get(a, a) for a in asked[name].found] for name, group in groups.items()},
    )
    return [
        Outcome(q, asked[q.id], {**_scores(bench, q, asked[q.id]), **rankings.get(q.id, {})}, right[q.id])
        for q in questions
    ]


def ask(rag: Rag, question: Question, mode: Mode) -> Asked:
    """One question."""
    retrieved = Retrieved(())
    begun = time.process_time()
    for event in rag.stream(question.question, mode=mode, history=question.history):
        if isinstance(event, Retrieved):
            retrieved = event
        elif isinstance(event, Done):
            cpu_ms = round(1000 * (time.process_time() - begun))
            found = tuple(hit.article.id for hit in retrieved.hits[:DEPTH])
            return Asked(event.answer, retrieved.evidence, found, event.probability, cpu_ms, event.signals)
    raise AssertionError("a stream ends with Done")


def _right_if_answered(bench: Bench, question: Question, answer: Answer, mode: Mode) -> bool | None:
    """An unanswerable question has no right answer. A refused one is asked again without the right to refuse."""
    expected = question.expected
    if not expected.answerable:
        return False
    if not expected.checkable:
        return None
    if not answer.answered:
        answer = bench.unrefusing.ask(question.question, mode=mode, history=question.history)
    return answer_right(answer, expected) if answer.answered else None


def _scores(bench: Bench, question: Question, asked: Asked) -> dict[str, float | None]:
    cited = {c.article_id: bench.article(c.article_id) for c in asked.answer.citations}
    texts = {name: found.text for name, found in cited.items() if found}
    evidence = [e.text for e in asked.evidence]
    scores = answer_scores(asked.answer, question.expected, evidence, texts, bench.supports)
    if bench.judge and question.expected.checkable:
        judged = bench.judge(question, asked.answer) if asked.answer.answered else False
        scores["judged_right"] = None if judged is None else float(judged)
    return scores


def support_checker(store: Store, embedder: Embedder, threshold: float) -> Supports:
    """rag.verifying as the judge of citations: what every drafted sentence must pass is asked of every shown one, of
    the words cited and not of a passage around them. The words themselves support themselves."""

    def supports(sentence: str, cited: Sequence[Citation]) -> bool:
        words = " ".join(citation.quote for citation in cited)
        if lexical.words(sentence) == lexical.words(words):
            return True

        def similarity() -> float:
            first, second = embedder.embed_documents([sentence, words])
            return float(first @ second)

        rarity = lexical.rarity(store.document_frequency(lexical.terms(sentence)), store.size())
        outlet = cited[0].source if cited else None
        return verify(
            sentence, words, outlet=outlet, rarity=rarity, similarity=similarity, threshold=threshold
        ).supported

    return supports
