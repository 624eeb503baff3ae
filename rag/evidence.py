"""The sentences that answer, out of the articles that were found. Layer: pure."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from rag import lexical, questions
from rag.quantities import quantities
from rag.types import Article, Evidence, Span

_SAME_ONE = re.compile(r"\W*(?:he|she|they)\b", re.IGNORECASE)
_POINTING = 1.5  # log odds for a draft whose own terms all stand in a sentence


@dataclass(frozen=True, slots=True)
class Query:
    """A question taken apart once: its terms with their rarity, its names, the kind of answer it wants."""

    text: str
    terms: tuple[str, ...]
    names: tuple[str, ...]
    rarity: Mapping[str, float]
    kind: questions.Asked

    @classmethod
    def of(cls, text: str, rarity: Mapping[str, float]) -> Query:
        """`rarity` by stem; a stem that it lacks weighs 1."""
        names = tuple(lexical.stem(n) for n in questions.key_names(text))
        return cls(text, tuple(lexical.terms(text)), names, rarity, questions.asked(text))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One sentence of a found article, with what the search already knows of it."""

    article: Article
    span: Span
    previous: str  # the sentence before it, or nothing
    passage_cosine: float  # of its passage with the question
    article_score: float  # of its article, 0 for the best found and below for the others
    copies: int = 0
    words: Sequence[str] = ()  # of the sentence, where they are known already
    words_before: Sequence[str] | None = None  # of the previous one
    passage: int = -1  # the store's number of its passage, and its place there, from 0
    place: int = 0

    @property
    def text(self) -> str:
        """The sentence, verbatim."""
        return self.article.text[self.span.start : self.span.end]


class Meaning(NamedTuple):
    """What a word is to a question: the terms it stands for, also as a near derivation, the name it is, and both."""

    terms: frozenset[str]
    names: frozenset[str]
    all: frozenset[str]

    @classmethod
    def of(cls, terms: frozenset[str], names: frozenset[str]) -> Meaning:
        """With `all` of them."""
        return cls(terms, names, terms | names)


_NOTHING = Meaning.of(frozenset(), frozenset())


class Meanings(dict[str, Meaning | None]):
    """What each word is to one question, None for most: worked out when a word is first looked up."""

    def __init__(self, terms: Sequence[str], names: Iterable[str]) -> None:
        """Those of the question, as stems."""
        super().__init__()
        self._terms, self._names = terms, frozenset(names)
        # Stemming keeps the first two letters, so most words are out at a glance.
        self._starts = {stem[:2] for stem in (*terms, *self._names)}

    def learn(self, words: Iterable[str]) -> None:
        """Look up many words together: those that mean nothing cost next to nothing."""
        new = set(words).difference(self)
        self.update(dict.fromkeys(word for word in new if word[:2] not in self._starts))

    def __missing__(self, word: str) -> Meaning | None:
        meaning = None
        if word[:2] in self._starts:
            own = frozenset((lexical.stem(word),))
            terms, names = lexical.found(self._terms, own), own & self._names
            meaning = Meaning.of(terms, names) if terms or names else None
        self[word] = meaning
        return meaning

    def of(self, words: Iterable[str]) -> Meaning:
        """What they are together."""
        found = [meaning for meaning in map(self.__getitem__, words) if meaning]
        if len(found) < 2:
            return found[0] if found else _NOTHING
        return Meaning.of(frozenset().union(*[m.terms for m in found]), frozenset().union(*[m.names for m in found]))


@lru_cache(maxsize=4)
def meanings(terms: tuple[str, ...], names: tuple[str, ...]) -> Meanings:
    """Those of a question (`Query.terms`, `Query.names`), kept while it is answered: an article is read for its place,
    its best passage and its best sentences."""
    return Meanings(terms, names)


class _Look:
    """One question held against many sentences: nothing about a word, a title or a neighbour is worked out twice."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._meanings = meanings(query.terms, query.names)
        self._around: dict[str, Meaning] = {}
        self._shares: dict[tuple[frozenset[str], bool], float] = {}

    def features(self, candidate: Candidate) -> dict[str, float]:
        """All of `lexical_features`, but `kind` at its highest: it takes longer than the others together."""
        own = self._meanings.of(candidate.words or lexical.words(candidate.text))
        title = self._context(candidate.article.title)
        before = self._context(candidate.previous, candidate.words_before)
        return {
            "terms": self._share(own.terms),
            "terms_in_context": self._share(own.terms | title.terms | before.terms),
            "names_in_context": self._share(own.names | title.names | before.names, names=True),
            "kind": 1.0,
            "article": candidate.article_score,
            "passage_cosine": candidate.passage_cosine,
        }

    def _context(self, text: str, words: Sequence[str] | None = None) -> Meaning:
        """What a text is by its content words; `words` are all that it has, where they are known already."""
        if text not in self._around:
            listed = lexical.words(text) if words is None else words
            likely = [word for word in listed if self._meanings[word] and word not in lexical.STOPWORDS]
            self._around[text] = self._meanings.of(likely)
        return self._around[text]

    def _share(self, present: frozenset[str], *, names: bool = False) -> float:
        key = (present, names)
        if key not in self._shares:
            wanted = self._query.names if names else self._query.terms
            self._shares[key] = lexical.coverage(wanted, present, self._query.rarity)
        return self._shares[key]


def lexical_features(query: Query, candidate: Candidate) -> dict[str, float]:
    """What can be said of a sentence without a model; each between 0 and 1 but for `article` (0 and below)."""
    return {**_Look(query).features(candidate), "kind": _kind(query, candidate)}


def _kind(query: Query, candidate: Candidate) -> float:
    # "He" is who the sentence before names.
    text = f"{candidate.previous} {candidate.text}" if query.kind == "who" and _SAME_ONE.match(candidate.text) else ""
    return questions.fits(query.kind, query.text, text or candidate.text)


def shortlist(query: Query, candidates: Iterable[Candidate], size: int) -> list[tuple[Candidate, dict[str, float]]]:
    """The sentences worth a vector of their own, best first. Whether one holds the kind of answer asked for is found
    out only where it can matter: from the most promising down, until none that is left can be among the first."""
    look, listed = _Look(query), list(candidates)
    featured = [look.features(c) for c in listed]
    most = [_cheap(f) for f in featured]
    scores: dict[int, float] = {}
    best: list[float] = []
    for i in sorted(range(len(listed)), key=lambda i: -most[i]):
        if len(best) == size and most[i] < best[0]:
            break
        featured[i]["kind"] = _kind(query, listed[i])
        scores[i] = _cheap(featured[i])
        (heapq.heappush if len(best) < size else heapq.heappushpop)(best, scores[i])
    return [(listed[i], featured[i]) for i in sorted(scores, key=lambda i: (-scores[i], i))[:size]]


def _cheap(f: Mapping[str, float]) -> float:
    return f["terms"] + 0.5 * f["terms_in_context"] + f["passage_cosine"] + 0.3 * f["kind"] + 0.25 * f["article"]


def select(ranked: Sequence[Evidence], tokens: Sequence[int], *, most: int, budget: int) -> list[Evidence]:
    """The best that fit, in order; a sentence that says again what is already there is left out.

    At least one is given, however long: the budget bounds the prompt, it does not refuse.
    """
    chosen: list[Evidence] = []
    used = 0
    for item, cost in zip(ranked, tokens, strict=True):
        if (chosen and used + cost > budget) or any(_repeats(item.text, other.text) for other in chosen):
            continue
        chosen.append(item)
        used += cost
        if len(chosen) == most:
            break
    return chosen


def _repeats(a: str, b: str) -> bool:
    """Nearly the same words with the same numbers; with other numbers it is another account, and must be seen."""
    first, second = lexical.shingles(a, 3), lexical.shingles(b, 3)
    if len(first & second) < 0.7 * min(len(first), len(second)):
        return False
    return {q.value for q in quantities(a)} == {q.value for q in quantities(b)}


def pointed_at(ranked: Sequence[Evidence], draft: str, query: Query) -> list[Evidence]:
    """The evidence in the order that an unsupported draft suggests: by score, and by the draft's own terms.

    A small model often has the right name or number in a sentence that is otherwise wrong ("One ride is 2.20 pounds").
    Those words are not shown, but they tell which evidence it read. See docs/decisions/0006 for the figures.
    """
    added = [t for t in lexical.terms(draft) if t not in query.terms]
    if not added:
        return list(ranked)

    def share(item: Evidence) -> float:
        own = frozenset(lexical.terms(item.text))
        return sum(t in own for t in added) / len(added)

    moved = [replace(item, score=item.score + _POINTING * share(item)) for item in ranked]
    return sorted(moved, key=lambda e: -e.score)
