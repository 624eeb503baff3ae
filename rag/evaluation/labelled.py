"""Articles with questions whose right article is known, for measuring retrieval. Layer: faces.

The files are not part of newsrag. A collection says which of its questions may be tuned on: a whole document is on one
side, so nothing that was tuned on is reported on.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag import resources
from rag.errors import UsageError
from rag.evaluation import questions as eval_set
from rag.types import Article


@dataclass(frozen=True, slots=True)
class Asked:
    """A question. `relevant` maps each article that answers it to the name of its group, of which one is enough;
    `words` are those that answer, one of which must be found."""

    id: str
    text: str
    relevant: Mapping[str, str]
    words: tuple[str, ...]
    tuning: bool = False


@dataclass(frozen=True, slots=True)
class Collection:
    """Articles in the input format (`folder` instead, where they are files) and questions about them."""

    name: str
    articles: Sequence[Mapping[str, Any]]
    asked: tuple[Asked, ...]
    folder: Path | None = None

    def part(self, *, tuning: bool, most: int | None = None) -> tuple[Asked, ...]:
        """Its questions of one side; `most`: a random sample, always the same."""
        chosen = [a for a in self.asked if a.tuning == tuning]
        if most is not None and len(chosen) > most:
            chosen = random.Random(7).sample(chosen, most)
        return tuple(chosen)


def squad(file: Path) -> Collection:
    """The answerable questions of a SQuAD 2.0 file, each paragraph an article. Every second document is for tuning,
    the same ones as in `rag.evaluation.fitting`."""
    articles, asked = [], []
    documents = sorted(_json(file)["data"], key=lambda d: str(d["title"]))
    for number, document in enumerate(documents):
        for i, paragraph in enumerate(document["paragraphs"]):
            name = f"{document['title']}/{i}"
            articles.append({"id": name, "title": document["title"].replace("_", " "), "text": paragraph["context"]})
            for question in paragraph["qas"]:
                words = tuple(sorted({a["text"] for a in question["answers"]}))
                if words:
                    asked.append(Asked(question["id"], question["question"], {name: name}, words, number % 2 == 0))
    return Collection("squad", articles, tuple(asked))


def joined(squad: Collection, size: int = 5) -> Collection:
    """The same text and questions as long articles: `size` paragraphs of a document each."""
    place: dict[str, str] = {}
    parts: dict[str, list[Mapping[str, Any]]] = {}
    for article in squad.articles:
        document, number = article["id"].rsplit("/", 1)
        place[article["id"]] = name = f"{document}/{int(number) // size * size}"
        parts.setdefault(name, []).append(article)
    articles = [
        {"id": name, "title": own[0]["title"], "text": "\n\n".join(a["text"] for a in own)}
        for name, own in parts.items()
    ]
    asked = [replace(a, relevant={place[name]: place[name] for name in a.relevant}) for a in squad.asked]
    return Collection("squad, long", articles, tuple(asked))


def clapnq(folder: Path) -> Collection:
    """The answerable questions of CLAPNQ's dev set over the passages of both its files. None is for tuning."""
    articles: dict[tuple[str, str], str] = {}
    asked = []
    for part in ("answerable", "unanswerable"):
        for line in _lines(folder / f"clapnq_dev_{part}.jsonl"):
            row = json.loads(line)
            passage = row["passages"][0]
            name = articles.setdefault((passage["title"], passage["text"]), str(len(articles)))
            if part == "answerable":
                words = tuple(s for output in row["output"] for s in output["selected_sentences"])
                asked.append(Asked(row["id"], row["input"], {name: name}, words))
    made = [{"id": name, "title": title, "text": text} for (title, text), name in articles.items()]
    return Collection("clapnq", made, tuple(asked))


def sample(split: str) -> Collection:
    """The shipped questions over the sample corpus. None is for tuning."""
    from rag.readers import read

    folder = resources.data("eval/corpus")
    found = eval_set.load(resources.data("eval/questions.jsonl"))
    chosen = [q for q in found.of_split(split) if q.support]
    articles = [a for a in read([str(folder)], max_characters=10**6) if isinstance(a, Article)]
    corpus = eval_set.match(found, chosen, articles)
    asked = [Asked(q.id, q.question, corpus.relevant(q), tuple(s.quote for s in q.support)) for q in chosen]
    return Collection(f"sample, {split}", (), tuple(asked), folder)


def own(articles: Path, questions: Path) -> Collection:
    """Any articles (JSON Lines) with any questions: JSON Lines of `id`, `question` and `article_id`."""
    rows = [json.loads(line) for line in _lines(questions)]
    asked = [Asked(str(r["id"]), r["question"], {r["article_id"]: r["article_id"]}, ()) for r in rows]
    return Collection(articles.stem, [json.loads(line) for line in _lines(articles)], tuple(asked))


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text("utf-8").split("\n") if line.strip()]
    except OSError as exc:
        raise UsageError(f"cannot read {file}: {exc.strerror}") from exc


def _json(file: Path) -> Any:
    try:
        return json.loads("\n".join(_lines(file)))
    except json.JSONDecodeError as exc:
        raise UsageError(f"{file}: invalid JSON: {exc.msg} at line {exc.lineno}") from exc
