"""What a change costs: many articles indexed, 1 % of them changed, 100 removed.

    python -m tests.benchmarks.bench_archive [ARTICLES]

The articles are short and made of the sample corpus's words. Prints one line of JSON for each step: seconds of this
process's CPU time, seconds on the clock, and how many texts went through the embedder; the last step searches every
file of the index for a word that only removed articles had.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rag import loading, wiring
from rag.ports import Embedder, Vectors
from rag.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
_SENTENCES, _WORDS = 3, 9


class Counting:
    """The real embedder, and how many texts it was given."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder, self.texts = embedder, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """As the embedder does, counted."""
        self.texts += len(texts)
        return self._embedder.embed_documents(texts)


def articles(count: int) -> list[dict[str, str]]:
    """Each with a word of its own, `xq...z`, that stands in its text alone."""
    text = " ".join(path.read_text("utf-8") for path in sorted((ROOT / "eval" / "corpus").glob("*.md")))
    vocabulary = sorted(set(re.findall(r"[a-z]{4,}", text)))
    chosen = random.Random(1)
    return [_article(number, chosen.choices(vocabulary, k=_SENTENCES * _WORDS)) for number in range(count)]


def _article(number: int, words: list[str]) -> dict[str, str]:
    lines = [" ".join(words[at : at + _WORDS]).capitalize() for at in range(0, len(words), _WORDS)]
    text = f"{'. '.join(lines)}. The word is {mark(number)}."
    return {"id": f"story-{number}", "title": " ".join(words[:4]).capitalize(), "text": text}


def mark(number: int) -> str:
    """The word that this article alone has."""
    letters = "".join(chr(ord("a") + int(digit)) for digit in f"{number:06}")
    return f"xq{letters}z"


def write(file: Path, found: Sequence[dict[str, str]]) -> str:
    """As JSON Lines; the path."""
    file.write_text("".join(json.dumps(article) + "\n" for article in found), "utf-8")
    return str(file)


def main(count: int) -> None:
    """Index, index again unchanged, change 1 %, remove 100, and search the files."""
    settings = Settings.load()
    embedder = Counting(loading.load_embedder(settings))
    wiring.load_embedder = lambda *_: embedder  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as made:
        folder, file = Path(made) / "index", Path(made) / "articles.jsonl"
        found = articles(count)

        def step(name: str, work: Callable[[], object]) -> None:
            embedder.texts, cpu, clock = 0, time.process_time(), time.perf_counter()
            result = work()
            spent = {"cpu_s": round(time.process_time() - cpu, 2), "s": round(time.perf_counter() - clock, 2)}
            size = round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 1)
            print(
                json.dumps({"step": name, **spent, "embedded": embedder.texts, "MB": size, "result": result}),
                flush=True,
            )

        def index() -> dict[str, int]:
            report = wiring.index_paths([write(file, found)], folder, settings)
            return {"added": report.added, "updated": report.updated, "unchanged": report.unchanged}

        step("index", index)
        step("index again, unchanged", index)
        for number in range(0, count, 100):
            found[number] = {**found[number], "text": f"{found[number]['text']} It was corrected."}
        step("index again, 1 % changed", index)
        gone = [number for number in range(count) if number % (count // 100) == 0][:100]
        words = [form.encode() for number in gone for form in (mark(number), mark(number)[2:])]
        before = hits(folder, words)
        step("remove 100", lambda: wiring.remove_articles([f"story-{number}" for number in gone], folder))
        step("byte search", lambda: {"words": len(words), "hits_before": before, "hits": hits(folder, words)})
        step("check", lambda: list(wiring.check_index(folder, settings)))


def hits(folder: Path, words: Sequence[bytes]) -> int:
    """How many of the words stand somewhere in the files."""
    data = [path.read_bytes() for path in folder.iterdir() if path.is_file()]
    return sum(any(word in content for content in data) for word in words)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
