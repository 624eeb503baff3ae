"""The question that a reading model is asked over numbered sentences, and what its answer means. Layer: pure.

The model answers ` at least 340 [3]` or, where no sentence answers, ` none [0]`: words that it copies, then the number
of their sentence. The probabilities of that one token, given the words, rank all sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from rag.linear import LinearModel
from rag.ports import Reader
from rag.prompting import fitting
from rag.types import Evidence, Message, Reading

MOST = 9
"""Sentences in one prompt: their numbers are one token each, and 0 is for none."""
INSTRUCTION = "Answer the question in the words of one sentence and give its number; none [0] if no sentence answers."
WORD_TOKENS = 24
"""Most tokens of an answer's words."""
ANSWER_TOKENS = WORD_TOKENS + 2
"""Most tokens of an answer: after its words come a bracket and the number."""
OPENING = "Answer:"
"""What the reply begins with. The words follow after a space, so that they are the very tokens of the sentence."""
NONE = "none"
"""The answer's words where no sentence answers; its number is 0."""
_LEAST = -8.0  # log-probability below which it makes no difference how small


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence as it is read: `place` orders it within its article, `about` says where it stands."""

    article: str
    place: int
    about: str
    text: str


def about(title: str, source: str | None, published: str | None) -> str:
    """`Harbour tunnel opens (The Ansel Courier, 2025-11-03)`: what stands above the sentences of one article."""
    where = ", ".join(part for part in (source, (published or "")[:10]) if part)
    return " ".join((f"{title} ({where})" if where else title).split())


def reading_order(lines: Sequence[Line]) -> list[int]:
    """Positions in `lines` as they are numbered in the prompt: articles as they first come, each in its own order.

    A sentence that says "he" then stands below the one that says who.
    """
    first = {line.article: i for i, line in reversed(list(enumerate(lines)))}
    return sorted(range(len(lines)), key=lambda i: (first[lines[i].article], lines[i].place))


def evidence_text(lines: Sequence[Line]) -> str:
    """The numbered sentences, under what is said of their articles. `lines` are in reading order, at most `MOST`."""
    blocks = []
    for _, group in groupby(enumerate(lines, start=1), key=lambda item: item[1].article):
        numbered = list(group)
        sentences = "\n".join(f"[{n}] {' '.join(line.text.split())}" for n, line in numbered)
        blocks.append(f"{numbered[0][1].about}\n{sentences}")
    return "\n\n".join(blocks)


def question_text(question: str) -> str:
    """What follows the sentences."""
    return f"\n\nQuestion: {' '.join(question.split())}"


def lines(evidence: Sequence[Evidence]) -> list[Line]:
    """Evidence as it is read, in the order given."""
    return [
        Line(e.article.id, e.span.start, about(e.article.title, e.article.source, e.article.published), e.text)
        for e in evidence
    ]


def _ordered(evidence: Sequence[Evidence]) -> tuple[list[Evidence], list[Line]]:
    """Evidence in reading order, and as it is read."""
    listed = lines(evidence)
    order = reading_order(listed)
    return [evidence[i] for i in order], [listed[i] for i in order]


def messages(question: str, listed: Sequence[Line]) -> list[Message]:
    """What the model is sent; `listed` in reading order. The answer begins with `OPENING`."""
    return [Message("system", INSTRUCTION), Message("user", evidence_text(listed) + question_text(question))]


def read(question: str, evidence: Sequence[Evidence], reader: Reader) -> tuple[list[Evidence], Reading] | None:
    """As much of the evidence (best first) as fits the reader's context, in reading order, and what the reader makes
    of it; None where nothing fits. Raises ModelError."""

    def prompt(items: Sequence[Evidence]) -> list[Message]:
        return messages(question, _ordered(items)[1])

    fitted = fitting(reader, evidence[:MOST], prompt, ANSWER_TOKENS)
    if fitted is None:
        return None
    items, prompted = fitted
    listed, read_lines = _ordered(items)
    texts = [" ".join(line.text.split()) for line in read_lines]
    return listed, reader.read(prompted, OPENING, texts, NONE)


def weight(model: LinearModel) -> float:
    """What the reader's log-probability counts for beside the search's log odds."""
    return model.weights["read"] / model.weights["search"]


def reread(evidence: Sequence[Evidence], reading: Reading, model: LinearModel) -> list[Evidence]:
    """Evidence, in the order it was read, ranked by what the search and the reader say together; scores are log odds
    of `model`."""
    ranked = []
    for item, chance in zip(evidence, reading.sentences, strict=True):
        signals = {**item.signals, "search": item.score, "read": max(chance, _LEAST)}
        ranked.append(replace(item, score=model.logit(signals), signals=signals))
    return sorted(ranked, key=lambda e: -e.score)
