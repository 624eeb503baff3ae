"""Measure retrieval and print the table of docs/retrieval.md. Layer: faces. Needs the dev extra.

`python -m rag.evaluation.retrieval_table --squad dev-v2.0.json --clapnq FOLDER` prints it. `--fit` first fits the
weights of the second look (rag/fitted/ranking.json) on every second document of the SQuAD file; the table is about the
others and about collections that nothing was fitted on. `--own ARTICLES QUESTIONS` adds one of yours.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from rag import evidence, wiring
from rag.answering import ANY, Rag
from rag.evaluation import labelled
from rag.evaluation.labelled import Asked, Collection
from rag.fusion import Ranking, reciprocal_rank, standard_scores
from rag.linear import LinearModel
from rag.matching import plain
from rag.metrics import DEPTH, RANKING, ranking_scores
from rag.ranking import READ
from rag.retrieval import WEIGHTS, Ranked
from rag.settings import Settings

COMMAND = "python -m rag.evaluation.retrieval_table --squad dev-v2.0.json --fit"
SIGNALS = (*WEIGHTS, *READ)
_SENTENCES = (1, 4, 6, 8)
_RIDGE = 1e-5
_Order = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Searched:
    """One question with what each view found and the signals of the articles, in the order of the first look."""

    asked: Asked
    views: Mapping[str, Ranking]
    first: Sequence[Ranked]
    ids: Mapping[int, str]

    def names(self, keys: Iterable[int]) -> list[str]:
        """Article ids of the first of these keys; of each group of which one is enough, its name, once."""
        named = (self.asked.relevant.get(self.ids[key], self.ids[key]) for key in keys)
        return list(islice(dict.fromkeys(named), DEPTH))


@contextmanager
def indexed(collection: Collection) -> Iterator[Rag]:
    """The collection in an index of its own."""
    settings = Settings.load()
    with tempfile.TemporaryDirectory() as temporary:
        path = collection.folder or Path(temporary) / "articles.jsonl"
        if collection.folder is None:
            path.write_text("".join(json.dumps(a) + "\n" for a in collection.articles), "utf-8")
        index = Path(temporary) / "index"
        wiring.index_paths([str(path)], index, settings)
        with wiring.open_rag(index, settings) as rag:
            yield rag


def search(rag: Rag, asked: Sequence[Asked]) -> list[Searched]:
    """Every question through every view, and the words of the first articles."""
    retriever, found = rag.retriever, []
    for number, item in enumerate(asked, start=1):
        print(f"\r{number}/{len(asked)}", end="", file=sys.stderr, flush=True)
        views = retriever.rankings(item.text, ANY)
        first = sorted(retriever.rank(item.text, views), key=lambda r: -_at_first(r))
        found.append(Searched(item, views, first, retriever.ids([r.key for r in first])))
    print(file=sys.stderr)
    return found


def _at_first(item: Ranked) -> float:
    return sum(weight * item.signals[view] for view, weight in WEIGHTS.items())


def fit(searched: Sequence[Searched], signals: Sequence[str] = SIGNALS, read: int = 20) -> LinearModel:
    """Which of the articles read is the right one: the conditional logit model, fitted by Newton's method with a small
    ridge. Source: McFadden, Conditional logit analysis of qualitative choice behavior, 1973."""
    looks = [(item, item.first[:read]) for item in searched]
    right = [[item.ids[r.key] in item.asked.relevant for r in look] for item, look in looks]
    usable = [i for i, marks in enumerate(right) if any(marks) and not all(marks)]
    chosen = [np.array([[r.signals[s] for s in signals] for r in looks[i][1]]) for i in usable]
    marks = [np.array(right[i], dtype=float) for i in usable]
    weights = np.zeros(len(signals))
    for _ in range(30):
        gradient, curvature = _RIDGE * weights, _RIDGE * np.eye(len(signals))
        for x, y in zip(chosen, marks, strict=True):
            odds = np.exp(x @ weights - (x @ weights).max())
            p, q = odds / odds.sum(), odds * y / (odds @ y)
            gradient += (p - q) @ x / len(chosen)
            curvature += (x.T * p) @ x / len(chosen) - np.outer(p @ x, p @ x) / len(chosen)
        weights -= np.linalg.solve(curvature, gradient)
    fitted = {s: round(float(w), 3) for s, w in zip(signals, weights, strict=True)}
    return LinearModel(0.0, fitted, 0.5, COMMAND)


def orders(searched: Sequence[Searched], models: Mapping[str, LinearModel]) -> Iterator[tuple[str, _Order]]:
    """The rows of the table: a name, and the articles of each question, best first."""
    for view, name in (("lead", "dense, title and lead"), ("passage", "dense, passages"), ("lexical", "BM25")):
        yield name, {s.asked.id: s.names(key for key, _ in s.views[view]) for s in searched}
    for name, fuse in (("reciprocal rank of the three", reciprocal_rank), ("standard scores", standard_scores)):
        fused = {s.asked.id: fuse(s.views, WEIGHTS) for s in searched}
        yield name, {s.asked.id: s.names(_best(fused[s.asked.id])) for s in searched}
    for name, model in models.items():
        yield name, {s.asked.id: s.names(_best({r.key: model.logit(r.signals) for r in s.first})) for s in searched}


def _best(scores: Mapping[int, float]) -> list[int]:
    return sorted(scores, key=lambda key: (-scores[key], key))


def rows(searched: Sequence[Searched], models: Mapping[str, LinearModel]) -> Iterator[str]:
    """The table in Markdown."""
    relevant = {s.asked.id: set(s.asked.relevant.values()) for s in searched}
    yield "| | " + " | ".join(name.replace("_at_", "@").replace("_", " ") for name in RANKING) + " |"
    yield "|---|" + "---|" * len(RANKING)
    for name, order in orders(searched, models):
        scores = ranking_scores(relevant, order)
        means = [sum(own[metric] for own in scores.values()) / len(scores) for metric in RANKING]
        yield f"| {name} | " + " | ".join(f"{mean:.3f}".lstrip("0") for mean in means) + " |"


def coverage(rag: Rag, asked: Sequence[Asked]) -> Mapping[int, float]:
    """Share of the questions with words that answer among the best k evidence sentences of a relevant article."""
    held: dict[int, int] = dict.fromkeys(_SENTENCES, 0)
    for number, item in enumerate(asked, start=1):
        print(f"\r{number}/{len(asked)}", end="", file=sys.stderr, flush=True)
        ranked = rag.find(item.text, ANY).ranked
        for k in _SENTENCES:
            chosen = evidence.select(ranked, [0] * len(ranked), most=k, budget=1)
            held[k] += any(
                e.article.id in item.relevant and any(_shares(e.text, w) for w in item.words) for e in chosen
            )
    print(file=sys.stderr)
    return {k: count / len(asked) for k, count in held.items()}


def _shares(sentence: str, words: str) -> bool:
    a, b = plain(sentence), plain(words)
    return a in b or b in a


def report(collection: Collection, models: Mapping[str, LinearModel], most: int) -> None:
    """Print what one collection says: all its questions for the articles, `most` of them for the sentences."""
    with indexed(collection) as rag:
        asked = collection.part(tuning=False)
        print(f"\n**{collection.name}**: {len(asked)} questions over {rag.retriever.size()} articles\n", flush=True)
        print("\n".join(rows(search(rag, asked), models)), flush=True)
        some = [a for a in collection.part(tuning=False, most=most) if a.words]
        if some:
            found = ", ".join(f"{k}: {share:.3f}" for k, share in coverage(rag, some).items())
            print(f"\nThe answer is among the best k sentences ({len(some)} questions): {found}", flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.evaluation.retrieval_table", description=__doc__)
    parser.add_argument("--squad", type=Path, required=True, help="a SQuAD 2.0 file (not part of newsrag)")
    parser.add_argument("--clapnq", type=Path, help="the folder of CLAPNQ's dev files (not part of newsrag)")
    parser.add_argument("--own", type=Path, nargs=2, action="append", default=[], metavar=("ARTICLES", "QUESTIONS"))
    parser.add_argument("--sentences", type=int, default=300, help="questions of each set to measure sentences with")
    parser.add_argument("--fit", action="store_true", help="fit rag/fitted/ranking.json first")
    options = parser.parse_args()
    squad = labelled.squad(options.squad)
    with indexed(squad) as rag:
        tuned = search(rag, squad.part(tuning=True))
    if options.fit:
        _write(fit(tuned))
    models = {"**hybrid, the first 20 read**": wiring.load_linear("ranking")}
    models |= {f"without {s}": fit(tuned, [other for other in SIGNALS if other != s]) for s in SIGNALS}
    sets = [squad, labelled.joined(squad)]
    sets += [labelled.clapnq(options.clapnq)] if options.clapnq else []
    sets += [labelled.sample("dev"), labelled.sample("test")]
    sets += [labelled.own(*files) for files in options.own]
    for collection in sets:
        report(collection, models, options.sentences)


def _write(model: LinearModel) -> None:
    path = Path(wiring.__file__).parent / "fitted" / "ranking.json"
    fields = {"fitted_with": model.fitted_with, "threshold": model.threshold, "intercept": model.intercept}
    path.write_text(json.dumps({**fields, "weights": dict(model.weights)}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
