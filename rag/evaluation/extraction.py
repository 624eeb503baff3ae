"""How much of an article the HTML reader gets, and how much that is none. Layer: faces.

`python -m rag.evaluation.extraction FOLDER` reads a copy of the article extraction benchmark of Scrapinghub: a folder
with `ground-truth.json` (`{"ID": {"articleBody"}}`) and `html/ID.html.gz`. It prints precision, recall and F1 by that
benchmark's method: runs of four words, counted, compared page by page; then the means of both and their F1.
https://github.com/scrapinghub/article-extraction-benchmark
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from rag.articles import normalise
from rag.errors import UsageError
from rag.readers import html

_WORD = re.compile(r"\w+")
_SHINGLE = 4


def true_texts(folder: Path) -> dict[str, str]:
    """The true text of each page of the benchmark by the page's name. Raises UsageError: the file is missing or not the
    benchmark's."""
    file = folder / "ground-truth.json"
    try:
        return {name: entry["articleBody"] for name, entry in json.loads(file.read_bytes()).items()}
    except OSError as exc:
        raise UsageError(f"cannot read {file}: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise UsageError(f"{file} is not the benchmark's: it must hold an articleBody for each page") from exc


def page(folder: Path, name: str) -> bytes:
    """The HTML of a page of the benchmark. Raises UsageError: the file is missing or not packed."""
    packed = folder / "html" / f"{name}.html.gz"
    try:
        return gzip.decompress(packed.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as exc:
        raise UsageError(f"{packed} is not a page packed with gzip") from exc
    except OSError as exc:
        raise UsageError(f"cannot read {packed}: {exc.strerror}") from exc


class Score(NamedTuple):
    """Shares, 1 is best."""

    precision: float
    recall: float
    f1: float


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Runs of four words with how often each occurs; a shorter text is one run, an empty one none."""
    words = _WORD.findall(text)
    if len(words) <= _SHINGLE:
        return Counter([tuple(words)] if words else [])
    return Counter(zip(*(words[start:] for start in range(_SHINGLE)), strict=False))


def score(pairs: Iterable[tuple[str, str]]) -> Score:
    """Of pairs of the true and the extracted text, at least one of each not empty."""
    precisions, recalls = [], []
    for true, found in pairs:
        wanted, got = shingles(true), shingles(found)
        right = (wanted & got).total()
        if got:  # the benchmark leaves a page where nothing was found out of this mean; recall has it as 0
            precisions.append(right / got.total())
        if wanted:
            recalls.append(right / wanted.total())
    precision, recall = fmean(precisions), fmean(recalls)
    return Score(precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0)


def extracted(content: bytes) -> str:
    """The text that `rag index` keeps of a page; empty where it finds none."""
    try:
        return normalise(str(html.parse(content, None).fields["text"]))
    except UsageError:
        return ""


def main() -> None:
    """Print the score of the reader on the benchmark's pages."""
    parser = argparse.ArgumentParser(description="F1 of article text on the article extraction benchmark")
    parser.add_argument("folder", type=Path, help="with ground-truth.json and html/")
    folder = parser.parse_args().folder
    pairs = [(text, extracted(page(folder, name))) for name, text in true_texts(folder).items()]
    print(f"{len(pairs)} pages: " + ", ".join(f"{name} {value:.3f}" for name, value in score(pairs)._asdict().items()))


if __name__ == "__main__":
    main()
