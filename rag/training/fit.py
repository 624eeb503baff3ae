"""Fit how much the reader counts beside the search: `python -m rag.training.fit --adapter FILE ...`. Layer: faces.

Fits rag/fitted/reading.json (which sentence answers) and answerable_read.json (whether any does) on questions that the
adapter was not trained on, and reports on the test folds, each question through the product's own retrieval.
"""

from __future__ import annotations

import argparse
import json
import pickle
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag import answerability, loading, reading, resources, wiring
from rag.answering import ANY, Rag
from rag.evaluation import extraction
from rag.evaluation import questions as eval_set
from rag.evaluation.fitting import fitted_to, shares, write
from rag.evidence import Query
from rag.linear import LinearModel
from rag.ports import Reader
from rag.settings import Settings
from rag.training import records
from rag.training.build import WEBNEWS, WIKINEWS
from rag.types import Evidence, Reading

COMMAND = "python -m rag.training.fit --adapter FILE --squad FILE --wikinews FILE --web DIR --cache DIR"
Article = dict[str, Any]
READING = ("search", "read")
ANSWERABLE = ("found", "none", "words", "read", "best", "margin")
ANSWERED = 0.9
"""Share of the answerable questions, of those fitted on, that the refusal threshold lets through."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question and its fold. `article`: the one that may answer, None where any may; no words: nothing answers."""

    set: str
    fold: str
    text: str
    article: str | None
    words: tuple[str, ...]
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was asked: `listed` are in reading order, `bears[i]` says whether the i-th answers."""

    wanted: Wanted
    query: Query
    ranked: tuple[Evidence, ...]
    listed: tuple[Evidence, ...]
    bears: tuple[bool, ...]
    read: Reading


def ask(rag: Rag, reader: Reader, wanted: Sequence[Wanted]) -> Iterator[Asked]:
    """Each question through retrieval and reading."""
    for number, item in enumerate(wanted, start=1):
        print(f"\r{item.set} {number}/{len(wanted)}", end="", file=sys.stderr, flush=True)
        found = rag.find(item.text, ANY)
        if not found.chosen:
            continue
        done = reading.read(item.text, found.chosen, reader)
        if done is None:
            continue
        listed, read = done
        bears = tuple(
            item.article in (None, e.article.id) and any(shares(e.text, words) for words in item.words) for e in listed
        )
        yield Asked(item, found.query, found.ranked, tuple(listed), bears, read)
    print(file=sys.stderr)


def fit_reading(asked: Sequence[Asked]) -> LinearModel:
    """Which sentence: each set weighs the same, and each question of a set."""
    usable = [a for a in asked if any(a.bears)]
    share = {s: sum(a.wanted.set == s for a in usable) for s in {a.wanted.set for a in usable}}
    rows, labels, weights = [], [], []
    for a in usable:
        for e, chance, bears in zip(a.listed, a.read.sentences, a.bears, strict=True):
            rows.append({**e.signals, "search": e.score, "read": max(chance, -8.0)})
            labels.append(bears)
            weights.append(1000.0 / share[a.wanted.set] / len(a.listed))
    return LinearModel(**fitted_to(rows, labels, weights, READING), threshold=0.5, fitted_with=COMMAND)


def features(a: Asked, model: LinearModel) -> dict[str, float]:
    """Of the refusal model."""
    found = wiring.load_linear("answerable").probability(answerability.features(a.query, a.ranked))
    return answerability.read_features(found, reading.reread(a.listed, a.read, model), a.read)


def fit_answerable(asked: Sequence[Asked], model: LinearModel) -> LinearModel:
    """Whether to answer: each set weighs the same, its answerable twice as much as the near misses and the foreign."""
    rows, labels, weights, sets = [], [], [], list[str]()
    alike: dict[tuple[str, bool, bool], list[Asked]] = {}
    for a in asked:
        alike.setdefault((a.wanted.set, a.wanted.foreign, bool(a.wanted.words)), []).append(a)
    for (_, _, answerable), own in alike.items():
        rows += [features(a, model) for a in own]
        labels += [answerable] * len(own)
        sets += [a.wanted.set for a in own]
        weights += [(2.0 if answerable else 1.0) * 100.0 / len(own)] * len(own)
    fitted = LinearModel(**fitted_to(rows, labels, weights, ANSWERABLE), threshold=0.5, fitted_with=COMMAND)
    answered = [(fitted.probability(row), s) for row, s, label in zip(rows, sets, labels, strict=True) if label]
    return replace(fitted, threshold=round(_threshold(answered), 3))


def _threshold(answerable: Sequence[tuple[float, str]]) -> float:
    """The highest that lets `ANSWERED` of the answerable through, where each set weighs the same. `answerable`: of each
    its probability and its set."""
    share = Counter(name for _, name in answerable)
    refused = 0.0
    for probability, name in sorted(answerable):
        refused += 1.0 / share[name] / len(share)
        if refused > 1 - ANSWERED:
            return probability
    raise AssertionError("the last one is over")


def report(name: str, asked: Sequence[Asked], model: LinearModel, answerable: LinearModel) -> None:
    """Gold in the best sentence by search, by reader, by both; answer words; refusal."""
    from sklearn.metrics import roc_auc_score

    yes = [a for a in asked if a.wanted.words]
    n = len(yes)

    def best(score: Sequence[Sequence[float]], k: int = 1) -> float:
        hits = 0
        for a, s in zip(yes, score, strict=True):
            order = sorted(range(len(s)), key=lambda i: -s[i])[:k]
            hits += any(a.bears[i] for i in order)
        return hits / n

    search = [[e.score for e in a.listed] for a in yes]
    reader = [list(a.read.sentences) for a in yes]
    both = [
        [
            model.logit({"search": e.score, "read": max(r, -8.0)})
            for e, r in zip(a.listed, a.read.sentences, strict=True)
        ]
        for a in yes
    ]
    words = sum(any(reading_matches(a.read.words, w) for w in a.wanted.words) for a in yes) / n
    print(f"{name}: {n} answerable; among the read {sum(any(a.bears) for a in yes) / n:.3f}")
    print(f"  best sentence: search {best(search):.3f}  reader {best(reader):.3f}  both {best(both):.3f}; "
          f"best two: {best(search, 2):.3f} {best(reader, 2):.3f} {best(both, 2):.3f}; words {words:.3f}")  # fmt: skip
    chance = {id(a): answerable.probability(features(a, model)) for a in asked}
    p = [chance[id(a)] for a in yes]
    print(f"  answered {sum(x >= answerable.threshold for x in p) / n:.3f}")
    for label, foreign in (("near", False), ("foreign", True)):
        no = [a for a in asked if not a.wanted.words and a.wanted.foreign == foreign]
        if no:
            q = [chance[id(a)] for a in no]
            aucs = {
                k: roc_auc_score([1] * n + [0] * len(no), [features(a, model)[k] for a in [*yes, *no]])
                for k in ANSWERABLE
            }
            auc = roc_auc_score([1] * n + [0] * len(no), p + q)
            singles = " ".join(f"{k} {v:.2f}" for k, v in aucs.items())
            print(
                f"  {label}: {len(no)}, "
                f"refused {sum(x < answerable.threshold for x in q) / len(no):.3f}, AUC {auc:.3f} ({singles})"
            )


def reading_matches(words: str, gold: str) -> bool:
    """Whether the answer's words hold the gold answer or are held by it."""
    return bool(words) and shares(words, gold)


def squad(file: Path, answerable: int, unanswerable: int) -> tuple[list[Article], list[Wanted]]:
    """All paragraphs, and a sample of the questions of the pages that the adapter was not trained on."""
    articles, asked = [], list[Wanted]()
    for page in json.loads(file.read_text("utf-8"))["data"]:
        name, title = page["title"], page["title"].replace("_", " ")
        fold = "test" if name in records.TEST_ARTICLES else "dev" if name in records.DEV_ARTICLES else "train"
        for i, paragraph in enumerate(page["paragraphs"]):
            article = f"{name}/{i}"
            articles.append({"id": article, "title": title, "text": paragraph["context"]})
            for question in paragraph["qas"]:
                words = tuple(sorted({a["text"] for a in question["answers"]}))
                asked.append(Wanted("squad", fold, question["question"], article, words))
    return articles, drawn(asked, answerable, unanswerable)


def drawn(asked: Sequence[Wanted], answerable: int, unanswerable: int) -> list[Wanted]:
    """At most so many of each fold but the one that trained."""
    rng, pools = random.Random(7), dict[tuple[str, bool], list[Wanted]]()
    for wanted in asked:
        pools.setdefault((wanted.fold, bool(wanted.words)), []).append(wanted)
    return [
        wanted
        for (fold, has), pool in pools.items()
        if fold != "train"
        for wanted in rng.sample(pool, min(len(pool), answerable if has else unanswerable))
    ]


def sample() -> list[Wanted]:
    """The hand-written questions over the sample corpus that the adapter was not trained on."""
    chosen = eval_set.load(resources.data("eval/questions.jsonl")).questions
    stories = sorted({q.story for q in chosen if q.split == "dev"})
    return [
        Wanted("sample", q.split, q.question, None, tuple(s.quote for s in q.support))
        for q in chosen
        if not q.history and (q.split == "test" or stories.index(q.story) % 2 == 1)
    ]


def news(articles: Path) -> tuple[list[Article], list[Wanted]]:
    """Our questions over Wikinews stories that the adapter was not trained on."""
    found = [{**story, "id": story["url"]} for story in map(json.loads, articles.open(encoding="utf-8"))]
    texts = {story["url"]: story["text"] for story in found}
    return found, [
        Wanted(
            "news",
            "dev",
            row["question"],
            row["url"],
            (texts[row["url"]][slice(*row["quote"])],) if row["quote"] else (),
        )
        for row in map(json.loads, WIKINEWS.open(encoding="utf-8"))
        if row["fold"] == "dev"
    ]


def web(folder: Path, answerable: int, unanswerable: int) -> list[Wanted]:
    """A sample of our questions over news pages of 2019 that the adapter was not trained on."""
    texts = extraction.true_texts(folder)
    asked = [
        Wanted(
            "web",
            row["fold"],
            row["question"],
            None,
            (texts[row["page"]][slice(*row["sentence"])],) if row["answer"] else (),
        )
        for row in map(json.loads, WEBNEWS.open(encoding="utf-8"))
    ]
    return drawn(asked, answerable, unanswerable)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.training.fit", description=__doc__)
    parser.add_argument("--adapter", type=str, required=True, help="the GGUF adapter to ask with")
    parser.add_argument("--squad", type=Path, required=True, help="a SQuAD 2.0 file (not part of newsrag)")
    parser.add_argument("--wikinews", type=Path, required=True, help="the Wikinews stories as JSON Lines (nor this)")
    parser.add_argument("--web", type=Path, required=True, help="folder of the extraction benchmark (nor this)")
    parser.add_argument("--answerable", type=int, default=144, help="most questions of a fold of SQuAD and the pages")
    parser.add_argument("--unanswerable", type=int, default=100, help="the same of their unanswerable ones")
    parser.add_argument("--only", help="ask the questions of this set alone and keep what came back, without a fit")
    parser.add_argument("--cache", type=Path, required=True, help="folder for indexes and what came back")
    options = parser.parse_args()
    settings = Settings.load().model_copy(update={"adapter": options.adapter})
    options.cache.mkdir(parents=True, exist_ok=True)
    paragraphs, wanted = squad(options.squad, options.answerable, options.unanswerable)
    stories, questions = news(options.wikinews)
    own = sample()
    strangers = [replace(w, words=(), article=None, foreign=True) for w in own if w.fold == "dev"][::3]
    sets: dict[str, tuple[list[Article] | Path, list[Wanted]]] = {
        "squad": (paragraphs, [*wanted, *(replace(w, set="squad") for w in strangers)]),
        "news": (stories, questions),
        "sample": (resources.data("eval/corpus"), own),
        "web": (options.web / "html", web(options.web, options.answerable, options.unanswerable)),
    }
    asked: list[Asked] = []
    for name, (articles, questions) in sets.items():
        if options.only in (None, name):
            asked += remembered(name, articles, questions, options.cache, settings)
    if options.only is None:
        conclude(asked)


def remembered(
    name: str, articles: list[Article] | Path, wanted: list[Wanted], cache: Path, settings: Settings
) -> list[Asked]:
    """What came back for the questions of a set, over these articles or what lies in a folder: asked once, kept beside
    the set's index."""
    kept, folder = cache / f"{name}.pickle", cache / f"{name}.index"
    if kept.exists():
        return list(pickle.loads(kept.read_bytes()))
    if not folder.exists():
        if isinstance(articles, list):
            lines = cache / f"{name}.jsonl"
            lines.write_text("".join(json.dumps(a) + "\n" for a in articles), "utf-8")
            articles = lines
        wiring.index_paths([str(articles)], folder, settings)
    with wiring.open_rag(folder, settings) as rag:
        asked = list(ask(rag, loading.load_reader(settings), wanted))
    kept.write_bytes(pickle.dumps(asked))
    return asked


def conclude(asked: Sequence[Asked]) -> None:
    """Fit on the dev folds, report on the test folds, write both models."""
    dev = [a for a in asked if a.wanted.fold == "dev"]
    model = fit_reading(dev)
    answerable = fit_answerable(dev, model)
    for name in sorted({a.wanted.set for a in asked}):
        for fold in ("dev", "test"):
            chosen = [a for a in asked if (a.wanted.set, a.wanted.fold) == (name, fold)]
            if chosen:
                report(f"{name}, {fold}", chosen, model, answerable)
    write("reading", model)
    write("answerable_read", answerable)


if __name__ == "__main__":
    main()
