"""How near the default encoder is to sentence-transformers in 32 bits: cosines of passages, and what a search finds.

    python -m tests.benchmarks.bench_embedders dev-v2.0.json ARTICLES...

`dev-v2.0.json` is a SQuAD file: its paragraphs are passages and every 15th of its questions a query. Further passages
come out of ARTICLES (files or folders). 2,000 of all, drawn.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rag import loading
from rag.chunking import split_passages
from rag.embedders.sentence_transformer import SentenceTransformerEmbedder
from rag.ports import Embedder, Vectors
from rag.readers import read
from rag.settings import Settings
from rag.types import Article

PASSAGES, EVERY, FIRST = 2000, 15, 10


def texts(squad: Path, articles: Sequence[str], count: Callable[[Sequence[str]], list[int]]) -> list[str]:
    """Passages as they are embedded, each under its title."""
    pages = json.loads(squad.read_text("utf-8"))["data"]
    found = [f"{page['title']}. {p['context']}" for page in pages for p in page["paragraphs"]]
    for article in read(list(articles), max_characters=10**6):
        if isinstance(article, Article):
            passages = split_passages(article, count, 200)
            found += [f"{article.title}. {p.text}" for p in passages]
    found = list(dict.fromkeys(found))
    return random.Random(1).sample(found, min(PASSAGES, len(found)))


def embedded(embedder: Embedder, passages: Sequence[str], queries: Sequence[str]) -> tuple[Vectors, Vectors, float]:
    """Vectors of the passages and of the queries, and the CPU seconds of the passages."""
    began = time.process_time()
    rows = np.concatenate([embedder.embed_documents(passages[at : at + 200]) for at in range(0, len(passages), 200)])
    seconds = time.process_time() - began
    return rows, np.concatenate([embedder.embed_query(query) for query in queries]), seconds


def main(squad: str, articles: Sequence[str]) -> None:
    """Print the worst cosines and how far the first ten agree."""
    default = loading.load_embedder(Settings())
    passages = texts(Path(squad), articles, default.count_tokens)
    pages = json.loads(Path(squad).read_text("utf-8"))["data"]
    queries = [q["question"] for page in pages for p in page["paragraphs"] for q in p["qas"]][::EVERY]
    a, asked_a, seconds_a = embedded(default, passages, queries)
    b, asked_b, seconds_b = embedded(SentenceTransformerEmbedder("bundled", 1), passages, queries)
    print(f"{len(passages)} passages: worst cosine {(a * b).sum(1).min():.6f}; CPU s {seconds_a:.1f}, {seconds_b:.1f}")
    print(f"{len(queries)} queries: worst cosine {(asked_a * asked_b).sum(1).min():.6f}")
    tops = [
        np.argsort(-(asked @ rows.T), kind="stable", axis=1)[:, :FIRST] for asked, rows in ((asked_a, a), (asked_b, b))
    ]
    shared = [len(set(x) & set(y)) / FIRST for x, y in zip(*(top.tolist() for top in tops), strict=True)]
    same = np.mean([share == 1 for share in shared])
    first = np.mean(tops[0][:, 0] == tops[1][:, 0])
    print(f"first {FIRST} the same for {same:.4f} of the queries")
    print(f"of all first {FIRST} the same: {np.mean(shared):.4f}; of the very first: {first:.4f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
