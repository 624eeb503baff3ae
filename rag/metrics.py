"""What one answer is worth: the scores of a question, for every metric of `rag eval`. Layer: pure.

A score is `None` where the question says nothing about the metric. Most metrics are the mean of their scores; those of
`CURVES` belong to a whole run (see rag/resampling.py). docs/evaluation.md gives the formulas and sources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ir_measures
from ir_measures import RR, Success, nDCG

from rag import lexical
from rag.matching import covered, holds
from rag.types import Answer, AnswerSentence, Citation

DEPTH = 10
RANKING = {
    "hit_at_1": Success @ 1,
    "hit_at_5": Success @ 5,
    "hit_at_10": Success @ DEPTH,
    "mrr_at_10": RR @ DEPTH,
    "ndcg_at_10": nDCG @ DEPTH,
}
CURVES = ("selective_accuracy", "refusal_auc", "calibration")
"""Metrics of a whole run: they rank the questions by how sure the refusal model is."""

METRICS = (
    *RANKING,
    "evidence_coverage",
    "answer_right",
    "cited_right",
    "disagreement_right",
    "as_of_right",
    "citation_recall",
    "citation_precision",
    "citations_verbatim",
    "markers_valid",
    "answered_answerable",
    "refused_unanswerable",
    "refusal_precision",
    "sure_right",
    "warned_unanswerable",
    *CURVES,
    "judged_right",
)
"""Their names, for `--fail-under` and the JSON: other people's scripts know them. Of each more is better."""

EVERY_SUPPORT = frozenset(("list", "two_articles", "disagreement", "compare", "summary", "timeline"))
"""Kinds of question whose answer must draw on all its quotations; for the others one of them is enough."""

Supports = Callable[[str, Sequence[Citation]], bool]
"""Whether the words of these citations, one after the other, support a sentence."""

_HALF = 0.5
_MARKER = re.compile(r"\[(\d+)\]")


# ── answers


@dataclass(frozen=True, slots=True)
class Expected:
    """What a right answer looks like: accepted variants, and the quotations that support it; none: to be refused.

    Our own sets have both. Outside sets may have answers alone, quotations alone, or, where `known`, neither: the
    corpus answers the question, but how is not said.
    """

    kind: str
    answers: tuple[str, ...]
    quotes: tuple[str, ...]
    known: bool = False

    @property
    def answerable(self) -> bool:
        """Whether the corpus answers the question."""
        return self.checkable or self.known

    @property
    def checkable(self) -> bool:
        """Whether an answer can be told right from wrong."""
        return bool(self.answers or self.quotes)

    def met(self, texts: Sequence[str], *, quoting: bool = False) -> list[bool]:
        """For each quotation, whether the texts give what it stands for: one of its variants, of a list all of them.

        `quoting`: or repeat at least half of it. Yes and no are in too many sentences to count as variants.
        """
        by_quote = quoting or self.kind == "yes_no" or not self.answers
        return [
            (by_quote and covered(quote, texts) >= _HALF)
            or (self.kind != "yes_no" and _states(texts, variants, self.kind))
            for quote, variants in zip(self.quotes or ("",), self._variants(), strict=True)
        ]

    def share(self, met: Sequence[bool]) -> float:
        """How much of what is needed was met: the share of the quotations, or any one of them, by kind."""
        return sum(met) / len(met) if self.kind in EVERY_SUPPORT else float(any(met))

    def _variants(self) -> list[Sequence[str]]:
        """What each quotation stands for: all variants where one quotation is enough; else those that it holds and
        no other does ("two, not 14" stands for `two` where another says 14), or where there is none all it holds."""
        if self.kind not in EVERY_SUPPORT or len(self.quotes) < 2:
            return [self.answers for _ in self.quotes or ("",)]
        held = [[a for a in self.answers if holds(quote, a)] for quote in self.quotes]
        shared = {a for a in self.answers if sum(a in answers for answers in held) > 1}
        return [[a for a in answers if a not in shared] or answers for answers in held]


def _states(texts: Sequence[str], variants: Sequence[str], kind: str) -> bool:
    held = [any(holds(text, variant) for text in texts) for variant in variants]
    return any(held) and (all(held) or kind != "list")


def answer_right(answer: Answer, expected: Expected) -> bool:
    """Whether the answer's own sentences give all that is needed.

    Yes or no: the answer begins with the right one; an answer that begins with neither, as a quotation does, is
    right where its cited words repeat at least half of a supporting quotation. Accounts that the answer shows side by
    side in its `disagreements` count as said.
    """
    texts = [sentence.text for sentence in answer.sentences]
    if expected.kind == "disagreement":
        texts += _strings(answer.disagreements)
    if expected.kind != "yes_no":
        return expected.share(expected.met(texts)) == 1.0
    opening = lexical.words(texts[0])[:1] if texts else []
    if opening in (["yes"], ["no"]):
        return opening == [lexical.fold(expected.answers[0])]
    return cited_right(answer, expected)


def cited_right(answer: Answer, expected: Expected) -> bool:
    """Whether the words that the citations quote give all that is needed."""
    return expected.share(expected.met([citation.quote for citation in answer.citations])) == 1.0


def evidence_coverage(evidence: Sequence[str], expected: Expected) -> float:
    """How much of what is needed is in the sentences that the answer could use."""
    return expected.share(expected.met(evidence, quoting=True))


def verbatim(citation: Citation, text: str | None) -> bool:
    """Whether the cited article's text (None: there is no such article) has the quotation at its offsets."""
    return text is not None and text[citation.start : citation.end] == citation.quote


def markers_valid(answer: Answer) -> bool:
    """Whether the markers in the answer as shown are those of its citations, numbered from 1 in order of first use."""
    shown = list(dict.fromkeys(int(number) for number in _MARKER.findall(answer.answer)))
    return shown == [citation.number for citation in answer.citations]


def _strings(value: Any) -> list[str]:
    """Every text anywhere inside."""
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [text for item in inside for text in _strings(item)]


def as_of_right(answer: Answer, expected: Expected) -> bool:
    """Whether the first sentence gives the figure of the time asked for: one that comes second leaves the reader with
    two figures and no choice."""
    return expected.share(expected.met([sentence.text for sentence in answer.sentences[:1]])) == 1.0


# ── citations


def citation_scores(answer: Answer, supports: Supports) -> tuple[float, float] | None:
    """Citation recall and precision as ALCE defines them (Gao et al. 2023, section 4), None for a refusal.

    Recall: the share of the sentences that their citations together support. Precision: the share of the citations
    that are needed: those of a supported sentence that support it alone, or without which the rest does not.
    """
    if not answer.sentences:
        return None
    cited = {citation.number: citation for citation in answer.citations}
    needed: list[bool] = []
    supported: list[bool] = []
    for sentence in answer.sentences:
        own = [cited[number] for number in sentence.citations]
        supported.append(supports(sentence.text, own))
        needed += _needed(sentence, own, supports) if supported[-1] else [False] * len(own)
    return sum(supported) / len(supported), sum(needed) / len(needed)


def _needed(sentence: AnswerSentence, own: Sequence[Citation], supports: Supports) -> Iterator[bool]:
    for citation in own:
        others = [other for other in own if other is not citation]
        yield not others or supports(sentence.text, [citation]) or not supports(sentence.text, others)


# ── all scores of a question


def answer_scores(
    answer: Answer, expected: Expected, evidence: Sequence[str], texts: Mapping[str, str], supports: Supports
) -> dict[str, float | None]:
    """Every metric of one answer but those of the ranking. `texts`: of each cited article that exists, by its id."""
    asked, given, checked = expected.answerable, answer.answered, expected.checkable
    cited = [verbatim(citation, texts.get(citation.article_id)) for citation in answer.citations]
    recall, precision = citation_scores(answer, supports) or (None, None)
    right = float(answer_right(answer, expected)) if checked else None
    sure = given and not answer.unsure
    return {
        "evidence_coverage": evidence_coverage(evidence, expected) if checked else None,
        "answer_right": right,
        "cited_right": float(cited_right(answer, expected)) if checked else None,
        "disagreement_right": right if expected.kind == "disagreement" else None,
        "as_of_right": float(as_of_right(answer, expected)) if expected.kind in ("as_of", "correction") else None,
        "citation_recall": recall,
        "citation_precision": precision,
        "citations_verbatim": sum(cited) / len(cited) if cited else None,
        "markers_valid": float(markers_valid(answer)) if given else None,
        "answered_answerable": float(given) if asked else None,
        "refused_unanswerable": None if asked else float(not given),
        "refusal_precision": None if given else float(not asked),
        "sure_right": (right if asked else 0.0) if sure else None,
        "warned_unanswerable": None if asked else float(not sure),
    }


# ── rankings


def ranking_scores(
    relevant: Mapping[str, Collection[str]], found: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """hit@k, MRR and nDCG of each question, by question id: `relevant` documents, and the `found` ones, best first.

    Computed by ir-measures (MacAvaney et al. 2022), which asks trec_eval; a document found twice counts once.
    """
    judged = {question: dict.fromkeys(documents, 1) for question, documents in relevant.items()}
    run = {
        question: {document: -float(rank) for rank, document in enumerate(dict.fromkeys(found[question]))}
        for question in relevant
    }
    scores: dict[str, dict[str, float]] = {question: {} for question in relevant}
    names = {measure: name for name, measure in RANKING.items()}
    for metric in ir_measures.iter_calc(list(names), judged, run) if judged else ():
        scores[metric.query_id][names[metric.measure]] = float(metric.value)
    return scores
