"""The kinds of vector index beside each other: the table of docs/archive.md. Layer: faces.

`python -m rag.bench.vectors 1000000` makes that many vectors of 384 dimensions and prints for each kind of index: CPU
seconds to build, size of the file and memory of a process that has it open (MB), recall against exact search of the
first 10 and 200, of the first 10 when the 200 found are compared again by their exact vectors, and CPU milliseconds of
one search. The vectors spread as the sentences of the sample corpus do (the same covariance), in stories of 20 around
centres of their own; queries lie beside some of them. All is drawn from one seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag import loading, resources
from rag.bench.measures import child
from rag.chunking import split_sentences, titled
from rag.ports import Ids, Vectors
from rag.readers import read
from rag.settings import Settings
from rag.stores import vector_kinds
from rag.stores.vector_kinds import overlap
from rag.types import Article

_STORY, _SPREAD = 20, 0.6  # vectors of a story, and how far they lie from its centre, beside the spread of the centres
_QUERIES, _DEEP, _BLOCK = 400, 200, 50_000
# Opens an index file and searches: kept small, so that its memory is that of the index.
_SEARCHER = """
import json, resource, sys, time
import faiss, numpy as np
faiss.omp_set_num_threads(1)
file, queries, k, effort, out = sys.argv[1], np.load(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
index = faiss.read_index(file)
if effort:
    name = "efSearch" if "HNSW" in type(index).__name__ else "nprobe"
    faiss.ParameterSpace().set_index_parameter(index, name, effort)
index.search(queries[:1], k)
times, found = [], []
for query in queries:
    start = time.thread_time()
    found.append(index.search(query[None], k)[1][0])
    times.append(1000 * (time.thread_time() - start))
np.save(out, np.stack(found))
used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps([*np.percentile(times, (50, 99)), used]))
"""


def like_sentences(count: int, settings: Settings) -> tuple[Vectors, Vectors]:
    """(count, dimension) unit vectors in random order, and queries."""
    random = np.random.default_rng(1)
    found = read([str(resources.data("eval/corpus"))], max_characters=10**6)
    articles = [a for a in found if isinstance(a, Article)]
    texts = [titled(a, a.text[s.start : s.end]) for a in articles for s in split_sentences(a.text)]
    real = loading.load_embedder(settings).embed_documents(texts)
    values, axes = np.linalg.eigh(np.cov(real, rowvar=False))
    shape = (axes * np.sqrt(np.maximum(values, 0))).T.astype(np.float32)  # of noise: unit in, the sentences' spread out
    dimension = real.shape[1]

    def drawn(size: int) -> Vectors:
        return np.asarray(random.standard_normal((size, dimension), dtype=np.float32) @ shape)

    centres = real.mean(axis=0) + drawn(-(-count // _STORY))
    vectors = np.empty((count, dimension), dtype=np.float32)
    owners = random.permutation(count) % len(centres)
    for at in range(0, count, _BLOCK):
        own = owners[at : at + _BLOCK]
        vectors[at : at + _BLOCK] = _unit(centres[own] + _SPREAD * drawn(len(own)))
    queries = _unit(vectors[random.choice(count, _QUERIES)] + _SPREAD * drawn(_QUERIES))
    return vectors, queries


def _unit(rows: Vectors) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def measured(vectors: Vectors, queries: Vectors, folder: Path) -> Iterator[dict[str, Any]]:
    """One row for each kind and effort."""
    np.save(folder / "queries.npy", queries)
    _, truth = vector_kinds.exact(queries, vectors, _DEEP)
    random = np.random.default_rng(2)
    sample = vectors[np.sort(random.choice(len(vectors), vector_kinds.sample_size(len(vectors)), replace=False))]
    for kind in vector_kinds.KINDS:
        start = time.process_time()
        index = vector_kinds.make(kind, sample, len(vectors))
        for at in range(0, len(vectors), _BLOCK):
            index.add(vectors[at : at + _BLOCK])
        built = time.process_time() - start
        file = folder / "index.faiss"
        vector_kinds.write(index, file)
        del index
        for effort in _efforts(kind, len(vectors)):
            out = folder / "found.npy"
            arguments = (str(file), str(folder / "queries.npy"), str(_DEEP), str(effort), str(out))
            median, slow, memory = json.loads(child("-c", _SEARCHER, *arguments).output)
            found = np.load(out)
            yield {
                "kind": kind, "effort": effort, "build": built, "size": file.stat().st_size / 1e6, "memory": memory,
                "recall@10": overlap(found[:, :10], truth[:, :10]), "recall@200": overlap(found, truth),
                "rescored@10": overlap(_rescored(found, vectors, queries), truth[:, :10]),
                "p50": median, "p99": slow,
            }  # fmt: skip


def _efforts(kind: vector_kinds.Kind, count: int) -> Sequence[int]:
    """Candidates of HNSW; lists of IVF, with those that an archive's searches look at; a scan has no choice."""
    if kind.startswith("ivf"):
        return sorted({16, 64, vector_kinds.lists(count) // 8})
    return (64, 256) if kind == "hnsw" else (0,)


def _rescored(found: Ids, vectors: Vectors, queries: Vectors) -> Ids:
    """The ten best of what was found by their exact inner products."""
    rows = []
    for own, query in zip(found, queries, strict=True):
        known = own[own >= 0]
        rows.append(known[np.argsort(-(vectors[known] @ query))[:10]])
    return np.stack(rows)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.bench.vectors", description=__doc__)
    parser.add_argument("vectors", type=int, nargs="?", default=1_000_000, help="how many (default: a million)")
    options = parser.parse_args()
    vectors, queries = like_sentences(options.vectors, Settings.load())
    started = False
    with tempfile.TemporaryDirectory(prefix="newsrag-bench-") as folder:
        for row in measured(vectors, queries, Path(folder)):
            if not started:
                print("| " + " | ".join(row) + " |\n|---|" + "---|" * (len(row) - 1))
                started = True
            shown = (f"{v:.3f}" if "@" in n else f"{v:.1f}" if isinstance(v, float) else str(v) for n, v in row.items())
            print("| " + " | ".join(shown) + " |", flush=True)
    print(f"{len(vectors)} vectors, {_QUERIES} queries, one thread", file=sys.stderr)


if __name__ == "__main__":
    main()
