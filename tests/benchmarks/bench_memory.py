"""Peak memory of indexing as an archive grows: it should not grow with it.

    python -m tests.benchmarks.bench_memory [ARTICLES...]

Short articles of the sample corpus's words through the real readers, store, grouping and vector files, in a process for
each size; a double stands for the encoder, whose memory does not depend on how many texts follow.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rag import wiring
from rag.bench.measures import child
from rag.settings import Settings
from tests.benchmarks.bench_archive import articles, write
from tests.doubles import HashEmbedder

SIZES = ("1000", "10000")


class Encoder(HashEmbedder):
    """Vectors as long as the bundled model's."""

    dimension = 384


def main(sizes: list[str]) -> None:
    """Print articles, megabytes and CPU seconds of each size."""
    with tempfile.TemporaryDirectory() as made:
        for size in sizes:
            file = write(Path(made) / f"{size}.jsonl", articles(int(size)))
            done = child("-m", "tests.benchmarks.bench_memory", "index", file, str(Path(made) / size))
            print(f"{done.output.strip()} articles: {done.megabytes:.0f} MB, {done.cpu:.1f} CPU s", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["index"]:
        print(wiring.index_paths([sys.argv[2]], Path(sys.argv[3]), Settings(), embedder=Encoder()).added)
    else:
        main(sys.argv[1:] or list(SIZES))
