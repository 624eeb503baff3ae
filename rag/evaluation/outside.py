"""Question sets made by others, read from their own files: questions, and the passages to ask them over. Layer: faces.

Each reader takes the file or folder as its makers distribute it. What the set does not say stays unknown: a set without
supporting words measures answers, one without answers measures retrieval. docs/evaluation.md lists what each measures.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.articles import normalise, one_line
from rag.chunking import split_sentences
from rag.errors import UsageError
from rag.evaluation.questions import Kind, Question, QuestionSet, Support
from rag.lexical import words
from rag.matching import plain
from rag.metrics import Expected

_TITLE_WORDS = 12
_NO_ANSWER = frozenset(("insufficient information", "none of the above"))
Row = dict[str, Any]


class OutsideQuestion(Question):
    """A question of somebody else's set. `relevant`: articles that answer it, where it is known which."""

    relevant: tuple[str, ...] = ()

    @property
    def articles(self) -> tuple[str, ...]:
        """They stand in for supporting words."""
        return self.relevant

    @property
    def expected(self) -> Expected:
        """Answers, words, or only that there is an answer."""
        return Expected(self.kind, self.answers, tuple(s.quote for s in self.support), known=bool(self.relevant))


@dataclass(slots=True)
class OutsideSet:
    """Passages as lines for `rag index`, each once, and the questions over them."""

    file: Path
    passages: dict[str, Row] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    _known: dict[tuple[str, str], str] = field(default_factory=dict)

    def passage(self, text: str, title: str = "", name: str = "", **more: str | None) -> str:
        """Add a passage; its id. One without a title gets its first words for one; an empty one is left out ("")."""
        text, title = normalise(text), one_line(title)  # as the index will keep them: quotations must stand there
        if not words(text):
            return ""
        title = title or " ".join(text.split()[:_TITLE_WORDS])
        if (title, text) not in self._known:
            name = name or hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()[:16]
            self._known[title, text] = name
            self.passages[name] = {"id": name, "title": title, "text": text, **{k: v for k, v in more.items() if v}}
        return self._known[title, text]

    def ask(
        self,
        name: str,
        question: str,
        answers: Iterable[str],
        *,
        quotes: Iterable[tuple[str, str]] = (),
        relevant: Iterable[str] = (),
        every: bool = False,
    ) -> None:
        """Add a question. `quotes`: (passage, words); words that do not stand there are left out, and the passage
        counts as relevant all the same. `every`: all answers are wanted, they are no variants. A question without a
        word is left out: it cannot be asked."""
        if not words(question):
            return
        accepted = tuple(dict.fromkeys(a.strip() for a in answers if words(a)))
        found = list(dict.fromkeys(q for q in quotes if q[0]))
        support = [Support(article_id=p, quote=normalise(w)) for p, w in found if words(w) and self.stands(p, w)]
        known = tuple(dict.fromkeys([*(p for p, _ in found), *(p for p in relevant if p)]))
        kind: Kind = "list" if every and len(accepted) > 1 else "other"
        if accepted and {a.lower() for a in accepted} in ({"yes"}, {"no"}):
            kind, accepted = "yes_no", (accepted[0].lower(),)
        if not accepted and not known:
            kind = "absent"
        self.questions.append(
            OutsideQuestion(
                id=name,
                question=question,
                kind=kind,
                split="test",
                answers=accepted,
                support=tuple(support),
                relevant=known,
            )
        )

    def stands(self, passage: str, quote: str) -> bool:
        """Whether a passage has these words, up to typography."""
        return plain(normalise(quote)) in plain(self.passages[passage]["text"])

    def question_set(self) -> QuestionSet:
        """The questions, as one of our own sets would give them. Raises UsageError where there is none, or no
        passage, or one id twice."""
        if not self.questions or not self.passages:
            raise UsageError(f"{self.file} has no {'passages' if self.questions else 'questions'} in this format")
        lines = {question.id: number for number, question in enumerate(self.questions, start=1)}
        if len(lines) < len(self.questions):
            raise UsageError(f"{self.file} has two questions of one id")
        content = json.dumps([[q.model_dump() for q in self.questions], self.passages], sort_keys=True, default=str)
        digest = hashlib.sha256(content.encode()).hexdigest()
        return QuestionSet(str(self.file), digest, tuple(self.questions), lines)


def load_outside(name: str, file: Path) -> OutsideSet:
    """Read a set in the named format, one of READERS. Raises UsageError: cannot be read, not in that format."""
    found = OutsideSet(file)
    try:
        READERS[name](file, found)
    except OSError as exc:
        raise UsageError(f"cannot read {exc.filename or file}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{file} is not UTF-8 text") from exc
    except KeyError as exc:
        raise UsageError(f"{file} is not in the format {name}: the field {exc} is missing") from exc
    except (ValueError, TypeError, AttributeError, IndexError) as exc:
        raise UsageError(f"{file} is not in the format {name}: {' '.join(str(exc).split())}") from exc
    return found


def _lines(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError as exc:
                    raise ValueError(f"line {number} is not JSON") from exc
                if not isinstance(row, dict):
                    raise ValueError(f"line {number} is no object")
                yield row


def _texts(value: object) -> list[str]:
    """One text or several, however they are nested."""
    if isinstance(value, str):
        return [value]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []


# ── the formats


def _squad(file: Path, into: OutsideSet) -> None:
    """SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018) and what is stored like it: `data[].paragraphs[].qas[]`."""
    for document in json.loads(file.read_text("utf-8"))["data"]:
        title = document.get("title", "").replace("_", " ")
        for number, paragraph in enumerate(document["paragraphs"]):
            text = paragraph["context"]
            passage = into.passage(text, title, f"{document.get('title', 'passage')}/{number}")
            sentences = split_sentences(text)
            for item in paragraph["qas"]:
                answers = [] if item.get("is_impossible") else item["answers"]
                quotes = []
                for answer in answers:
                    start, end = answer["answer_start"], answer["answer_start"] + len(answer["text"])
                    if text[start:end] != answer["text"]:
                        raise ValueError(f"question {item['id']}: the answer does not stand at {start}")
                    inside = [s for s in sentences if s.start < end and s.end > start]
                    quotes.append((passage, text[inside[0].start : inside[-1].end]))
                into.ask(str(item["id"]), item["question"], [a["text"] for a in answers], quotes=quotes)


def _clapnq(file: Path, into: OutsideSet) -> None:
    """CLAPNQ (Rosenthal et al. 2024): a .jsonl file, or the folder with the answerable and the unanswerable ones."""
    for part in sorted(file.glob("*.jsonl")) if file.is_dir() else [file]:
        for row in _lines(part):
            passages = [into.passage(p["text"], p.get("title", "")) for p in row["passages"]]
            chosen = [s for output in row["output"] for s in output.get("selected_sentences") or ()]
            holding = [(p, s) for s in chosen for p in passages if p and into.stands(p, s)]
            answered = any(words(output.get("answer") or "") for output in row["output"])
            into.ask(str(row["id"]), row["input"], [], quotes=holding, relevant=passages if answered else ())


def _rgb(file: Path, into: OutsideSet) -> None:
    """RGB (Chen et al. 2024), en.json and en_int.json: an object a line; negatives are noise for every question."""
    for row in _lines(file):
        positive = [into.passage(text) for text in _texts(row["positive"])]
        for text in _texts(row["negative"]):
            into.passage(text)
        parts = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
        # [["a", "b"]] and ["a"] are variants of one thing; [["a"], ["b"]] are two things, both wanted.
        nested = len(parts) > 1 and any(isinstance(part, list) for part in parts)
        answers = [_texts(part)[0] for part in parts] if nested else _texts(parts)
        into.ask(str(row["id"]), row["query"], answers, relevant=positive, every=nested)


def _multihop(file: Path, into: OutsideSet) -> None:
    """MultiHop-RAG (Tang and Yang 2024): the folder with MultiHopRAG.json and corpus.json."""
    by_title: dict[str, str] = {}
    for row in json.loads((file / "corpus.json").read_text("utf-8")):
        more = {
            "source": row.get("source") or "",
            "published": row.get("published_at") or "",
            "url": row.get("url") or "",
        }
        by_title[row["title"]] = into.passage(row["body"], row["title"], **more)
    for number, row in enumerate(json.loads((file / "MultiHopRAG.json").read_text("utf-8"))):
        facts = [(by_title.get(e["title"], ""), e["fact"]) for e in row["evidence_list"]]
        answers = [] if row["answer"].strip(" .").lower() in _NO_ANSWER else [row["answer"]]
        into.ask(f"multihop-{number}", row["query"], answers, quotes=facts if answers else ())


def _realtimeqa(file: Path, into: OutsideSet) -> None:
    """RealTime QA (Kasai et al. 2023): a *_qa.jsonl file with its *_gcs.jsonl (the articles found that week) beside
    it, or a folder of such pairs."""
    for part in sorted(file.glob("*_qa.jsonl")) if file.is_dir() else [file]:
        found = part.with_name(part.name.replace("_qa_nota", "_qa").replace("_qa.jsonl", "_gcs.jsonl"))
        for row in _lines(found):
            for article in row["search_result"]:
                more = {
                    "url": article.get("url") or "",
                    "published": (article.get("publish_date") or "").replace("/", "-"),
                }
                into.passage(article.get("text") or "", article.get("title") or "", **more)
        for row in _lines(part):
            answers = [row["choices"][int(index)] for index in row["answer"]]
            into.ask(row["question_id"], row["question_sentence"], [a for a in answers if a.lower() not in _NO_ANSWER])


def _beir(file: Path, into: OutsideSet) -> None:
    """A BEIR folder (Thakur et al. 2021): corpus.jsonl, queries.jsonl and qrels/test.tsv (else dev, else train)."""
    kept = {
        str(row["_id"]): into.passage(row["text"], row.get("title") or "", str(row["_id"]))
        for row in _lines(file / "corpus.jsonl")
    }
    judged = next((q for s in ("test", "dev", "train") if (q := file / "qrels" / f"{s}.tsv").exists()), None)
    if judged is None:
        raise ValueError("the folder has no qrels/test.tsv")
    relevant: dict[str, list[str]] = {}
    with judged.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            if int(row["score"]) > 0 and kept.get(row["corpus-id"]):
                relevant.setdefault(row["query-id"], []).append(kept[row["corpus-id"]])
    for row in _lines(file / "queries.jsonl"):
        if str(row["_id"]) in relevant:
            into.ask(str(row["_id"]), row["text"], [], relevant=relevant[str(row["_id"])])


def _jsonl(file: Path, into: OutsideSet) -> None:
    """Plain JSON Lines: `question`, `answers` (or `answer`; none: unanswerable), and its passages as `context`,
    `passages` or `documents`: texts, or objects with `text` and perhaps `title`."""
    for number, row in enumerate(_lines(file), start=1):
        given: Any = next((row[name] for name in ("context", "passages", "documents") if row.get(name)), [])
        passages = [_passage_of(item, into) for item in (given if isinstance(given, list) else [given])]
        answers = _texts(row["answers"] if "answers" in row else row["answer"] or [])
        holding = [p for p in passages if p and any(into.stands(p, a) for a in answers)]
        into.ask(str(row.get("id", f"line-{number}")), row["question"], answers, relevant=holding)


def _passage_of(item: str | Mapping[str, Any], into: OutsideSet) -> str:
    return into.passage(item) if isinstance(item, str) else into.passage(item["text"], item.get("title") or "")


READERS: Mapping[str, Callable[[Path, OutsideSet], None]] = {
    "squad": _squad,
    "clapnq": _clapnq,
    "rgb": _rgb,
    "multihop-rag": _multihop,
    "realtimeqa": _realtimeqa,
    "beir": _beir,
    "jsonl": _jsonl,
}
FORMATS: Sequence[str] = ("newsrag", *READERS)
