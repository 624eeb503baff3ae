"""Questions that are said to have no answer and may have one. Layer: faces.

A search can find out the plain cases only: a sentence that says nearly all that the question says, or another question
of the set that asks nearly the same and is answered. Paraphrases pass; docs/evaluation.md says how many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag import lexical
from rag.answering import ANY, Rag
from rag.evaluation.questions import Question, QuestionSet
from rag.types import Evidence

_SAYS = 0.9
"""Share of the question's terms, weighted by rarity, from which on a sentence is taken to answer it."""
_ASKS = 0.75
"""Share of the stems that two questions have in common from which on they ask the same."""


def answering_sentence(evidence: Sequence[Evidence]) -> Evidence | None:
    """A sentence that holds nearly all terms of the question and something of the kind it wants, if there is one."""
    fitting = [e for e in evidence if e.signals["terms"] >= _SAYS and e.signals["kind"] > 0]
    return max(fitting, key=lambda e: e.signals["terms"], default=None)


def doubtful(rag: Rag, found: QuestionSet, questions: Sequence[Question]) -> Iterator[str]:
    """A line, with its place, for each unanswerable question that the index or another question seems to answer."""
    answered = [(q, _stems(q)) for q in found.questions if q.expected.answerable and not q.history]
    for question in questions:
        if question.expected.answerable or question.history:
            continue
        ranked = rag.find(question.question, ANY).ranked
        sentence = answering_sentence(ranked)
        if sentence:
            reason = f"{question.id} is said to have no answer, but {sentence.article.id} says: {sentence.text}"
            yield str(found.error(question, " ".join(reason.split())))
        own = _stems(question)
        for other, stems in answered:
            if len(own & stems) >= _ASKS * len(own | stems):
                yield str(found.error(question, f"{question.id} is said to have no answer, but {other.id} has one"))
                break


def _stems(question: Question) -> frozenset[str]:
    return frozenset(lexical.terms(question.question))
