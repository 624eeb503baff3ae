"""What a search costs as the archive grows: the curve of docs/retrieval.md. Layer: faces.

`python -m rag.evaluation.retrieval_cost 1000 10000 100000` makes archives of that many passages, two to an article,
with words drawn from the sample corpus and random vectors, and prints CPU milliseconds per query, by part. What is
found is meaningless, what it costs is not: the lists are as long and the texts as many as with real ones. The
vocabulary is small, so that most words of a question are in most articles: for BM25 it is the worst case.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from rag import loading, resources, wiring
from rag.answering import ANY
from rag.chunking import split_passages
from rag.evaluation import questions as eval_set
from rag.indexing import build_facts
from rag.ports import Vectors, View
from rag.readers import read
from rag.retrieval import Retriever
from rag.settings import Settings
from rag.stories import put_apart
from rag.types import Article, Passage

_QUESTIONS = 40
_BATCH = 1000
_WORDS = 300  # of an article, in two passages


def archive(passages: int, dimension: int) -> Iterator[tuple[Article, list[Passage], Mapping[View, Vectors]]]:
    """Articles of sentences of the sample corpus in random order, with random vectors."""
    generator, numbers = random.Random(1), np.random.default_rng(1)
    found = read([str(resources.data("eval/corpus"))], max_characters=10**6)
    texts = [a.text for a in found if isinstance(a, Article)]
    sentences = [s.strip() for text in texts for s in text.replace("\n", " ").split(". ") if s.strip()]
    for number in range(passages // 2):
        body: list[str] = []
        while sum(len(s.split()) for s in body) < _WORDS:
            body.append(generator.choice(sentences))
        article = Article(str(number), f"Story {number}: {body[0][:60]}", ". ".join(body) + ".")
        parts = split_passages(article, lambda own: [len(t.split()) for t in own], _WORDS // 2 + 60)[:2]
        rows = numbers.standard_normal((1 + len(parts), dimension)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        yield article, parts, {"lead": rows[:1], "passage": rows[1:]}


def build(folder: Path, passages: int, settings: Settings) -> None:
    """The archive as an index."""
    embedder = loading.load_embedder(settings)
    with wiring.open_store(folder, create=True) as store:
        store.set_facts(build_facts(embedder, settings))
        batch = []
        for item in archive(passages, embedder.dimension):
            batch.append(item)
            if len(batch) == _BATCH:
                put_apart(store, batch)
                batch = []
        if batch:
            put_apart(store, batch)


def cost(step: Callable[[str], object], asked: Sequence[str]) -> float:
    """CPU milliseconds of one call."""
    start = time.process_time()
    for question in asked:
        step(question)
    return 1000 * (time.process_time() - start) / len(asked)


def parts(retriever: Retriever, embed: Callable[[str], object], asked: Sequence[str]) -> dict[str, float]:
    """CPU milliseconds per query of each part of a search, and of the whole with a question never seen."""
    warm, fresh = asked[:_QUESTIONS], asked[_QUESTIONS:]
    for question in warm:  # opens files, fills caches and embeds: what is measured below is the parts after that
        retriever.search(question, 10, ANY)
    costs = {
        "embedding the query": cost(embed, warm),
        "the three views": cost(lambda q: retriever.rankings(q, ANY), warm),
    }
    searched = cost(lambda q: retriever.search(q, 10, ANY), warm)
    costs["reading, copies, passages"] = searched - costs["the three views"]
    costs["a new question in all"] = cost(lambda q: retriever.search(q, 10, ANY), fresh)
    return costs


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.evaluation.retrieval_cost", description=__doc__)
    parser.add_argument("passages", type=int, nargs="+", help="sizes of the archives to make")
    options = parser.parse_args()
    settings = Settings.load()
    shipped = eval_set.load(resources.data("eval/questions.jsonl"))
    asked = [q.question for q in shipped.questions][: 2 * _QUESTIONS]
    for number, passages in enumerate(options.passages):
        with tempfile.TemporaryDirectory() as temporary:
            build(Path(temporary), passages, settings)
            with wiring.open_rag(Path(temporary), settings) as rag:
                measured = parts(rag.retriever, loading.load_embedder(settings).embed_query, asked)
        if not number:
            print("| passages | " + " | ".join(measured) + " |")
            print("|---|" + "---|" * len(measured))
        print(f"| {passages:,} | " + " | ".join(f"{value:.1f}" for value in measured.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
