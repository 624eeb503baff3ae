"""What is measured, each beside what it could be at best. Layer: faces.

CPU seconds, not wall time: on a machine with other work, only these can be compared from run to run.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rag import loading, reading, resources, wiring
from rag.answering import ANY
from rag.bench import synthetic
from rag.chunking import titled
from rag.ports import VIEWS
from rag.rendering import Json
from rag.settings import Settings
from rag.types import Done, Message, SentenceReady

QUESTION = "How many people were hurt when the ferry hit the pier at Brenna?"
_REPEATS = 20


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the report. `ratio` is value / reference: what ours costs for each unit that the bare thing costs."""

    name: str
    value: float
    unit: str
    reference: str = ""
    reference_value: float | None = None

    def json(self) -> Json:
        """As in `rag bench --json`."""
        ratio = round(self.value / self.reference_value, 3) if self.reference_value else None
        known = None if self.reference_value is None else round(self.reference_value, 4)
        return {
            "name": self.name, "value": round(self.value, 4), "unit": self.unit,
            "reference": self.reference or None, "reference_value": known, "ratio": ratio,
        }  # fmt: skip


class _Run(NamedTuple):
    """What a finished process took: CPU seconds, and its peak of resident memory in MB; and what it printed."""

    cpu: float
    megabytes: float
    output: str


# In a small process between: a child counts the memory of the one that it was forked from as its own peak.
_BETWEEN = """
import os, subprocess, sys
quiet = subprocess.DEVNULL
child = subprocess.Popen([sys.executable, *sys.argv[1:]], stdin=quiet, stdout=subprocess.PIPE, stderr=quiet)
said = child.stdout.read().decode()
used = os.wait4(child.pid, 0)[2]
print(used.ru_utime + used.ru_stime, used.ru_maxrss, said)
"""


def child(*arguments: str) -> _Run:
    """Python with these arguments, in a process of its own."""
    between = [sys.executable, "-c", _BETWEEN, *arguments]
    cpu, peak, said = subprocess.run(between, capture_output=True, text=True, check=True).stdout.split(" ", 2)
    return _Run(float(cpu), float(peak) / (1024**2 if sys.platform == "darwin" else 1024), said)


def _cpu(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


def cold(index: Path) -> Iterator[Measure]:
    """Whole processes, as a person starts them, beside the import that they avoid."""
    reference = child("-c", "import sentence_transformers").cpu
    named = "import sentence_transformers"
    ask = ("-m", "rag", "ask", QUESTION, "--index", str(index))
    child(*ask)  # the first of all makes the faster copy of the model
    yield Measure("rag --help", child("-m", "rag", "--help").cpu, "CPU s", named, reference)
    for name, options in (("rag ask --mode quote", ("--mode", "quote")), ("rag ask", ())):
        run = child(*ask, *options)
        yield Measure(name, run.cpu, "CPU s", named, reference)
        yield Measure(f"{name}, peak memory", run.megabytes, "MB")


def indexing(folder: Path, settings: Settings) -> Iterator[Measure]:
    """The sample corpus into an index, beside its vectors alone, in each runtime."""
    from rag.embedders.sentence_transformer import SentenceTransformerEmbedder

    light = loading.load_embedder(settings)
    whole = _cpu(lambda: wiring.index_paths([str(resources.data("eval/corpus"))], folder, settings))
    with wiring.open_store(folder) as store:
        articles = list(store.articles())
        keys = store.matching(ANY)
        passages = store.passages(keys)
        texts = [titled(a, p.text) for a, key in zip(articles, keys, strict=True) for _, p in passages[key]]
    bare = _cpu(lambda: light.embed_documents(texts))
    yield Measure(
        "rag index, an article", 1000 * whole / len(articles), "CPU ms", "bare encoder", 1000 * bare / len(articles)
    )
    few = texts[:48]
    heavy = SentenceTransformerEmbedder(settings.embedder, loading.threads(settings))
    for embedder in (light, heavy):
        embedder.embed_documents(few)
    slow = _cpu(lambda: heavy.embed_documents(few))
    yield Measure(
        "encoder, a passage", 1000 * _cpu(lambda: light.embed_documents(few)) / len(few), "CPU ms",
        "sentence-transformers, 32 bits", 1000 * slow / len(few),
    )  # fmt: skip


def search(folder: Path, passages: int, settings: Settings) -> Iterator[Measure]:
    """Warm questions over a synthetic archive, beside FAISS alone."""
    embedder = loading.load_embedder(settings)
    synthetic.build(folder, passages, embedder, settings)
    asked = synthetic.questions(2 * _REPEATS + 1)
    vectors = wiring.vector_indexes(folder, embedder)
    queries = [embedder.embed_query(question) for question in asked[:_REPEATS]]
    bare = _cpu(lambda: [vectors[view].search(query, settings.candidates) for view in VIEWS for query in queries])
    with wiring.open_rag(folder, settings) as rag:
        rag.ask(asked[-1], mode="quote")
        found = _cpu(lambda: [rag.search(question, settings.hits) for question in asked[:_REPEATS]])
        quoted = _cpu(lambda: [rag.ask(question, mode="quote") for question in asked[_REPEATS:-1]])
        again = _cpu(lambda: [rag.ask(question, mode="quote") for question in asked[_REPEATS:-1]])
    synthetic.store_sentences(folder)  # as indexing does from `sentence_vectors.STORED_FROM` on
    with wiring.open_rag(folder, settings) as rag:
        for question in asked[:_REPEATS]:  # other stories, but words in common
            rag.ask(question, mode="quote")
        stored = _cpu(lambda: [rag.ask(question, mode="quote") for question in asked[_REPEATS:-1]])
    for name, cost in (
        ("search", found),
        ("quote mode, new stories, sentence vectors made when asked for", quoted),
        ("quote mode, stories seen before", again),
        ("quote mode, new stories, sentence vectors stored", stored),
    ):
        yield Measure(
            f"{name}, {passages} passages", 1000 * cost / _REPEATS, "CPU ms", "bare FAISS", 1000 * bare / _REPEATS
        )


def answering(index: Path, settings: Settings) -> Iterator[Measure]:
    """A warm answer, beside llama.cpp with the same prompt and as many tokens."""
    models = loading.models_of(settings)
    with wiring.open_rag(index, settings) as rag:
        rag.ask(QUESTION)
        chosen = rag.find(QUESTION, ANY).chosen
        if models.reader:
            reader = models.reader()
            named = "llama.cpp reading the same prompt"
            other = [Message("system", "Something else."), Message("user", "Hello.")]

            def forget() -> None:
                reader.read(other, reading.OPENING, ["Hello."], reading.NONE)

            def run() -> None:
                reading.read(QUESTION, chosen, reader)
        else:
            llm, messages = models.llm(), wiring.load_prompts().messages(QUESTION, chosen)
            named = "llama.cpp, same prompt"

            def forget() -> None:
                list(llm.stream([Message("user", "Hello.")], max_tokens=1))

            def run() -> None:
                list(llm.stream(messages, max_tokens=settings.answer_tokens))

        forget()  # the reference evaluates the whole prompt
        raw = _cpu(run)
        forget()
        start, first = time.process_time(), 0.0
        for event in rag.stream(QUESTION):
            if isinstance(event, SentenceReady) and not first:
                first = time.process_time() - start
            elif isinstance(event, Done):
                total = time.process_time() - start
    yield Measure("first verified sentence, retrieval included", first, "CPU s", named, raw)
    yield Measure("whole answer", total, "CPU s", named, raw)
