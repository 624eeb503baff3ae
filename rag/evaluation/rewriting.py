"""How well follow-ups are rewritten: token F1 against human rewritings, and retrieval with them. Layer: faces.

`python -m rag.evaluation.rewriting DATA --index DIR` prints the tables of docs/conversation.md over the folders `cast`
(CAsT 2020 and 2021) and `mtrag` (MTRAG human) in DATA. The passages that come with them are indexed into DIR first,
where it is no index yet.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag import wiring
from rag.answering import ANY, Rag
from rag.conversation import Exchange
from rag.rewriting import standalone
from rag.settings import Settings

_MTRAG = ("clapnq", "cloud", "fiqa", "govt")
_DEPTH = 10


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One turn of a dialogue; `relevant` are the ids of passages, none where they are not known."""

    name: str
    held_out: bool
    history: tuple[Exchange, ...]
    question: str
    human: str
    relevant: frozenset[str]

    @property
    def rewritten(self) -> str:
        """Ours."""
        return standalone(self.question, self.history)


def passages(data: Path) -> Iterator[dict[str, str]]:
    """The passages of both sets, as articles."""
    for document in _read(data / "mtrag" / "reference_subset_with_human_evaluations.json")["documents"]:
        title = document.get("title") or document["text"][:60]
        yield {"id": document["document_id"], "title": title, "text": document["text"]}
    for text in {u["passage"]: None for t in _cast(data, 2021) for u in t["turn"] if u.get("passage")}:
        yield {"id": _id(text), "title": text[:60], "text": text}


def follow_ups(data: Path) -> Iterator[FollowUp]:
    """All turns but the first of each dialogue."""
    for year in (2020, 2021):
        for topic in _cast(data, year):
            history: list[Exchange] = []
            for turn in topic["turn"]:
                question, passage = turn["raw_utterance"], turn.get("passage", "")
                relevant = frozenset([_id(passage)] if passage else [])
                if history:
                    human = turn["manual_rewritten_utterance"]
                    held_out = topic["number"] % 2 == 0
                    yield FollowUp(f"cast {year}", held_out, tuple(history), question, human, relevant)
                history.append(Exchange(question, passage))
    yield from _mtrag(data / "mtrag")


def _mtrag(folder: Path) -> Iterator[FollowUp]:
    reference = _read(folder / "reference_subset_with_human_evaluations.json")
    known = {document["document_id"] for document in reference["documents"]}
    answers = {t["task_id"]: [x["text"] for x in t["input"] if x["speaker"] == "agent"] for t in reference["tasks"]}
    for part in _MTRAG:
        relevant: dict[str, set[str]] = defaultdict(set)
        with (folder / "retrieval_tasks" / part / "qrels" / "dev.tsv").open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                relevant[row["query-id"]] |= {row["corpus-id"]} & known
        last, human, asked = (_texts(folder, part, kind) for kind in ("lastturn", "rewrite", "questions"))
        for name, question in last.items():
            earlier = [q.strip() for q in re.split(r"(?:^|\n)\|user\|:", asked[name])[1:-1]]
            said = answers.get(name, [])
            said = said if len(said) == len(earlier) else [""] * len(earlier)
            history = tuple(Exchange(q, a) for q, a in zip(earlier, said, strict=True))
            held_out = int(hashlib.md5(name.partition("<")[0].encode()).hexdigest(), 16) % 2 == 0
            if history:
                found = frozenset(relevant[name])
                yield FollowUp(f"mtrag {part}", held_out, history, _said(question), _said(human[name]), found)


def _texts(folder: Path, part: str, kind: str) -> dict[str, str]:
    lines = (folder / "retrieval_tasks" / part / f"{part}_{kind}.jsonl").read_text("utf-8").splitlines()
    return {row["_id"]: row["text"] for row in map(json.loads, lines)}


def _said(text: str) -> str:
    return text.removeprefix("|user|:").strip()


def _read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def _cast(data: Path, year: int) -> Any:
    return _read(data / "cast" / f"{year}_manual_evaluation_topics_v1.0.json")


def _id(passage: str) -> str:
    return f"cast-{hashlib.md5(passage.encode()).hexdigest()[:10]}"


def token_f1(text: str, other: str) -> float:
    """F1 of two bags of words, without case and articles."""
    first, second = (
        Counter(w for w in re.findall(r"\w+", re.sub(r"[’']s\b", " ", t.lower())) if w not in ("a", "an", "the"))
        for t in (text, other)
    )
    shared = sum((first & second).values())
    return 2 * shared / (first.total() + second.total()) if shared else 0.0


def ranks(rag: Rag, turn: FollowUp) -> dict[str, int | None]:
    """For each way of asking the rank of the first relevant passage, from 1, within ten."""
    asked: dict[str, tuple[str, Sequence[object]]] = {
        "last turn": (turn.question, ()),
        "rewritten": (turn.rewritten, ()),
        "with the words as typed": (turn.question, [_turn for e in turn.history for _turn in _turns(e)]),
        "human": (turn.human, ()),
    }
    found: dict[str, int | None] = {}
    for way, (question, history) in asked.items():
        hits = [hit.article.id for hit in rag.search(question, _DEPTH, ANY, history)]
        found[way] = next((rank for rank, name in enumerate(hits, start=1) if name in turn.relevant), None)
    return found


def _turns(exchange: Exchange) -> list[dict[str, str]]:
    return [{"role": "user", "content": exchange.question}, {"role": "assistant", "content": exchange.answer}]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--index", type=Path, help="where the passages are, or are to be, indexed; F1 alone without it")
    options = parser.parse_args()
    f1: dict[tuple[str, bool], list[tuple[float, float]]] = defaultdict(list)
    turns = list(follow_ups(options.data))
    for turn in turns:
        scores = token_f1(turn.question, turn.human), token_f1(turn.rewritten, turn.human)
        f1[turn.name, turn.held_out].append(scores)
    for (name, held_out), values in f1.items():
        typed, ours = (sum(column) / len(values) for column in zip(*values, strict=True))
        print(f"F1 {name}{' held out' if held_out else ''}: {len(values)} turns, {typed:.3f} -> {ours:.3f}")
    if options.index:
        _retrieval(turns, options.data, options.index)


def _retrieval(turns: Sequence[FollowUp], data: Path, index: Path) -> None:
    settings = Settings.load()
    if not wiring.exists(index):
        index.mkdir(parents=True, exist_ok=True)
        file = index / "passages.jsonl"
        file.write_text("".join(json.dumps(p) + "\n" for p in passages(data) if p["text"].strip()), "utf-8")
        wiring.index_paths([str(file)], index, settings)
    found: dict[tuple[str, bool, str], list[int | None]] = defaultdict(list)
    with wiring.open_rag(index, settings) as rag:
        for turn in (t for t in turns if t.relevant):
            for way, rank in ranks(rag, turn).items():
                found[turn.name.split()[0], turn.held_out, way].append(rank)
    for (name, held_out, way), values in found.items():
        mrr = sum(1 / rank for rank in values if rank) / len(values)
        hit = sum(1 for rank in values if rank and rank <= 5) / len(values)
        print(f"{name}{' held out' if held_out else ''}, {way}: {len(values)} turns, MRR {mrr:.3f}, hit@5 {hit:.3f}")


if __name__ == "__main__":
    main()
