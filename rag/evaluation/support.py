"""How well the support check tells supported claims from others, on WiCE. Layer: faces. Needs the dev extra.

`python -m rag.evaluation.support claim_oracle_chunks_dev.jsonl` prints the table of docs/evaluation.md. A claim is held
against the three sentences of its page that have most of it, as several citations of one sentence are. The pages are
parted in two halves: thresholds and the combination are fitted on one, every figure is about the other.
Source: Kamoi et al., WiCE: Real-World Entailment for Claims in Wikipedia, EMNLP 2023. The file is not part of newsrag.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag import lexical
from rag.errors import UsageError
from rag.evaluation.fitting import fitted_to
from rag.lexical import Tokens
from rag.linear import LinearModel
from rag.loading import load_embedder
from rag.ports import Embedder
from rag.settings import Settings
from rag.verifying import verify

COMMAND = "python -m rag.evaluation.support claim_oracle_chunks_dev.jsonl"
COMBINED = ("covered", "cosine", "missing_words", "missing_names", "missing_numbers")
"""What the combination is made of, chosen by cross-validation within the half that it is fitted on."""
_CITED = 3
_NEARLY = 0.5  # what a near derivation ("lead", "leader") counts
_RESAMPLES = 1000
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim with sentences of the page that it cites. `fold` says whether it may be fitted on: pages are whole."""

    text: str
    evidence: tuple[str, ...]
    label: str  # supported, partially_supported or not_supported
    page: str

    @property
    def fold(self) -> bool:
        """Whether it may be fitted on."""
        return int(hashlib.sha256(self.page.encode()).hexdigest(), 16) % 2 == 0


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim with what the check and its rivals say of it; of each score more is better supported."""

    claim: Claim
    passed: bool
    scores: Mapping[str, float]
    signals: Mapping[str, float]


def load(file: Path) -> list[Claim]:
    """The claims of a WiCE file. Raises UsageError: cannot be read, or is none."""
    try:
        rows = [json.loads(line) for line in file.read_text("utf-8").split("\n") if line.strip()]
        return [Claim(r["claim"], tuple(r["evidence"]), r["label"], r["meta"]["claim_title"]) for r in rows]
    except OSError as exc:
        raise UsageError(f"cannot read {file}: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise UsageError(f"{file} is no WiCE file of claims with their evidence ({exc})") from exc


def check(claims: Sequence[Claim], embedder: Embedder, threshold: float) -> list[Checked]:
    """Every claim, with the rarity of its words counted over the evidence of all."""
    vectors = _embedded(embedder, sorted({t for c in claims for t in (c.text, *c.evidence)}, key=len))
    frequency = Counter(t for c in claims for t in frozenset(k for s in c.evidence for k in _read(s).keys))
    return [_checked(claim, vectors, frequency, len(claims), threshold) for claim in claims]


def _checked(
    claim: Claim, vectors: Mapping[str, Floats], frequency: Mapping[str, int], total: int, threshold: float
) -> Checked:
    said = _read(claim.text)
    rarity = lexical.rarity({key: frequency.get(key, 0) for key in said.keys}, total)
    has = np.array([_alignment(said, _read(sentence)) for sentence in claim.evidence])
    weights = np.array([rarity[key] for key in said.keys])
    cited = _best(has, weights)
    cosine = max(float(vectors[claim.text] @ vectors[s]) for s in claim.evidence)
    words = " ".join(claim.evidence[i] for i in cited)
    verdict = verify(claim.text, words, rarity=rarity, similarity=lambda: cosine, threshold=threshold)
    covered = has[cited].max(axis=0) if cited else np.zeros(len(said.keys))
    missing = 1 - has.max(axis=0)
    own = lexical.terms(claim.text)
    whole = {t for s in claim.evidence for t in lexical.terms(s)}
    signals = {
        "covered": float(covered @ weights / weights.sum()) if len(weights) else 1.0,
        "cosine": cosine,
        "missing_words": float(missing.sum()),
        "missing_names": float(sum(m for m, t in zip(missing, said.tokens, strict=True) if t.name)),
        "missing_numbers": float(sum(m for m, t in zip(missing, said.tokens, strict=True) if t.quantity)),
    }
    scores = {"word overlap": sum(t in whole for t in own) / max(1, len(own)), "support score": verdict.score}
    return Checked(claim, verdict.supported, {**scores, "cosine alone": cosine}, signals)


def _read(text: str) -> Tokens:
    return lexical.read(lexical.plain(text))


def _alignment(said: Tokens, there: Tokens) -> list[float]:
    """For each token of a claim how much of it a sentence has: numbers by value, words by stem or near derivation."""
    keys = frozenset(there.keys)
    near = lexical.found([t.key for t in said.tokens if not t.quantity and t.key not in keys], keys)
    return [1.0 if t.key in keys else _NEARLY if t.key in near else 0.0 for t in said.tokens]


def _best(has: Floats, weights: Floats) -> list[int]:
    """The sentences that together have most of the claim, added one by one, in the order of the page."""
    chosen: list[int] = []
    covered = np.zeros(has.shape[1])
    while len(chosen) < _CITED:
        gains = (np.maximum(covered, has) - covered) @ weights
        if not gains.size or gains.max() <= 0:
            break
        chosen.append(int(gains.argmax()))
        covered = np.maximum(covered, has[chosen[-1]])
    return sorted(chosen)


def _embedded(embedder: Embedder, texts: Sequence[str], batch: int = 64) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for at in range(0, len(texts), batch):
        some = texts[at : at + batch]
        found.update(zip(some, embedder.embed_documents(some).astype(np.float64), strict=True))
    return found


# ── the table


def combination(checked: Sequence[Checked]) -> LinearModel:
    """Logistic regression over COMBINED: supported against all else, on the half that may be fitted on."""
    usable = [c for c in checked if c.claim.fold]
    labels = [c.claim.label == "supported" for c in usable]
    fields: dict[str, Any] = fitted_to([c.signals for c in usable], labels, [1.0] * len(usable), COMBINED)
    return LinearModel(**fields, threshold=0.5, fitted_with=COMMAND)


def table(checked: Sequence[Checked]) -> list[str]:
    """Markdown: accuracy and AUC of each way, without the partially supported claims and with them as not supported."""
    model = combination(checked)
    ways: dict[str, Callable[[Checked], float]] = {
        "always yes": lambda c: 1.0,
        **{name: lambda c, n=name: c.scores[n] for name in checked[0].scores},  # type: ignore[misc]
        "combination": lambda c: model.logit(c.signals),
    }
    lines = [f"combination: {json.dumps({'intercept': model.intercept, **model.weights})}"]
    for title, left_out in (("supported against not", "partially_supported"), ("supported against the rest", "")):
        chosen = [c for c in checked if c.claim.label != left_out]
        held = [c for c in chosen if not c.claim.fold]
        yes = np.array([c.claim.label == "supported" for c in held])
        lines += ["", f"**{title}**: {len(held)} held out, {yes.sum()} supported", "", "| | accuracy | AUC |"]
        lines += ["|---|---|---|"]
        lines += [_row(name, score, chosen) for name, score in ways.items()]
        passed = np.array([c.passed for c in held])
        right = (passed == yes).mean()
        lines.append(f"| the verdict: {passed.sum()} pass, {(passed & yes).sum()} of them rightly | {right:.3f} | |")
    held = [c for c in checked if not c.claim.fold]
    return [*lines, "", *precision([ways["combination"](c) for c in held], [c.claim.label for c in held])]


def _row(name: str, score: Callable[[Checked], float], chosen: Sequence[Checked]) -> str:
    """Accuracy at the threshold that is best on the other half; the interval of the AUC is over pages."""
    fitted, held = ([c for c in chosen if c.claim.fold == fold] for fold in (True, False))
    threshold = _threshold([score(c) for c in fitted], [c.claim.label == "supported" for c in fitted])
    values = np.array([score(c) for c in held])
    yes = np.array([c.claim.label == "supported" for c in held])
    low, high = _interval(values, yes, [c.claim.page for c in held])
    right = ((values >= threshold) == yes).mean()
    return f"| {name} | {right:.3f} | {_auc(values, yes):.3f} ({low:.3f}–{high:.3f}) |"


def precision(scores: Sequence[float], labels: Sequence[str]) -> list[str]:
    """What a looser verdict would let through: of the claims that score best, how many are supported."""
    best = sorted(zip(scores, labels, strict=True), reverse=True)
    lines = []
    for share in (0.02, 0.05, 0.1, 0.2):
        some = Counter(label for _, label in best[: max(1, round(share * len(best)))])
        counts = ", ".join(f"{count} {label}" for label, count in some.most_common())
        lines.append(f"of the best {share:.0%} by the combination: {counts}")
    return lines


def _threshold(scores: Sequence[float], yes: Sequence[bool]) -> float:
    """The score from which on to say yes, so that most are right; the lowest of equals."""
    values, marks = np.array(scores), np.array(yes)
    candidates = np.unique(values)
    return float(candidates[np.argmax([((values >= c) == marks).mean() for c in candidates])])


def _auc(scores: Floats, yes: npt.NDArray[np.bool_]) -> float:
    """Share of the pairs of a supported and another claim where the supported one scores more; a tie is half."""
    ours, others = scores[yes], np.sort(scores[~yes])
    below, upto = (np.searchsorted(others, ours, side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(others))


def _interval(scores: Floats, yes: npt.NDArray[np.bool_], pages: Sequence[str]) -> tuple[float, float]:
    """95 % percentile bootstrap of the AUC over pages: the chunks of one page stand and fall together."""
    names = sorted(set(pages))
    where = {name: np.flatnonzero(np.array(pages) == name) for name in names}
    rng, values = np.random.default_rng(0), []
    for _ in range(_RESAMPLES):
        drawn = np.concatenate([where[names[i]] for i in rng.integers(len(names), size=len(names))])
        if 0 < yes[drawn].sum() < len(drawn):
            values.append(_auc(scores[drawn], yes[drawn]))
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.evaluation.support", description=__doc__)
    parser.add_argument("file", type=Path, help="WiCE's claims with their evidence (not part of newsrag)")
    options = parser.parse_args()
    settings = Settings.load()
    print("\n".join(table(check(load(options.file), load_embedder(settings), settings.support_threshold))))


if __name__ == "__main__":
    main()
