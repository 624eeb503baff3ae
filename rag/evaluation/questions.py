"""Eval sets: JSON Lines of questions with the answers and quotations they expect, checked before use. Layer: faces.

Every fault is a `UsageError` of one line that begins with `FILE:LINE:`; the first one found is raised.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from rag import lexical
from rag.articles import fingerprint
from rag.errors import UsageError
from rag.matching import holds, plain
from rag.metrics import EVERY_SUPPORT, Expected
from rag.types import Article

Split = Literal["dev", "test"]
SPLITS = ("dev", "test", "all")
Kind = Literal[
    "who", "when", "where", "how_many", "said_what", "yes_no", "why", "list", "compare", "summary", "timeline",
    "as_of", "correction", "two_articles", "disagreement", "follow_up", "other", "absent", "false_premise", "outside",
]  # fmt: skip
UNANSWERABLE = frozenset(("absent", "false_premise", "outside"))
_ALIKE = 0.6
"""Share of the stems that two questions have in common from which on they are one question."""
_STORY = re.compile(r"(?P<story>.+)-q[^-]*")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Support(_Strict):
    """Words of one article that give the answer. `start` says where they begin, for a quotation that stands there
    more than once or to be exact; it is checked where it is given."""

    article_id: str = Field(min_length=1)
    quote: str = Field(min_length=1)
    start: int | None = Field(None, ge=0)


class Question(_Strict):
    """One question, with the fields of the contract. No answers and no support: it must be refused."""

    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    kind: Kind
    split: Split
    answers: tuple[str, ...]
    support: tuple[Support, ...]
    history: tuple[JsonValue, ...] = ()

    @property
    def expected(self) -> Expected:
        """What the metrics compare with."""
        return Expected(self.kind, self.answers, tuple(s.quote for s in self.support))

    @property
    def story(self) -> str:
        """What stands before `-q` in the id; an id without one is a story of its own."""
        named = _STORY.fullmatch(self.id)
        return named["story"] if named else self.id

    @property
    def articles(self) -> tuple[str, ...]:
        """Articles known to answer it although no words of theirs are given; our own sets always give words."""
        return ()


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A whole file: the questions in order, the line of each id, and the SHA-256 of the bytes."""

    file: str
    digest: str
    questions: tuple[Question, ...]
    lines: Mapping[str, int]

    def error(self, question: Question, reason: str) -> UsageError:
        """A fault of one question, with its place."""
        return UsageError(f"{self.file}:{self.lines[question.id]}: {reason}")

    def of_split(self, split: str) -> tuple[Question, ...]:
        """The questions of `dev`, `test` or `all`. Raises UsageError for another word, or where there is none."""
        if split not in SPLITS:
            raise UsageError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
        chosen = tuple(q for q in self.questions if split in ("all", q.split))
        if not chosen:
            raise UsageError(f"{self.file} has no question of the split {split!r}")
        return chosen


@dataclass(frozen=True, slots=True)
class Corpus:
    """What the questions need to know of an index. `digest`: SHA-256 over the ids and fingerprints of its articles."""

    digest: str
    articles: int
    bearing: Mapping[str, frozenset[str]]
    """For each quotation the articles with these words: the supporting one and its copies."""
    places: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Where a supporting quotation begins in its article, for those that stand there to the letter."""

    def relevant(self, question: Question) -> dict[str, str]:
        """Each article that answers the question, with the name of its group: the articles of which one is enough,
        as they share a supporting quotation or the kind of question needs only one of its quotations."""
        group: dict[str, str] = {}
        for support in question.support:
            articles = self.bearing[support.quote]
            alternatives = group if question.kind not in EVERY_SUPPORT else articles & group.keys()
            joined = {group[a] for a in alternatives}
            members = articles | {a for a, g in group.items() if g in joined}
            group.update(dict.fromkeys(members, support.article_id))
        return {**{article: article for article in question.articles}, **group}


def load(file: Path) -> QuestionSet:
    """Read and check an eval set. Raises UsageError: cannot be read, bad line, duplicate, story in both splits."""
    try:
        content = file.read_bytes()
        lines = content.decode("utf-8-sig").split("\n")
    except OSError as exc:
        raise UsageError(f"cannot read the eval set {file}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{file}: is not UTF-8 text") from exc
    read = {n: _parse(line, f"{file}:{n}") for n, line in enumerate(lines, start=1) if line.strip()}
    if not read:
        raise UsageError(f"{file} has no questions")
    _refuse_duplicates(str(file), read)
    lines_of = {question.id: n for n, question in read.items()}
    found = QuestionSet(str(file), hashlib.sha256(content).hexdigest(), tuple(read.values()), lines_of)
    for question in found.questions:
        _check(found, question)
    _refuse_leaks(found)
    return found


def _parse(line: str, where: str) -> Question:
    try:
        return Question.model_validate_json(line)
    except ValidationError as exc:
        first = exc.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        reason = "unknown field" if first["type"] == "extra_forbidden" else first["msg"]
        raise UsageError(f"{where}: {field}: {reason}" if field else f"{where}: {reason}") from exc


def _refuse_duplicates(file: str, read: Mapping[int, Question]) -> None:
    ids: dict[str, int] = {}
    asked: dict[tuple[tuple[str, ...], str], int] = {}
    for line, question in read.items():
        same = (tuple(lexical.words(question.question)), repr(question.history))
        if not same[0]:
            raise UsageError(f"{file}:{line}: the question has no words")
        if ids.setdefault(question.id, line) != line:
            raise UsageError(f"{file}:{line}: the id {question.id} is taken by line {ids[question.id]}")
        if asked.setdefault(same, line) != line:
            raise UsageError(f"{file}:{line}: the question is already asked on line {asked[same]}")
    _refuse_near_duplicates(file, read)


def _refuse_near_duplicates(file: str, read: Mapping[int, Question]) -> None:
    """Nearly the same words that want the same answer: one fact would count twice."""
    stories: dict[str, list[tuple[int, Question, frozenset[str]]]] = {}
    for line, question in read.items():
        stems = frozenset(lexical.terms(question.question))
        earlier = stories.setdefault(question.story, [])
        for other_line, other, others in earlier:
            alike = len(stems & others) >= _ALIKE * len(stems | others)
            if alike and _wanted(question) == _wanted(other):
                raise UsageError(f"{file}:{line}: nearly the question of line {other_line}, with the same answer")
        earlier.append((line, question, stems))


def _wanted(question: Question) -> tuple[object, ...]:
    answers = frozenset(" ".join(lexical.words(answer)) for answer in question.answers)
    return answers, frozenset(s.article_id for s in question.support), repr(question.history)


def _check(found: QuestionSet, question: Question) -> None:
    """What the fields of one question must be to each other."""
    if bool(question.answers) != bool(question.support):
        raise found.error(question, "answers and support go together: give both, or neither where it must be refused")
    if bool(question.answers) == (question.kind in UNANSWERABLE):
        needs = "no answers" if question.answers else "answers, or must be absent, false_premise or outside"
        raise found.error(question, f"the kind {question.kind} needs {needs}")
    for answer in question.answers:
        if not lexical.words(answer):
            raise found.error(question, f"the answer {answer!r} has no words")
    if question.kind == "yes_no":
        if question.answers not in (("yes",), ("no",)):
            raise found.error(question, 'the answers of a yes_no question are ["yes"] or ["no"]')
        return
    for support in question.support:
        if not any(holds(support.quote, answer) for answer in question.answers):
            raise found.error(question, f"none of the answers stands in the quotation {_shown(support.quote)}")
    # With several quotations an answer counts for those that hold it, so one that none holds would count for nothing.
    each = question.kind == "list" or (question.kind in EVERY_SUPPORT and len(question.support) > 1)
    for answer in question.answers if each else ():
        if not any(holds(support.quote, answer) for support in question.support):
            raise found.error(question, f"the answer {answer!r} stands in no quotation")


def _refuse_leaks(found: QuestionSet) -> None:
    """A story, and an article, belong to one split: what was tuned on must not be reported on."""
    splits: dict[str, Question] = {}
    for question in found.questions:
        for name in (f"story {question.story}", *(f"article {s.article_id}" for s in question.support)):
            first = splits.setdefault(name, question)
            if first.split != question.split:
                line = found.lines[first.id]
                raise found.error(
                    question, f"the {name} is in {question.split} here and in {first.split} on line {line}"
                )


def match(found: QuestionSet, questions: Sequence[Question], articles: Iterable[Article]) -> Corpus:
    """Hold the questions against the articles of an index, read once. Raises UsageError where a supporting article is
    missing, or a quotation does not stand in its article (but for white space, quotation marks and dashes)."""
    quotes = {s.quote: plain(s.quote) for question in questions for s in question.support}
    bearing: dict[str, set[str]] = {quote: set() for quote in quotes}
    prints: dict[str, str] = {}
    supports: dict[str, list[Support]] = {}
    for support in (s for question in questions for s in question.support):
        supports.setdefault(support.article_id, []).append(support)
    misplaced: set[tuple[str, str, int | None]] = set()
    places: dict[tuple[str, str], int] = {}
    for article in articles:
        prints[article.id] = fingerprint(article)
        text = plain(article.text)
        for s in supports.get(article.id, ()):
            begin = article.text.find(s.quote) if s.start is None else s.start
            if begin >= 0 and article.text.startswith(s.quote, begin):
                places[s.article_id, s.quote] = begin
            elif s.start is not None:
                misplaced.add((s.article_id, s.quote, s.start))
        for quote, words in quotes.items():
            if words in text:
                bearing[quote].add(article.id)
    for question in questions:
        for support in question.support:
            if support.article_id not in prints:
                raise found.error(question, f"the index has no article {support.article_id}")
            if support.article_id not in bearing[support.quote]:
                reason = f"the quotation is not in the article {support.article_id}: {_shown(support.quote)}"
                raise found.error(question, reason)
            if (support.article_id, support.quote, support.start) in misplaced:
                reason = f"the quotation does not begin at {support.start} of {support.article_id}"
                raise found.error(question, f"{reason}: {_shown(support.quote)}")
    digest = hashlib.sha256("".join(f"{i}\0{p}\n" for i, p in sorted(prints.items())).encode()).hexdigest()
    return Corpus(digest, len(prints), {quote: frozenset(ids) for quote, ids in bearing.items()}, places)


def _shown(quote: str) -> str:
    words = " ".join(quote.split())
    return f"“{words}”" if len(words) <= 80 else f"“{words[:79]}…”"
