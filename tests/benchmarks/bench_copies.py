"""Which texts are taken for copies: precision and recall on labelled pairs, and on stories of one event.

    python -m tests.benchmarks.bench_copies [--grid] [FILE.jsonl]

The pairs are those of tests/copies.py. Prints a table of their kinds and the figures of both halves; with `--grid` what
other thresholds give on the dev half. A file of articles, each its own story, is grouped too: every pair of it that is
merged is printed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations, product
from pathlib import Path

from rag import dedup
from rag.dedup import Text
from tests.copies import Pair, pairs

_TRIED = (0.5, 0.6, 0.7, 0.8), (0.6, 0.66, 0.72, 0.78), (0.1, 0.15, 0.2, 0.25, 0.3)


def taken(pair: Pair) -> bool:
    """As `rag index` decides: found by their keys, then compared."""
    (a, keys), (b, others) = _taken_apart(pair.first), _taken_apart(pair.second)
    return not keys.isdisjoint(others) and dedup.likeness(a, b) > 0


@lru_cache(maxsize=4096)
def _taken_apart(text: str) -> tuple[Text, frozenset[int]]:
    found = Text.of(text)
    return found, frozenset(dedup.keys(found))


def figures(found: Sequence[tuple[Pair, bool]]) -> dict[str, float]:
    """Precision and recall of the pairs taken for copies."""
    right = sum(pair.copy and said for pair, said in found)
    return {
        "pairs": len(found),
        "copies": sum(pair.copy for pair, _ in found),
        "precision": right / max(1, sum(said for _, said in found)),
        "recall": right / max(1, sum(pair.copy for pair, _ in found)),
    }


def grid(chosen: Sequence[Pair]) -> None:
    """Every combination of thresholds, the best ones."""
    shipped = dedup.CONTAINED, dedup.SHARED, dedup.AKIN
    rows = []
    for values in product(*_TRIED):
        dedup.CONTAINED, dedup.SHARED, dedup.AKIN = values
        got = figures([(pair, taken(pair)) for pair in chosen])
        rows.append((got["precision"], got["recall"], values))
    dedup.CONTAINED, dedup.SHARED, dedup.AKIN = shipped
    for precision, recall, values in sorted(rows, reverse=True)[:25]:
        print(f"contained {values[0]}, shared {values[1]}, akin {values[2]}: {precision:.3f} {recall:.3f}")


def merged(file: Path) -> list[tuple[str, str]]:
    """Titles of the pairs of articles that are taken for copies."""
    articles = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    texts = [Text.of(article["text"]) for article in articles]
    return [
        (articles[i]["title"], articles[j]["title"])
        for i, j in combinations(range(len(texts)), 2)
        if dedup.likeness(texts[i], texts[j]) > 0
    ]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.bench_copies", description=__doc__)
    parser.add_argument("--grid", action="store_true", help="also try other thresholds on the dev half")
    parser.add_argument("file", nargs="?", type=Path, help="articles, each its own story")
    options = parser.parse_args()
    every = pairs()
    found = [(pair, taken(pair)) for pair in every]
    print("| kind | copies? | dev: pairs | taken | test: pairs | taken |\n|---|---|---|---|---|---|")
    for kind, copy in dict.fromkeys((pair.kind, pair.copy) for pair in every):
        cells = []
        for half in ("dev", "test"):
            of = [said for pair, said in found if (pair.kind, pair.copy, pair.half) == (kind, copy, half)]
            cells += [str(len(of)), str(sum(of))]
        print(f"| {kind} | {'yes' if copy else 'no'} | {' | '.join(cells)} |")
    for half in ("dev", "test"):
        print(half, json.dumps({k: round(v, 4) for k, v in figures([f for f in found if f[0].half == half]).items()}))
    if options.grid:
        grid([pair for pair in every if pair.half == "dev"])
    if options.file:
        print(f"{options.file}: {len(wrong := merged(options.file))} pairs merged", *wrong, sep="\n")


if __name__ == "__main__":
    main()
