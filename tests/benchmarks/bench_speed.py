"""Timings for history, asserted on nowhere: `python -m pytest tests/benchmarks/bench_speed.py --benchmark-autosave`.

The file's name keeps it out of the normal test run. CPU time, as in `rag bench`, which compares with references.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag import loading, resources, wiring
from rag.answering import ANY, Rag
from rag.bench import synthetic
from rag.settings import Settings

pytestmark = pytest.mark.benchmark(timer=time.process_time, min_rounds=3, warmup=True)
Benchmark = Callable[..., Any]
SETTINGS = Settings(threads=1)


@pytest.fixture(scope="module", params=[1_000, 10_000])
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    folder = tmp_path_factory.mktemp("bench") / "index"
    synthetic.build(folder, request.param, loading.load_embedder(SETTINGS), SETTINGS)
    with wiring.open_rag(folder, SETTINGS) as rag:
        yield rag


@pytest.mark.benchmark(timer=time.perf_counter)  # another process: its CPU time is not ours
def test_help(benchmark: Benchmark) -> None:
    benchmark(subprocess.run, [sys.executable, "-m", "rag", "--help"], check=True, capture_output=True)


def test_one_query_vector(benchmark: Benchmark) -> None:
    benchmark(loading.load_embedder(SETTINGS).embed_query, "How many people were hurt when the ferry hit the pier?")


def test_48_sentence_vectors(benchmark: Benchmark) -> None:
    embedder = loading.load_embedder(SETTINGS)
    benchmark(embedder.embed_documents, [f"Ferry sinks. {'Twelve people died off Brenna. ' * 5}{i}" for i in range(48)])


def test_index_of_the_sample(benchmark: Benchmark, tmp_path: Path) -> None:
    folders = (tmp_path / str(i) for i in range(1000))
    corpus = str(resources.data("eval/corpus"))
    benchmark(lambda: wiring.index_paths([corpus], next(folders), SETTINGS))


def test_search(benchmark: Benchmark, archive: Rag) -> None:
    asked = iter(synthetic.questions(100_000))
    benchmark(lambda: archive.search(next(asked), 10, ANY))


def test_quote_mode(benchmark: Benchmark, archive: Rag) -> None:
    asked = iter(synthetic.questions(100_000))
    benchmark(lambda: archive.ask(next(asked), mode="quote"))


def test_answer(benchmark: Benchmark, archive: Rag) -> None:
    asked = iter(synthetic.questions(100_000))
    benchmark(lambda: archive.ask(next(asked)))
