"""Ask every question and score what came back. Layer: faces. Same index, settings and questions: same scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rag.answering import Rag
from rag.evaluation.questions import Corpus, Question
from rag.metrics import DEPTH, answer_scores, ranking_scores
from rag.types import Answer, Article, Done, Evidence, Mode, Retrieved

Advance = Callable[[], None]
"""Told after each question."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one question brought up: the answer, the evidence it could use and the articles found, best first."""

    answer: Answer
    evidence: tuple[Evidence, ...]
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question with what came back and its score on each metric; None where a metric does not apply."""

    question: Question
    asked: Asked
    scores: Mapping[str, float | None]


def run_questions(
    rag: Rag,
    questions: Sequence[Question],
    corpus: Corpus,
    article: Callable[[str], Article | None],
    mode: Mode,
    advance: Advance = lambda: None,
) -> list[Outcome]:
    """All questions in order. `article` looks an article of the index up by its id."""
    asked: dict[str, Asked] = {}
    for question in questions:
        asked[question.id] = ask(rag, question, mode)
        advance()
    groups = {q.id: corpus.relevant(q) for q in questions if q.support}
    rankings = ranking_scores(
        {name: set(group.values()) for name, group in groups.items()},
        {name: [group.get(a, a) for a in asked[name].found] for name, group in groups.items()},
    )
    return [Outcome(q, asked[q.id], {**_scores(q, asked[q.id], article), **rankings.get(q.id, {})}) for q in questions]


def ask(rag: Rag, question: Question, mode: Mode) -> Asked:
    """One question. It is answered first and searched for after: the search then finds the question's vector ready
    and costs little, and the answer's own timings stay those of a fresh question."""
    evidence: tuple[Evidence, ...] = ()
    for event in rag.stream(question.question, mode=mode, history=question.history):
        if isinstance(event, Retrieved):
            evidence = event.evidence
        elif isinstance(event, Done):
            hits = rag.search(question.question, DEPTH, history=question.history) if question.support else []
            return Asked(event.answer, evidence, tuple(hit.article.id for hit in hits))
    raise AssertionError("a stream ends with Done")


def _scores(question: Question, asked: Asked, article: Callable[[str], Article | None]) -> dict[str, float | None]:
    cited = {c.article_id: article(c.article_id) for c in asked.answer.citations}
    texts = {name: found.text for name, found in cited.items() if found}
    return answer_scores(asked.answer, question.expected, [e.text for e in asked.evidence], texts)
