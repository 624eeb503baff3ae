"""What was found for a question, and whether it is enough for an answer. Layer: core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rag import answerability, explaining
from rag.evidence import Query
from rag.parts import taken_apart
from rag.types import Evidence, Hit, Reading


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a question: `ranked` all evidence, `chosen` the part that the answer may use, both best first;
    `probability` that it answers, the probability from which on it is taken to, and the `signals` behind it by name;
    `decisions` on answering, for explaining, of which the last one counts; `parts` is what its parts found by
    themselves, where they were asked."""

    query: Query
    ranked: tuple[Evidence, ...]
    chosen: tuple[Evidence, ...]
    hits: tuple[Hit, ...] = ()
    probability: float = 0.0
    threshold: float = 1.0
    signals: Mapping[str, float] = field(default_factory=dict)
    decisions: tuple[Mapping[str, Any], ...] = ()
    reading: Reading | None = None
    parts: Mapping[str, Found] = field(default_factory=dict)

    @property
    def answers(self) -> bool:
        """Whether to answer rather than refuse."""
        return bool(self.chosen) and self.probability >= self.threshold


def by_parts(found: Found, part: Callable[[str], Found]) -> Found:
    """What was found for a question that is refused as a whole, decided anew by what is found for each of its parts
    alone (`part`); as it was where it has one part, or where these are no likelier to be answered.
    """
    asked = taken_apart(found.query.text).asked
    if len(asked) < 2:
        return found
    parts = {question: part(question) for question in asked}
    probabilities = {question: own.probability for question, own in parts.items()}
    probability = answerability.of_parts(list(probabilities.values()))
    made = explaining.decision_of_parts(probabilities, probability, found.threshold)
    if not made["answers"]:
        return replace(found, parts=parts)
    return replace(found, parts=parts, probability=probability, decisions=(*found.decisions, made))
