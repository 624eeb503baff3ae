"""Sentences of other language models that the support check lets through, drawn to be judged by a person. Layer: faces.

`python -m rag.evaluation.passed reference_subset_with_human_evaluations.json --sentences N --out FILE` takes the
answers that come with MTRAG (Katsis et al., mtRAG: A Multi-Turn Conversational Benchmark, 2025; not part of newsrag):
two large models' and people's. Each sentence is held against each sentence of the passages that its writer had, as a
draft is held against the evidence. Sentences that only copy are counted and not drawn: they test nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rag.articles import normalise
from rag.chunking import split_sentences
from rag.errors import UsageError
from rag.lexical import plain, read
from rag.loading import load_embedder
from rag.ports import Embedder
from rag.settings import Settings
from rag.verifying import verify

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """One sentence of an answer, and what its writer had before him: passages by id."""

    task: str
    writer: str
    place: int
    question: str
    text: str
    passages: tuple[str, ...]


def load(file: Path) -> tuple[dict[str, str], list[Draft]]:
    """The passages and all sentences. Raises UsageError: cannot be read, or is not that file."""
    try:
        data = json.loads(file.read_text("utf-8"))
        passages = {d["document_id"]: normalise(d["text"]) for d in data["documents"]}
        tasks = {task["task_id"]: task for task in data["tasks"]}
        return passages, [draft for e in data["evaluations"] for draft in _drafts(e, tasks[e["task_id"]])]
    except OSError as exc:
        raise UsageError(f"cannot read {file}: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, IndexError) as exc:
        raise UsageError(f"{file} is no file of MTRAG's evaluated answers ({exc})") from exc


def _drafts(evaluation: Row, task: Row) -> Iterator[Draft]:
    answer, question = evaluation["model_response"], task["input"][-1]["text"]
    known = tuple(context["document_id"] for context in task["contexts"])
    for place, (start, end) in enumerate(split_sentences(answer)):
        text = answer[start:end]
        yield Draft(evaluation["task_id"], evaluation["model_id"], place, question, text, known)


def passing(passages: Mapping[str, str], drafts: Sequence[Draft], embedder: Embedder, threshold: float) -> list[Row]:
    """Those that some sentence of their passages supports, each with the sentence that supports it best."""
    sentences = {name: [(start, end) for start, end in split_sentences(text)] for name, text in passages.items()}
    rows = []
    for draft in drafts:
        keys = set(read(plain(draft.text)).keys)
        best: tuple[float, str, int, int] | None = None
        for name in draft.passages:
            for start, end in sentences.get(name, ()):
                cited = passages[name][start:end]
                if not keys <= set(read(plain(cited)).keys):  # a veto of the check anyway, and a cheap one
                    continue
                verdict = verify(
                    draft.text, cited, rarity={}, threshold=threshold,
                    similarity=partial(_cosine, embedder, draft.text, cited),
                )  # fmt: skip
                if verdict.supported and (best is None or verdict.score > best[0]):
                    best = verdict.score, name, start, end
        if best:
            rows.append(_row(draft, passages[best[1]], *best[1:]))
    return rows


def _cosine(embedder: Embedder, first: str, second: str) -> float:
    a, b = embedder.embed_documents([first, second])
    return float(a @ b)


def _row(draft: Draft, passage: str, name: str, start: int, end: int) -> Row:
    return {
        "question_id": draft.task,
        "sentence": draft.place,
        "shown_as": "quoted" if draft.text.split() == passage[start:end].split() else "verified",
        "cited": [{"article_id": name, "start": start, "end": end}],
        "digest": hashlib.sha256(draft.text.encode()).hexdigest()[:16],
        "question": draft.question,
        "text": draft.text,
        "quotes": [passage[start:end]],
        "system": draft.writer,
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.evaluation.passed", description=__doc__)
    parser.add_argument("file", type=Path, help="MTRAG's evaluated answers (not part of newsrag)")
    parser.add_argument("--sentences", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    settings = Settings.load()
    passages, drafts = load(options.file)
    rows = passing(passages, drafts, load_embedder(settings), settings.support_threshold)
    counts = Counter((row["system"], row["shown_as"]) for row in rows)
    for (writer, shown), count in sorted(counts.items()):
        print(f"{writer}: {count} of {sum(d.writer == writer for d in drafts)} sentences pass, {shown}")
    own = [row for row in rows if row["shown_as"] == "verified"]
    drawn = random.Random(options.seed).sample(own, min(options.sentences, len(own)))
    lines = (json.dumps({"set": "mtrag", **row}, ensure_ascii=False) for row in drawn)
    options.out.write_text("".join(f"{line}\n" for line in lines), "utf-8")


if __name__ == "__main__":
    main()
