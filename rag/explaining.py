"""Why an answer is what it is: what decided, with which figures. Layer: pure.

Nothing is computed anew here: the parts of a fitted model's decision, a reader's probabilities and the checks of each
drafted sentence are noted where they are made, as the JSON of `rag ask --explain` (docs/explain.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from rag import answerability
from rag.linear import LinearModel
from rag.types import Evidence, Reading, Verdict

Json = dict[str, Any]
Decided = Literal["quoted", "shown", "re-cited", "replaced", "dropped"]
"""A quotation; a drafted sentence that what it cites supports, or other evidence; one that nothing supports, with
quotations in its place, or with nothing."""


def decision(name: str, model: LinearModel, features: Mapping[str, float], threshold: float) -> Json:
    """What a fitted model says of answering: log odds are `intercept` and the sum of the contributions."""
    probability = model.probability(features)
    return {
        "model": name,
        "probability": round(probability, 4),
        "threshold": threshold,
        "answers": probability >= threshold,
        "intercept": model.intercept,
        "signals": [
            {"name": signal, "value": round(features[signal], 4), "contribution": round(weight * features[signal], 4)}
            for signal, weight in model.weights.items()
        ],
    }


def decision_of_parts(probabilities: Mapping[str, float], probability: float, threshold: float) -> Json:
    """What the parts of a question say of answering it: `probabilities` by the part, each asked alone (not empty), and
    the `probability` of their mean log odds (`rag.answerability.of_parts`)."""
    odds = {part: answerability.log_odds(p) / len(probabilities) for part, p in probabilities.items()}
    return {
        "model": "parts",
        "probability": round(probability, 4),
        "threshold": threshold,
        "answers": probability >= threshold,
        "intercept": 0.0,
        "signals": [
            {"name": part, "value": round(probabilities[part], 4), "contribution": round(share, 4)}
            for part, share in odds.items()
        ],
    }


def explanation(
    decisions: Sequence[Mapping[str, Any]],
    reading: Reading | None,
    reread: Sequence[Evidence],
    steps: Sequence[Mapping[str, Any]],
) -> Json:
    """All of it. `decisions` on answering, the last one counts; `steps` one for each sentence drafted or quoted."""
    return {
        "answering": list(decisions),
        "reader": reading and read(reading, reread),
        "sentences": list(steps),
    }


def read(reading: Reading, reread: Sequence[Evidence]) -> Json:
    """What a reader made of its sentences, as probabilities; `reread` are they, best first."""
    return {
        "words": reading.words,
        "probability": _chance(reading.likelihood),
        "none": _chance(reading.none),
        "sentences": [
            {**_place(e), "probability": _chance(e.signals["read"]), "score": round(e.score, 4)} for e in reread
        ],
    }


def step(
    decided: Decided,
    text: str,
    numbers: Sequence[int],
    score: float,
    checks: Sequence[tuple[Evidence, Verdict]] = (),
    reason: str | None = None,
) -> Json:
    """One sentence that was drafted or quoted. `score` is its support; `numbers` are the citations of what is shown."""
    tried = [
        {
            **_place(item),
            "supported": verdict.supported,
            "score": round(verdict.score, 4),
            "found": list(verdict.found),
            "failed": list(verdict.reasons),
        }
        for item, verdict in checks
    ]
    return {
        "decision": decided,
        "text": text,
        "citations": list(numbers),
        "score": round(score, 4),
        "reason": reason,
        "checks": tried,
    }


def _chance(log_probability: float) -> float:
    return round(math.exp(log_probability), 4)


def _place(item: Evidence) -> Json:
    span = item.span
    return {"article_id": item.article.id, "start": span.start, "end": span.end, "text": " ".join(item.text.split())}


def lines(explained: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The same for a person, line by line, each with its depth."""
    for made in explained["answering"]:
        verdict = "answered" if made["answers"] else "refused"
        yield 0, f"{made['model']}: {made['probability']:.2f} against {made['threshold']:.2f}: {verdict}"
        parts = (f"{s['name']} {s['contribution']:+.2f} (value {s['value']:.2f})" for s in made["signals"])
        yield 1, "log odds: " + ", ".join([f"intercept {made['intercept']:+.2f}", *parts])
    if read := explained["reader"]:
        yield 0, f"reader: “{read['words']}” ({read['probability']:.2f}), that nothing answers {read['none']:.2f}"
        for line in read["sentences"]:
            yield 1, f"{line['probability']:.2f}, score {line['score']:+.2f}: {line['text']}"
    for made in explained["sentences"]:
        marks = "".join(f"[{n}]" for n in made["citations"])
        yield 0, f"{made['decision']}{' ' if marks else ''}{marks}, support {made['score']:.2f}: {made['text']}"
        if made["reason"]:
            yield 1, made["reason"]
        for check in made["checks"]:
            said = "supported" if check["supported"] else "not supported"
            yield 1, f"{said} ({check['score']:.2f}) by: {check['text']}"
            for reason in (*check["failed"], *check["found"]):
                yield 2, reason
