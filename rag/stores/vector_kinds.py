"""The kinds of FAISS index, and which one an archive of a size gets. Layer: adapters.

docs/archive.md has the table that the choice follows from; `python -m rag.bench.vectors` prints it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, get_args

import faiss
import numpy as np

from rag.ports import Ids, Vectors

Kind = Literal["flat", "sq8", "ivf-flat", "ivf-sq8", "ivf-pq", "hnsw"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_LINKS, _CONSTRUCTION = 16, 80  # HNSW: neighbours of a vector, and candidates looked at while one is added
_PER_LIST = 40  # vectors of the training sample for each list; FAISS warns below 39
_PQ_BYTES = 48
# From so many vectors on an 8-bit scan, then lists of 8-bit codes: docs/archive.md has the table.
CODES_FROM, LISTS_FROM = 20_000, 2_000_000
_BLOCK, _QUERIES, _DEPTHS = 50_000, 100, (10, 200)


def choice(count: int) -> Kind:
    """The kind for an archive of this many vectors."""
    return "flat" if count < CODES_FROM else "sq8" if count < LISTS_FROM else "ivf-sq8"


def coded(vectors: Vectors) -> tuple[Any, int, dict[str, Any]]:
    """The index of codes of the kind that fits these many vectors, None where there is none to make, with the effort of
    its searches; and its `kind` and its `recall` by depth, against exact search from a hundred of the vectors."""
    kind = choice(len(vectors))
    if kind == "flat":
        return None, 0, {"kind": kind, "recall": {str(depth): 1.0 for depth in _DEPTHS}}
    random = np.random.default_rng(len(vectors))
    sample = np.sort(random.choice(len(vectors), sample_size(len(vectors)), replace=False))
    index, effort = make(kind, vectors[sample], len(vectors)), lists(len(vectors)) // 8
    for at in range(0, len(vectors), _BLOCK):
        index.add(np.ascontiguousarray(vectors[at : at + _BLOCK]))
    set_effort(index, effort)
    queries = vectors[np.sort(random.choice(len(vectors), _QUERIES, replace=False))]
    found, (_, truth) = index.search(queries, max(_DEPTHS))[1], exact(queries, vectors, max(_DEPTHS))
    recall = {str(k): round(overlap(found[:, :k], truth[:, :k]), 4) for k in _DEPTHS}
    return index, effort, {"kind": kind, "recall": recall}


def overlap(found: Ids, truth: Ids) -> float:
    """Share of the true positions, (n, k), that were found."""
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, truth, strict=True)]))


def make(kind: Kind, sample: Vectors, count: int) -> Any:
    """An empty index of this kind for about `count` vectors like those of the `sample` (n, dimension)."""
    dimension = int(sample.shape[1])
    metric = faiss.METRIC_INNER_PRODUCT
    eight_bits = faiss.ScalarQuantizer.QT_8bit
    coarse: Any = faiss.IndexFlatIP(dimension)
    made: dict[Kind, Any] = {
        "flat": lambda: faiss.IndexFlatIP(dimension),
        "sq8": lambda: faiss.IndexScalarQuantizer(dimension, eight_bits, metric),
        "hnsw": lambda: faiss.IndexHNSWFlat(dimension, _LINKS, metric),
        "ivf-flat": lambda: faiss.IndexIVFFlat(coarse, dimension, lists(count), metric),
        "ivf-sq8": lambda: faiss.IndexIVFScalarQuantizer(coarse, dimension, lists(count), eight_bits, metric),
        "ivf-pq": lambda: faiss.IndexIVFPQ(coarse, dimension, lists(count), _PQ_BYTES, 8, metric),
    }
    index = made[kind]()
    if kind == "hnsw":
        index.hnsw.efConstruction = _CONSTRUCTION
    if kind.startswith("ivf"):
        index.cp.spherical = True  # unit vectors: so are the middles of their lists
        index.cp.niter = 6
        index.own_fields, _ = True, coarse.this.disown()
    index.train(np.ascontiguousarray(sample, dtype=np.float32))
    return index


def lists(count: int) -> int:
    """How many lists an IVF index of `count` vectors has: a power of two near twice their square root."""
    return int(2 ** max(4, round(math.log2(2 * math.sqrt(max(1, count))))))


def sample_size(count: int) -> int:
    """How many of `count` vectors train an index."""
    return min(count, _PER_LIST * lists(count))


def set_effort(index: Any, effort: int) -> None:
    """How much a search looks at: lists of an IVF index, candidates of HNSW; a scan has no choice."""
    if hasattr(index, "nprobe"):
        index.nprobe = effort
    elif hasattr(index, "hnsw"):
        index.hnsw.efSearch = effort


def exact(queries: Vectors, vectors: Vectors, k: int) -> tuple[Vectors, Ids]:
    """(n, k) inner products and positions of the k best vectors of each query, by comparing with every vector, without
    copying them: they may be a file."""
    return faiss.knn(np.ascontiguousarray(queries), vectors, k, metric=faiss.METRIC_INNER_PRODUCT)


def write(index: Any, path: Path) -> None:
    """To a file that `faiss.read_index` reads."""
    faiss.write_index(index, str(path))


def read(path: Path) -> Any:
    """An index from its file; raises RuntimeError where it is none."""
    return faiss.read_index(str(path))
