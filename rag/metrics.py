"""What an answer is worth: every number of `rag eval`. Layer: pure.

Each metric is a mean of per-question scores, `None` where a question says nothing about it; so each has a count, an
interval and, question by question, a comparison. docs/evaluation.md gives the formulas and sources.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

import ir_measures
import numpy as np
from ir_measures import RR, Success, nDCG

from rag import lexical
from rag.quantities import Quantity, quantities
from rag.types import Answer, Citation

DEPTH = 10
RANKING = {
    "hit_at_1": Success @ 1,
    "hit_at_5": Success @ 5,
    "hit_at_10": Success @ DEPTH,
    "mrr_at_10": RR @ DEPTH,
    "ndcg_at_10": nDCG @ DEPTH,
}
METRICS = (
    *RANKING,
    "evidence_coverage",
    "answer_right",
    "cited_right",
    "refused_unanswerable",
    "answered_answerable",
    "refusal_precision",
    "citations_verbatim",
    "markers_valid",
)
"""Their names, for `--fail-under` and the JSON: other people's scripts know them."""

EVERY_SUPPORT = frozenset(("list", "two_articles", "disagreement", "compare", "summary", "timeline"))
"""Kinds of question whose answer must draw on all its quotations; for the others one of them is enough."""

_HALF = 0.5
_ARTICLES = frozenset(("a", "an", "the"))
_POSSESSIVE = re.compile(r"[’']s\b", re.IGNORECASE)
_CLOCK = re.compile(r"(?<=\d):(?=\d\d\b)")
_UNIT_AFTER = re.compile(r"[\s-]?(?:(?P<percent>%|per\s?cent\b)|(?P<money>dollars?|euros?|pounds?)\b)", re.IGNORECASE)
_SIGNS = {"dollar": "$", "euro": "€", "pound": "£"}
_MONTHS = {
    name: month
    for month in "january february march april may june july august september october november december".split()
    for name in (month, month[:3], month[:4])
}
_MARKER = re.compile(r"\[(\d+)\]")
_TYPOGRAPHY = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u2011": "-", "\u00ad": None})


# ── words and numbers


class _Number(NamedTuple):
    value: float | str
    unit: str


_Token = str | _Number


def holds(text: str, variant: str) -> bool:
    """Whether a text contains an accepted answer, as whole words in this order.

    Case, diacritics, typography and the words a, an, the do not count (as in SQuAD's scoring: Rajpurkar et al. 2016).
    Numbers compare by value: `twelve` is `12` and `$2.7 billion` is `2.7bn`, but `9` is in neither `97` nor `2.9`. A
    variant's per cent sign must be there; its currency may be missing but not be another one. `June 3` is `3 June`.
    """
    wanted, present = _tokens(variant), _tokens(text)
    places = range(len(present) - len(wanted) + 1) if wanted else ()
    return any(all(_same(w, present[at + i]) for i, w in enumerate(wanted)) for at in places)


def _same(wanted: _Token, found: _Token) -> bool:
    if not isinstance(wanted, _Number) or not isinstance(found, _Number):
        return wanted == found
    missing_currency = not found.unit and wanted.unit != "%"
    return wanted.value == found.value and (wanted.unit in ("", found.unit) or missing_currency)


@lru_cache(maxsize=16384)
def _tokens(text: str) -> tuple[_Token, ...]:
    text = _CLOCK.sub(".", _POSSESSIVE.sub(" ", text))
    found: list[_Token] = []
    at = 0
    for quantity in quantities(text):
        # The 320 of "A320" is part of a name.
        if text[quantity.start].isdigit() and text[: quantity.start][-1:].isalpha():
            continue
        number, end = _number(text, quantity)
        found += [*_words(text[at : quantity.start]), number]
        at = end
    return tuple(_day_first([*found, *_words(text[at:])]))


def _day_first(tokens: list[_Token]) -> list[_Token]:
    """`Nov. 3` as `3 november`, unless a day stands before the month already."""
    for i, token in enumerate(tokens):
        month = _MONTHS.get(token) if isinstance(token, str) else None
        if not month:
            continue
        if i and _is_day(tokens[i - 1]):
            tokens[i] = month
        elif i + 1 < len(tokens) and _is_day(tokens[i + 1]):
            tokens[i], tokens[i + 1] = tokens[i + 1], month
    return tokens


def _is_day(token: _Token) -> bool:
    return isinstance(token, _Number) and not token.unit and token.value in range(1, 32)


def _number(text: str, quantity: Quantity) -> tuple[_Number, int]:
    """The number with a unit that is written out, and where both end."""
    after = _UNIT_AFTER.match(text, quantity.end)
    if not after:
        return _Number(quantity.value, quantity.unit), quantity.end
    money = (after["money"] or "").lower().rstrip("s")
    return _Number(quantity.value, _SIGNS.get(money, "%")), after.end()


def _words(text: str) -> list[_Token]:
    folded = (lexical.fold(m.group()).replace(".", "") for m in lexical.WORD.finditer(text))
    # "one" is mostly a pronoun, so `quantities` leaves it a word; as an answer it is the number.
    return [_Number(1.0, "") if word == "one" else word for word in folded if word not in _ARTICLES]


def plain(text: str) -> str:
    """One form of white space, quotation marks and dashes: what may differ between two copies of the same words."""
    return " ".join(text.translate(_TYPOGRAPHY).split())


def covered(quote: str, texts: Sequence[str]) -> float:
    """Share of a quotation's words that the texts repeat: from each text its longest run in common, united."""
    words = lexical.words(quote)
    repeated: set[int] = set()
    for text in texts:
        run = SequenceMatcher(None, words, lexical.words(text), autojunk=False).find_longest_match()
        repeated.update(range(run.a, run.a + run.size))
    return len(repeated) / max(1, len(words))


# ── answers


@dataclass(frozen=True, slots=True)
class Expected:
    """What a right answer looks like: accepted variants, and the quotations that support it; none: to be refused."""

    kind: str
    answers: tuple[str, ...]
    quotes: tuple[str, ...]

    @property
    def answerable(self) -> bool:
        """Whether the corpus answers the question."""
        return bool(self.quotes)

    def met(self, texts: Sequence[str], *, quoting: bool = False) -> list[bool]:
        """For each quotation, whether the texts give what it stands for: one of its variants, of a list all of them.

        `quoting`: or repeat at least half of it. Yes and no are in too many sentences to count as variants.
        """
        by_quote = quoting or self.kind == "yes_no"
        return [
            (by_quote and covered(quote, texts) >= _HALF)
            or (self.kind != "yes_no" and _states(texts, variants, self.kind))
            for quote, variants in zip(self.quotes, self._variants(), strict=True)
        ]

    def share(self, met: Sequence[bool]) -> float:
        """How much of what is needed was met: the share of the quotations, or any one of them, by kind."""
        return sum(met) / len(met) if self.kind in EVERY_SUPPORT else float(any(met))

    def _variants(self) -> list[Sequence[str]]:
        """What each quotation stands for: all variants where one quotation is enough; else those that it holds and
        no other does ("two, not 14" stands for `two` where another says 14), or where there is none all it holds."""
        if self.kind not in EVERY_SUPPORT or len(self.quotes) == 1:
            return [self.answers for _ in self.quotes]
        held = [[a for a in self.answers if holds(quote, a)] for quote in self.quotes]
        shared = {a for a in self.answers if sum(a in answers for answers in held) > 1}
        return [[a for a in answers if a not in shared] or answers for answers in held]


def _states(texts: Sequence[str], variants: Sequence[str], kind: str) -> bool:
    held = [any(holds(text, variant) for text in texts) for variant in variants]
    return any(held) and (all(held) or kind != "list")


def answer_right(answer: Answer, expected: Expected) -> bool:
    """Whether the answer's own sentences give all that is needed.

    Yes or no: the answer begins with the right one; an answer that begins with neither, as a quotation does, is
    right where its cited words repeat at least half of a supporting quotation.
    """
    texts = [sentence.text for sentence in answer.sentences]
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


def answer_scores(
    answer: Answer, expected: Expected, evidence: Sequence[str], texts: Mapping[str, str]
) -> dict[str, float | None]:
    """Every metric of one answer but those of the ranking. `texts`: of each cited article that exists, by its id."""
    asked, given = expected.answerable, answer.answered
    cited = [verbatim(citation, texts.get(citation.article_id)) for citation in answer.citations]
    return {
        "evidence_coverage": evidence_coverage(evidence, expected) if asked else None,
        "answer_right": float(answer_right(answer, expected)) if asked else None,
        "cited_right": float(cited_right(answer, expected)) if asked else None,
        "refused_unanswerable": None if asked else float(not given),
        "answered_answerable": float(given) if asked else None,
        "refusal_precision": None if given else float(not asked),
        "citations_verbatim": sum(cited) / len(cited) if cited else None,
        "markers_valid": float(markers_valid(answer)) if given else None,
    }


# ── rankings and summaries


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


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over n questions with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


def estimate(values: Sequence[float], *, seed: int = 0, resamples: int = 2000) -> Estimate | None:
    """The mean and its 95 % percentile bootstrap interval (Efron and Tibshirani 1993, ch. 13); None of no values."""
    if not values:
        return None
    given = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(given), (resamples, len(given)))
    low, high = np.percentile(given[drawn].mean(axis=1), (2.5, 97.5))
    return Estimate(float(given.mean()), float(low), float(high), len(given))


def summary(scores: Sequence[Mapping[str, float | None]]) -> dict[str, Estimate | None]:
    """Every metric over the questions, from the scores of each; None where no question says anything about it."""
    return {name: estimate([value for own in scores if (value := own.get(name)) is not None]) for name in METRICS}


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which this share of the values lies, interpolated linearly; None of no values."""
    return float(np.percentile(values, 100 * share)) if values else None
