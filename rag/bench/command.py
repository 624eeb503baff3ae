"""`rag bench`. Layer: faces."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rag import __version__, batch, loading, resources
from rag.bench import measures
from rag.bench.measures import Measure
from rag.settings import Settings
from rag.terminal import Page, Spinner, answer_stream, say

SIZES = (1_000, 10_000, 100_000)
MILLION = 1_000_000


def run(settings: Settings, *, quick: bool, million: bool, json: bool) -> int:
    """Measure and print, line by line or as one JSON object; the exit code. Raises BackendError when a model fails."""
    sizes = (*(SIZES[:2] if quick else SIZES), *((MILLION,) if million else ()))
    with answer_stream() as out:
        rows = []
        with Spinner("measuring") as spinner:
            for row in _all(settings, sizes, spinner):
                rows.append(row.json())
                if not json:
                    spinner.hide()
                    Page.on(out).line(shown(row))
        if json:
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
            about = {"newsrag": __version__, "python": platform.python_version(), "machine": platform.machine()}
            cpu = {"cpus": resources.available_cpus(), "threads": loading.threads(settings), "load": load}
            print(batch.dumps({**about, **cpu, "measures": rows}), file=out, flush=True)
    say("CPU time of this process and the children it started; a ratio is ours over the reference")
    return 0


def _all(settings: Settings, sizes: tuple[int, ...], spinner: Spinner) -> Iterator[Measure]:
    with tempfile.TemporaryDirectory(prefix="newsrag-bench-") as name:
        folder = Path(name)
        spinner.show("indexing the sample corpus")
        yield from measures.indexing(folder / "sample", settings)
        spinner.show("starting processes")
        yield from measures.cold(folder / "sample")
        spinner.show("answering")
        yield from measures.answering(folder / "sample", settings)
        for passages in sizes:
            spinner.show(f"searching {passages} passages")
            yield from measures.search(folder / str(passages), passages, settings)


def shown(row: Measure) -> str:
    """`rag ask: 3.2 CPU s; import sentence_transformers 5.1: ratio 0.63`."""
    text = f"{row.name}: {row.value:.3g} {row.unit}"
    if row.reference_value:
        text += f"; {row.reference} {row.reference_value:.3g}: ratio {row.value / row.reference_value:.2g}"
    return text
