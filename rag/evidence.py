"""The sentences that answer, out of the articles that were found. Layer: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rag import lexical, questions
from rag.quantities import quantities
from rag.types import Article, Evidence, Span

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

    @property
    def text(self) -> str:
        """The sentence, verbatim."""
        return self.article.text[self.span.start : self.span.end]


def lexical_features(query: Query, candidate: Candidate) -> dict[str, float]:
    """What can be said of a sentence without a model; each between 0 and 1 but for `article` (0 and below)."""
    own = frozenset(lexical.stem(w) for w in lexical.words(candidate.text))
    title, before = _term_set(candidate.article.title), _term_set(candidate.previous)
    here = lexical.found(query.terms, own)
    around = here | lexical.found(query.terms, title | before)
    return {
        "terms": lexical.coverage(query.terms, here, query.rarity),
        "terms_in_context": lexical.coverage(query.terms, around, query.rarity),
        "names_in_context": lexical.coverage(query.names, own | title | before, query.rarity),
        "kind": questions.fits(query.kind, query.text, candidate.text),
        "article": candidate.article_score,
        "passage_cosine": candidate.passage_cosine,
    }


@lru_cache(maxsize=1024)
def _term_set(text: str) -> frozenset[str]:
    """Terms of a title or of a neighbour: asked for again with every sentence beside it."""
    return frozenset(lexical.terms(text))


def shortlist(query: Query, candidates: Iterable[Candidate], size: int) -> list[tuple[Candidate, dict[str, float]]]:
    """The sentences worth a vector of their own: embedding is the cost of this step."""
    featured = [(c, lexical_features(query, c)) for c in candidates]
    featured.sort(key=lambda cf: -_cheap(cf[1]))
    return featured[:size]


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
