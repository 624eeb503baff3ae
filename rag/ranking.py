"""What the words of a found article say about a question: the signals of the second look. Layer: pure.

The views of a search (BM25, vectors) see an article as a bag of words or as one point. The first articles found are
read: whether one sentence has the question's terms together says more than how often each occurs somewhere. The
weights are fitted (`rag/fitted/ranking.json`); docs/retrieval.md has what each signal is worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice, pairwise

from rag import lexical
from rag.chunking import titled
from rag.evidence import Query, meanings
from rag.ports import Reranker
from rag.types import Evidence

READ = ("terms", "names", "sentence", "near")
"""The signals made here, each between 0 and 1; an article that was not read has none of them."""
DATE = 1.5
"""Weight of `rag.dates.effects`, which lie between -0.5 and 0.5; docs/retrieval.md has what it does."""
_NEAR = 4  # words between two terms of the question that belong together
_MOST_SENTENCES = 400  # of one article: reading a book for one question would take longer than answering it


class Reading:
    """One question, to be held against several texts: what a word means to it is worked out once."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._weight = {t: query.rarity.get(t, 1.0) for t in (*query.terms, *query.names)}
        self._meanings = meanings(query.terms, query.names)
        self._shares: dict[frozenset[str], float] = {}
        wanted = frozenset(query.terms)
        asked = [stem for word in lexical.words(query.text) if (stem := lexical.stem(word)) in wanted]
        self._pairs = [(a, b) for a, b in pairwise(asked) if a != b]

    def signals(self, title: str, sentences: Iterable[Sequence[str]]) -> dict[str, float]:
        """`READ` of an article with this title and the words (`lexical.words`) of these sentences, in order.

        terms and names: share of the question's that stand anywhere in it, weighted by rarity. sentence: the best such
        share of terms in one sentence with the title. near: share of the question's neighbouring terms that stand near
        each other.
        """
        read = list(islice(sentences, _MOST_SENTENCES))
        self._meanings.learn(chain.from_iterable(read))
        about = frozenset(stem for _, stems in self._found(lexical.words(title)) for stem in stems)
        everywhere, best = set(about), self._share(about)
        places: dict[str, list[int]] = {}
        offset = 0
        for words in read:
            if found := self._found(words):
                for at, stems in found:
                    for stem in stems:
                        places.setdefault(stem, []).append(offset + at)
                here = about.union(*(stems for _, stems in found))
                everywhere |= here
                best = max(best, self._share(here))
            offset += len(words)
        return {
            "terms": self._share(frozenset(everywhere)),
            "names": lexical.coverage(self._query.names, everywhere, self._weight),
            "sentence": best,
            "near": self._near(places),
        }

    def _found(self, words: Sequence[str]) -> list[tuple[int, frozenset[str]]]:
        """Where words of the question stand, and which of its stems each one is: a term also as its near derivation, a
        name only as itself."""
        look = self._meanings.__getitem__
        return [(at, meaning.all) for at, meaning in enumerate(map(look, words)) if meaning]

    def _share(self, present: frozenset[str]) -> float:
        if present not in self._shares:
            self._shares[present] = lexical.coverage(self._query.terms, present, self._weight)
        return self._shares[present]

    def _near(self, places: Mapping[str, Sequence[int]]) -> float:
        weights = [self._weight[a] + self._weight[b] for a, b in self._pairs]
        together = (_close(places.get(a, ()), places.get(b, ())) for a, b in self._pairs)
        return sum(w for w, near in zip(weights, together, strict=True) if near) / (sum(weights) or 1.0)


def _close(a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether some place of one list is within `_NEAR` of some place of the other; both ascend."""
    i = j = 0
    while i < len(a) and j < len(b):
        if abs(a[i] - b[j]) <= _NEAR:
            return True
        if a[i] < b[j]:
            i += 1
        else:
            j += 1
    return False


def reranked(reranker: Reranker | None, question: str, ranked: list[Evidence], most: int) -> list[Evidence]:
    """The first `most` sentences in the order of the reranker, with its scores; then the others, as far below the last
    of these as they were. Without a reranker all stays as it is."""
    head, tail = ranked[:most], ranked[most:]
    if reranker is None or not head:
        return ranked
    scores = reranker.scores(question, [titled(e.article, e.text) for e in head])
    read = [
        replace(e, score=score, signals={**e.signals, "reranker": score}) for e, score in zip(head, scores, strict=True)
    ]
    lower = min(scores) - head[-1].score
    return [*sorted(read, key=lambda e: -e.score), *(replace(e, score=e.score + lower) for e in tail)]
