"""The values that travel between the layers. Layer: types (imports nothing of ours but errors).

All are frozen; the invariants that the rest of the code relies on are checked where a value is made, so that a
wrong offset fails at its source and not in somebody's newspaper.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

from rag.errors import InvariantError

_MARKER = re.compile(r"\[(\d+)\]")
Support = Literal["verified", "quoted"]
Mode = Literal["answer", "quote"]
DatedBy = Literal["event", "article"]
RefusalReason = Literal["not_in_corpus"]


class Span(NamedTuple):
    """Half-open range of character offsets (Unicode code points) into an article's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Article:
    """One news article. `text` is what every offset in the system refers to; it never changes under one fingerprint.

    `published` and `updated` are ISO 8601: a date (`2025-03-08`) or a date and time, in the time zone they came with;
    `published_inferred` says that the first was found in the text or the address. `byline` is as printed, `format` the
    kind of file it was read from. `rag.articles.fingerprint` is the SHA-256 of all fields but the last.
    """

    id: str
    title: str
    text: str
    url: str | None = None
    source: str | None = None
    published: str | None = None
    authors: tuple[str, ...] = ()
    language: str | None = None
    license: str | None = None
    updated: str | None = None
    section: str | None = None
    byline: str | None = None
    published_inferred: bool = False
    format: str | None = None

    def __post_init__(self) -> None:
        for name in ("id", "title", "text"):
            if not getattr(self, name).strip():
                raise InvariantError(f"an article needs a non-empty {name}")


@dataclass(frozen=True, slots=True)
class Excerpt(Article):
    """What a feed has of an article whose page could not be read this time."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one article: `article.text[start:end] == text`, and the sentences lie inside it."""

    article_id: str
    ordinal: int
    start: int
    end: int
    text: str
    sentences: tuple[Span, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end or len(self.text) != self.end - self.start:
            raise InvariantError(f"passage {self.ordinal} of {self.article_id}: text does not fit its offsets")
        if any(not self.start <= s.start < s.end <= self.end for s in self.sentences):
            raise InvariantError(f"passage {self.ordinal} of {self.article_id}: a sentence lies outside it")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which articles may be searched. Dates are inclusive and compare with the publication day; an article without
    a date passes only where no date is asked for. `source` compares without regard to case."""

    since: date | None = None
    until: date | None = None
    source: str | None = None

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None or self.source is not None


@dataclass(frozen=True, slots=True)
class Hit:
    """One article found, with its best passage. A bigger score is better; scores compare only within one search.

    `key` is the store's own number of the article; `views` holds what each way of searching gave, `ranks` its place
    there, from 1, and `parts` what the score is the sum of; `copies` counts the other articles that are copies of the
    same story, `copy_keys` are those of them that were found too and share this slot.
    """

    key: int
    article: Article
    passage: Passage
    score: float
    views: Mapping[str, float] = field(default_factory=dict)
    copies: int = 0
    copy_keys: tuple[int, ...] = ()
    ranks: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SearchNotes:
    """What a search made of its question: the filters, how many articles pass them and how many more would if they had
    a date; the words that name a time, the periods they mean seen from `today` (None: open), and whether the latest is
    asked for."""

    filters: Filters
    searched: int
    undated: int
    today: date
    date_words: tuple[str, ...] = ()
    periods: tuple[tuple[date | None, date | None], ...] = ()
    latest: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence of an article, ranked for a question: the unit that is prompted with and cited."""

    article: Article
    span: Span
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)
    copies: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.span.start < self.span.end <= len(self.article.text):
            raise InvariantError(f"evidence outside the text of {self.article.id}")

    @property
    def text(self) -> str:
        """The sentence, verbatim."""
        return self.article.text[self.span.start : self.span.end]


@dataclass(frozen=True, slots=True)
class Citation:
    """A numbered reference to exact words: `article.text[start:end] == quote`.

    `copies` counts the other articles of the story that have these words, `copy_outlets` are the outlets of all of
    them. `independent_outlets` tell the same in stories of their own, the cited one's first: copies are one source.
    `version` is that of the cited article, from 1; `correction` has at least `published` and `text` where the story was
    corrected or its cited words were changed.
    """

    number: int
    article_id: str
    title: str
    source: str | None
    url: str | None
    published: str | None
    start: int
    end: int
    quote: str
    speaker: str | None = None
    copies: int = 0
    version: int = 1
    copy_outlets: tuple[str, ...] = ()
    independent_outlets: tuple[str, ...] = ()
    correction: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.end - self.start != len(self.quote) or self.start < 0:
            raise InvariantError(f"citation {self.number} of {self.article_id}: quote does not fit its offsets")

    @classmethod
    def of(cls, evidence: Evidence, number: int, speaker: str | None = None) -> Citation:
        """Cite the whole of one evidence sentence; `speaker` is whom it names as its source."""
        article = evidence.article
        return cls(
            number=number,
            article_id=article.id,
            title=article.title,
            source=article.source,
            url=article.url,
            published=article.published,
            start=evidence.span.start,
            end=evidence.span.end,
            quote=evidence.text,
            speaker=speaker,
            copies=evidence.copies,
        )


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """One checked sentence of an answer. `text` carries no markers; `citations` are the numbers that follow it. In a
    timeline `date` is the day, month or year (ISO 8601) of what it tells, `dated_by` what says so: its own words, or
    else the day its article was published."""

    text: str
    citations: tuple[int, ...]
    support: Support
    score: float
    date: str | None = None
    dated_by: DatedBy | None = None

    @property
    def marked(self) -> str:
        """The sentence as shown: its markers stand before the final stop, `... executed [1].`"""
        marks = "".join(f"[{n}]" for n in self.citations)
        if self.text[-1:] in ".!?" and self.text[-2:-1] not in ".!?":
            return f"{self.text[:-1]} {marks}{self.text[-1]}"
        return f"{self.text} {marks}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no answer is given, and the nearest things the corpus does say."""

    reason: RefusalReason
    closest: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole result of one question (the JSON contract is rendered from it, see `rag.rendering`)."""

    question: str
    answered: bool
    answer: str
    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]
    refusal: Refusal | None
    timings_ms: Mapping[str, int]
    model: Mapping[str, str | None]
    standalone_question: str | None = None
    disagreements: tuple[Mapping[str, Any], ...] = ()
    confidence: float | None = None  # probability that what was found answers; a timeline has none
    unsure: bool = False  # answered below `Settings.sure_threshold`
    explanation: Mapping[str, Any] = field(default_factory=dict, compare=False)  # see `rag.explaining`

    def __post_init__(self) -> None:
        numbers = [c.number for c in self.citations]
        if numbers != list(range(1, len(numbers) + 1)):
            raise InvariantError("citations are not numbered 1, 2, 3 ...")
        if {n for s in self.sentences for n in s.citations} != set(numbers):
            raise InvariantError("a marker has no citation, or a citation no marker")
        if self.answered == (self.refusal is not None) or self.answered != bool(self.sentences):
            raise InvariantError("an answer has sentences or a refusal, never both and never neither")
        if any(not s.citations for s in self.sentences):
            raise InvariantError("a sentence without a citation")
        if {int(n) for n in _MARKER.findall(self.answer)} != set(numbers):
            raise InvariantError("the answer shows a marker that is none of its citations, or lacks one")


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Event: searching is done; these are the sentences the answer may use, and the articles they were taken from,
    best first."""

    evidence: tuple[Evidence, ...]
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class SentenceReady:
    """Event: one sentence passed its checks. `citations` are those it is the first to use."""

    sentence: AnswerSentence
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """Event: the last one, with the whole answer, how many drafted sentences nothing supported, and the probability
    that what was found answers the question, which decides between an answer and a refusal; `signals` are what that
    probability was made from."""

    answer: Answer
    dropped: int = 0
    probability: float = 0.0
    signals: Mapping[str, float] = field(default_factory=dict)


Event = Retrieved | SentenceReady | Done


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of numbered sentences; all but `words` are log-probabilities, 0 and below."""

    words: str  # of one of the sentences, verbatim but for white space
    likelihood: float  # of these words
    none: float  # of saying that no sentence answers
    sentences: tuple[float, ...]  # of the number of each sentence, given the words


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on one sentence. `score` is 0 to 1; `reasons` name each check that failed, `found` what was
    looked for and is there."""

    supported: bool
    score: float
    reasons: tuple[str, ...]
    found: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One chat turn. `content` is data: an adapter must never read control tokens out of it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read, in one line; reading goes on with the rest."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Version:
    """What an article was before an update. `number` counts from 1; `replaced` is when, ISO 8601 in UTC."""

    number: int
    replaced: str
    article: Article


class Origin(NamedTuple):
    """That an article was read from a file. `given` is the id it had there: another than `article_id` for a file that
    was edited and has no id of its own."""

    path: str
    given: str
    article_id: str
