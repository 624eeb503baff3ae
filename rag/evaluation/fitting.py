"""Fit the two small models in rag/fitted and print what they reach on data they were not fitted on. Layer: faces.

`python -m rag.evaluation.fitting --squad dev-v2.0.json` fits on every second article of a SQuAD 2.0 file and on every
second story of the eval set's dev split, reports on the others, and writes rag/fitted/evidence.json and
answerable.json. `--table` prints the comparison of fusions of docs/decisions/0001 instead. Needs the dev extra.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rag import answerability, resources, wiring
from rag.answering import ANY, Rag
from rag.evaluation import questions as eval_set
from rag.evidence import Query
from rag.linear import LinearModel
from rag.matching import plain
from rag.settings import Settings
from rag.types import Evidence

COMMAND = "python -m rag.evaluation.fitting --squad dev-v2.0.json"
EVIDENCE = ("cosine", "terms", "terms_in_context", "names_in_context", "kind", "article", "passage_cosine")
ANSWERABLE = ("cosine", "terms_in_story", "names_in_story")
ANSWERED = 0.95
"""Share of the answerable questions, of those fitted on, that the refusal threshold lets through."""
Row = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question with its shortlisted sentences: `bears[i]` says whether sentence i answers it."""

    fold: bool  # whether it may be fitted on
    answerable: bool
    foreign: bool  # asked over a corpus that it has nothing to do with
    query: Query
    ranked: tuple[Evidence, ...]
    bears: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question before it was asked. `article` is None where any may hold the words."""

    text: str
    fold: bool
    article: str | None
    words: tuple[str, ...]
    foreign: bool = False

    def elsewhere(self) -> Wanted:
        """The same question, to be asked over another corpus: nothing there answers it."""
        return replace(self, words=(), foreign=True)


def squad(file: Path, most: int) -> tuple[list[dict[str, str]], list[Wanted]]:
    """Articles (one a paragraph) and a random sample of the questions of a SQuAD 2.0 file."""
    articles, wanted = [], []
    data = json.loads(file.read_text("utf-8"))["data"]
    for number, document in enumerate(sorted(data, key=lambda d: str(d["title"]))):
        title = document["title"].replace("_", " ")
        for i, paragraph in enumerate(document["paragraphs"]):
            article_id = f"{document['title']}/{i}"
            articles.append({"id": article_id, "title": title, "text": paragraph["context"]})
            for question in paragraph["qas"]:
                words = tuple(sorted({a["text"] for a in question["answers"]}))
                wanted.append(Wanted(question["question"], number % 2 == 0, article_id, words))
    random.Random(5).shuffle(wanted)
    return articles, wanted[:most]


def sample(split: str) -> list[Wanted]:
    """The hand-written questions; every second story is for fitting."""
    chosen = eval_set.load(resources.data("eval/questions.jsonl")).of_split(split)
    stories = sorted({q.story for q in chosen})
    return [
        Wanted(q.question, split == "dev" and stories.index(q.story) % 2 == 0, None, tuple(s.quote for s in q.support))
        for q in chosen
    ]


def label(rag: Rag, wanted: Sequence[Wanted]) -> Iterator[Labelled]:
    """Ask each question and mark the sentences that hold the answer's words, or lie inside them."""
    for number, item in enumerate(wanted, start=1):
        print(f"\r{number}/{len(wanted)}", end="", file=sys.stderr, flush=True)
        found = rag.find(item.text, ANY)
        query, ranked = found.query, found.ranked
        bears = tuple(
            item.article in (None, e.article.id) and any(shares(e.text, words) for words in item.words) for e in ranked
        )
        yield Labelled(item.fold, bool(item.words), item.foreign, query, tuple(ranked), bears)
    print(file=sys.stderr)


def shares(sentence: str, words: str) -> bool:
    """Whether the sentence holds these words or lies inside them."""
    a, b = plain(sentence), plain(words)
    return a in b or b in a


def fitted_to(
    rows: Sequence[Row], labels: Sequence[bool], weights: Sequence[float], names: Sequence[str]
) -> dict[str, Any]:
    """Logistic regression: the fields of a LinearModel, but for its threshold."""
    from sklearn.linear_model import LogisticRegression

    matrix = np.array([[row[name] for name in names] for row in rows])
    model = LogisticRegression(C=10.0, max_iter=2000).fit(matrix, np.array(labels), sample_weight=np.array(weights))
    coefficients = {n: round(float(c), 3) for n, c in zip(names, model.coef_[0], strict=True)}
    return {"intercept": round(float(model.intercept_[0]), 3), "weights": coefficients}


def fit_evidence(sets: Sequence[Sequence[Labelled]]) -> LinearModel:
    """Which sentence answers: each set of questions weighs the same, and each question of a set."""
    rows: list[Row] = []
    labels: list[bool] = []
    weights: list[float] = []
    for labelled in sets:
        usable = [item for item in labelled if item.fold and any(item.bears)]
        for item in usable:
            rows += [e.signals for e in item.ranked]
            labels += item.bears
            weights += [1000.0 / len(usable) / len(item.ranked)] * len(item.ranked)
    return LinearModel(**fitted_to(rows, labels, weights, EVIDENCE), threshold=0.5, fitted_with=COMMAND)


def reranked(item: Labelled, model: LinearModel) -> list[tuple[Evidence, bool]]:
    """The sentences of a question in the order of this model, with its scores."""
    scored = [(replace(e, score=model.logit(e.signals)), b) for e, b in zip(item.ranked, item.bears, strict=True)]
    return sorted(scored, key=lambda pair: -pair[0].score)


def fit_answerable(sets: Sequence[Sequence[Labelled]], evidence: LinearModel) -> LinearModel:
    """Whether the evidence answers: each set weighs the same, and its answerable half as much as the other."""
    rows, labels, weights = [], [], []
    for labelled in sets:
        usable = [item for item in labelled if item.fold and item.ranked]
        share = sum(item.answerable for item in usable) / len(usable)
        for item in usable:
            rows.append(answerability.features(item.query, [e for e, _ in reranked(item, evidence)]))
            labels.append(item.answerable)
            weights.append(1000.0 / len(usable) / (share if item.answerable else 1 - share))
    fitted = LinearModel(**fitted_to(rows, labels, weights, ANSWERABLE), threshold=0.5, fitted_with=COMMAND)
    answered = sorted(fitted.probability(row) for row, label in zip(rows, labels, strict=True) if label)
    return replace(fitted, threshold=round(answered[int((1 - ANSWERED) * len(answered))], 3))


def report(name: str, labelled: Sequence[Labelled], evidence: LinearModel, answerable: LinearModel) -> None:
    """Coverage of the answer by the best k sentences, and what refusal does; on questions not fitted on."""
    from sklearn.metrics import roc_auc_score

    held = [item for item in labelled if not item.fold and item.ranked]
    ranked = [reranked(item, evidence) for item in held]
    asked = [pairs for item, pairs in zip(held, ranked, strict=True) if item.answerable]
    print(f"{name}: {len(held)} questions held out, {len(asked)} answerable")
    cover = {k: sum(any(b for _, b in pairs[:k]) for pairs in asked) / len(asked) for k in (1, 2, 4, 6, 8)}
    print("  answer within the best k sentences: " + ", ".join(f"{k}: {v:.3f}" for k, v in cover.items()))
    chances = [
        answerable.probability(answerability.features(item.query, [e for e, _ in pairs]))
        for item, pairs in zip(held, ranked, strict=True)
    ]
    yes = [p for p, item in zip(chances, held, strict=True) if item.answerable]
    print(f"  answerable: {sum(p >= answerable.threshold for p in yes) / len(yes):.3f} answered")
    for label, foreign in (("nearly answerable", False), ("of another corpus", True)):
        no = [p for p, i in zip(chances, held, strict=True) if not i.answerable and i.foreign == foreign]
        auc = roc_auc_score([1] * len(yes) + [0] * len(no), yes + no)
        print(f"  {label}: {len(no)}, {sum(p < answerable.threshold for p in no) / len(no):.3f} refused, AUC {auc:.3f}")


def write(name: str, model: LinearModel) -> None:
    """Write a model into rag/fitted."""
    path = Path(wiring.__file__).parent / "fitted" / f"{name}.json"
    fields = {"fitted_with": model.fitted_with, "threshold": model.threshold, "intercept": model.intercept}
    path.write_text(json.dumps({**fields, "weights": dict(model.weights)}, indent=2) + "\n", "utf-8")


def fusion_table(articles: Path, folder: Path, wanted: Sequence[Wanted]) -> None:
    """hit@1, 5 and 10 of both fusions over the answerable questions."""
    for fusion in ("ranks", "scores"):
        settings = Settings.load().model_copy(update={"fusion": fusion})
        wiring.index_paths([str(articles)], folder, settings)
        with wiring.open_rag(folder, settings) as rag:
            found = [[h.article.id for h in rag.search(w.text, 10)] for w in wanted]
        for k in (1, 5, 10):
            hits = sum(w.article in ids[:k] for w, ids in zip(wanted, found, strict=True))
            print(f"{fusion}: hit@{k} {hits / len(wanted):.3f}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.evaluation.fitting", description=__doc__)
    parser.add_argument("--squad", type=Path, required=True, help="a SQuAD 2.0 file (not part of newsrag)")
    parser.add_argument("--questions", type=int, default=400, help="how many of its questions to use")
    parser.add_argument("--table", action="store_true", help="print the comparison of fusions instead")
    options = parser.parse_args()
    settings = Settings.load()
    articles, wanted = squad(options.squad, options.questions)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        lines = folder / "squad.jsonl"
        lines.write_text("".join(json.dumps(a) + "\n" for a in articles), "utf-8")
        if options.table:
            fusion_table(lines, folder / "squad", [w for w in wanted if w.words][:300])
            return
        wiring.index_paths([str(lines)], folder / "squad", settings)
        wiring.index_paths([str(resources.data("eval/corpus"))], folder / "sample", settings)
        dev, test = sample("dev"), sample("test")
        few = [w.elsewhere() for w in wanted[:: max(1, len(wanted) // 200)]]
        with wiring.open_rag(folder / "squad", settings) as rag:
            outside = list(label(rag, [*wanted, *(w.elsewhere() for w in dev)]))
        with wiring.open_rag(folder / "sample", settings) as rag:
            own, held = list(label(rag, [*dev, *few])), list(label(rag, [*test, *few]))
    evidence = fit_evidence([outside, own])
    answerable = fit_answerable([outside, own], evidence)
    report("SQuAD", outside, evidence, answerable)
    report("sample, dev", own, evidence, answerable)
    report("sample, test", held, evidence, answerable)
    write("evidence", evidence)
    write("answerable", answerable)


if __name__ == "__main__":
    main()
