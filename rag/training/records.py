"""Licensed question sets as records for a reading model: sentences, questions, distractors. Layer: faces.

A record knows the sentences that answer (`gold`), the shortest words of the answer where the set gives them, and the
sentences of the whole corpus that a search would bring, best first (`ranked`): the distractors are real ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rag import lexical
from rag.chunking import split_sentences
from rag.matching import plain
from rag.ports import Embedder, Vectors
from rag.reading import Line, about

_RANKED = 40
Fold = str
"""train, dev or test: whole articles and stories, never single questions."""
TEST_ARTICLES = ("Computational_complexity_theory", "Huguenot", "Islamism", "Steam_engine")
DEV_ARTICLES = ("Packet_switching",)


@dataclass(frozen=True, slots=True)
class Task:
    """One question over one list of sentences: `gold` are numbers in the prompt, (0,) for none."""

    question: str
    gold: tuple[int, ...]
    answer: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """One question over the sentences of its corpus, by their numbers there."""

    id: str
    fold: Fold
    group: str  # questions about the same text
    question: str
    answer: str | None  # words of a gold sentence; None where the set does not mark them
    gold: tuple[int, ...]  # empty: nothing answers
    ranked: tuple[int, ...]


@dataclass(slots=True)
class Corpus:
    """The sentences of one set and the questions over them."""

    name: str
    lines: list[Line] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    _places: dict[str, range] = field(default_factory=dict)
    _waiting: list[tuple[str, Fold, str, str, str | None, tuple[int, ...]]] = field(default_factory=list)

    def add_article(self, article: str, title: str, label: str, sentences: Sequence[str]) -> None:
        """One article; `label` is what stands above its sentences."""
        start = len(self.lines)
        self.lines += [Line(article, i, label, s) for i, s in enumerate(sentences)]
        self.titles += [title] * len(sentences)
        self._places[article] = range(start, len(self.lines))

    def holding(self, article: str, words: str) -> tuple[int, ...]:
        """Its sentences that share these words: that hold them, or lie inside them."""
        wanted = plain(words)
        found = [(i, plain(self.lines[i].text)) for i in self._places[article]]
        return tuple(i for i, text in found if text and (wanted in text or (text in wanted)))

    def nth(self, article: str, place: int) -> int:
        """Number of one sentence of an article."""
        return self._places[article][place]

    def ask(self, id_: str, fold: Fold, group: str, question: str, answer: str | None, gold: Iterable[int]) -> None:
        """A question whose ranking is still to be made."""
        self._waiting.append((id_, fold, group, question, answer, tuple(gold)))

    def rank(self, embedder: Embedder) -> None:
        """Rank all sentences for all waiting questions by cosine and by the rarity of the words they share."""
        vectors = _embedded(embedder, [f"{t}. {line.text}" for t, line in zip(self.titles, self.lines, strict=True)])
        questions = _embedded(embedder, [w[3] for w in self._waiting])
        stems = [frozenset(lexical.stem(w) for w in lexical.words(f"{line.text}")) for line in self.lines]
        titles = {t: frozenset(lexical.terms(t)) for t in set(self.titles)}
        frequency: dict[str, int] = {}
        for own in stems:
            for s in own:
                frequency[s] = frequency.get(s, 0) + 1
        for vector, (id_, fold, group, question, answer, gold) in zip(questions, self._waiting, strict=True):
            cosines = vectors @ vector
            near = np.argpartition(-cosines, min(200, len(cosines) - 1))[:200]
            terms = lexical.terms(question)
            rare = lexical.rarity({t: frequency.get(t, 0) for t in terms}, len(self.lines))
            score = {
                int(i): float(cosines[i])
                + 0.5 * lexical.coverage(terms, stems[i], rare)
                + 0.2 * lexical.coverage(terms, titles[self.titles[i]], rare)
                for i in near
            }
            ranked = tuple(sorted(score, key=lambda i: -score[i])[:_RANKED])
            self.records.append(Record(id_, fold, group, question, answer, gold, ranked))
        self._waiting.clear()


def _embedded(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    out = np.zeros((len(texts), embedder.dimension), np.float32)
    for at in range(0, len(order), 256):
        batch = order[at : at + 256]
        out[batch] = embedder.embed_documents([texts[i] for i in batch])
    return out


def squad(file: Path) -> Corpus:
    """A SQuAD 2.0 file: every paragraph is an article, titled as its page is. The folds are whole pages."""
    corpus = Corpus("squad")
    for page in json.loads(file.read_text("utf-8"))["data"]:
        name = page["title"]
        title = name.replace("_", " ")
        fold = "test" if name in TEST_ARTICLES else "dev" if name in DEV_ARTICLES else "train"
        for number, paragraph in enumerate(page["paragraphs"]):
            text, article = paragraph["context"], f"{name}/{number}"
            spans = split_sentences(text)
            corpus.add_article(article, title, title, [text[s.start : s.end] for s in spans])
            for question in paragraph["qas"]:
                answers = question["answers"]
                starts = {a["answer_start"] for a in answers}
                gold = [i for i, s in enumerate(spans) if any(s.start <= at < s.end for at in starts)]
                short = min((a["text"] for a in answers), key=len, default=None)
                corpus.ask(
                    question["id"], fold, article, question["question"].strip(), short if gold else None,
                    [corpus.nth(article, i) for i in gold],
                )  # fmt: skip
    return corpus


def clapnq(folder: Path) -> Corpus:
    """CLAPNQ's answerable and unanswerable questions; of each file the last third is for testing."""
    corpus = Corpus("clapnq")
    for kind in ("answerable", "unanswerable"):
        rows = [json.loads(line) for line in (folder / f"clapnq_dev_{kind}.jsonl").open(encoding="utf-8")]
        for number, row in enumerate(rows):
            passage = row["passages"][0]
            article = f"{kind}/{row['id']}"
            corpus.add_article(article, passage["title"], passage["title"], [s.strip() for s in passage["sentences"]])
            marked = {s.strip() for out in row["output"] for s in out.get("selected_sentences") or []}
            gold = [
                corpus.nth(article, i) for i, s in enumerate(passage["sentences"]) if s.strip() in marked
            ] if kind == "answerable" else []  # fmt: skip
            fold = "test" if number >= 2 * len(rows) // 3 else "train"
            if kind == "unanswerable" or gold:
                corpus.ask(row["id"], fold, article, row["input"], None, gold)
    return corpus


def articles(name: str, found: Iterable[Mapping[str, Any]]) -> Corpus:
    """News articles: mappings with `id`, `title`, `source`, `published`, `text`."""
    corpus = Corpus(name)
    for a in found:
        text = a["text"]
        sentences = [text[s.start : s.end] for s in split_sentences(text)]
        corpus.add_article(a["id"], a["title"], about(a["title"], a.get("source"), a.get("published")), sentences)
    return corpus


def cased(answers: Sequence[str], sentence: str) -> str | None:
    """The longest of these answers that stands in the sentence, as it is spelled there."""
    for answer in sorted(answers, key=len, reverse=True):
        match = re.search(re.escape(answer), sentence, re.IGNORECASE)
        if match:
            return match.group()
    return None


def save(corpus: Corpus, folder: Path) -> None:
    """Write the ranked records: NAME.lines.jsonl and NAME.records.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{corpus.name}.lines.jsonl").open("w", encoding="utf-8") as out:
        for line in corpus.lines:
            out.write(json.dumps([line.article, line.place, line.about, line.text]) + "\n")
    with (folder / f"{corpus.name}.records.jsonl").open("w", encoding="utf-8") as out:
        for r in corpus.records:
            out.write(json.dumps([r.id, r.fold, r.group, r.question, r.answer, r.gold, r.ranked]) + "\n")


def load(name: str, folder: Path) -> Corpus:
    """What `save` wrote."""
    corpus = Corpus(name)
    corpus.lines = [Line(*json.loads(row)) for row in (folder / f"{name}.lines.jsonl").open(encoding="utf-8")]
    for row in (folder / f"{name}.records.jsonl").open(encoding="utf-8"):
        id_, fold, group, question, answer, gold, ranked = json.loads(row)
        corpus.records.append(Record(id_, fold, group, question, answer, tuple(gold), tuple(ranked)))
    return corpus


def names(folder: Path) -> Iterator[str]:
    """The corpora that were saved there."""
    return (p.name.removesuffix(".records.jsonl") for p in sorted(folder.glob("*.records.jsonl")))
