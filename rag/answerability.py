"""Does the evidence answer the question at all? Layer: pure. The features of the refusal model.

They tell a question about something else from one about these stories; they do not tell whether a story that has
everything else lacks the one fact asked for (docs/evaluation.md has the figures).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rag import lexical
from rag.evidence import Query, meanings
from rag.types import Evidence, Reading

_BEST = 6
_LEAST, _CLEAR, _SURE = -12.0, 4.0, 6.0


def features(query: Query, evidence: Sequence[Evidence]) -> dict[str, float]:
    """Signals over the evidence, best first (not empty); each between 0 and 1.

    The article's whole text counts for names and terms: "the EU" must be somewhere in the story, if not in the
    sentence.
    """
    best = evidence[0]
    about = f"{best.article.title} {best.article.text} {best.article.source or ''}"
    story = meanings(query.terms, query.names).of(lexical.words(about))
    return {
        # Of the best few: the sentence that answers may be one that says only "he" and "it".
        "cosine": max(e.signals["cosine"] for e in evidence[:_BEST]),
        "terms_in_story": lexical.coverage(query.terms, story.terms, query.rarity),
        "names_in_story": lexical.coverage(query.names, story.names, query.rarity),
    }


def read_features(found: float, reread: Sequence[Evidence], reading: Reading) -> dict[str, float]:
    """What the search makes of it (`found`, the probability by `features`), with what a reader says of the evidence it
    read. Log odds or log-probabilities, each bounded: beyond that it makes no difference how sure anything is."""
    second = reread[1].score if len(reread) > 1 else reread[0].score - _CLEAR
    return {
        "found": max(-_SURE, min(_SURE, log_odds(found))),
        "none": max(reading.none, _LEAST),
        "words": max(reading.likelihood, _LEAST),
        "read": max(e.signals["read"] for e in reread),
        "best": reread[0].score,
        "margin": min(_CLEAR, reread[0].score - second),
    }


def log_odds(probability: float) -> float:
    """Natural logarithm of the odds; finite for 0 and 1 too."""
    return math.log(max(probability, 1e-9) / max(1.0 - probability, 1e-9))


def of_parts(probabilities: Sequence[float]) -> float:
    """The probability of the mean log odds that the parts of a question are answered, each asked alone (not empty)."""
    return 1.0 / (1.0 + math.exp(-sum(map(log_odds, probabilities)) / len(probabilities)))
