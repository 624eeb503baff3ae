"""A question to articles, and to the sentences that may answer it. Layer: core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from rag import dedup, evidence, lexical
from rag.chunking import titled
from rag.evidence import Candidate, Query
from rag.fusion import Ranking, reciprocal_rank, standard_scores
from rag.linear import LinearModel
from rag.ports import VIEWS, Embedder, Ids, Store, VectorIndex, Vectors, View
from rag.settings import Settings
from rag.types import Article, Evidence, Filters, Hit, Passage, Span

# What each view of an article counts for; see docs/decisions/0001 for the measurements.
WEIGHTS: Mapping[str, float] = {"lexical": 1.0, "lead": 0.5, "passage": 0.8}
_SHORTLIST = 48  # sentences that get a vector of their own
_TYPED = 0.5  # weight of the words as typed beside a rewritten follow-up (docs/conversation.md)
_COPIES_READ = 10  # copies of one story that are compared with it word by word


@dataclass(frozen=True, slots=True)
class _Scored:
    """Fused score of an article and what each view gave it."""

    key: int
    score: float
    views: Mapping[str, float]


class Retriever:
    """Searches one state of an index."""

    def __init__(
        self,
        store: Store,
        vectors: Mapping[View, VectorIndex],
        embedder: Embedder,
        settings: Settings,
        evidence_model: LinearModel,
    ) -> None:
        """`vectors` must be in step with the store (`rag.indexing.sync_vectors`), and the store must not change while
        the retriever lives (`Store.snapshot`)."""
        self._store, self._vectors, self._embedder, self._settings = store, vectors, embedder, settings
        self._model = evidence_model
        self._passing: dict[Filters, Mapping[View, Ids | None]] = {}
        self._embed_query = lru_cache(maxsize=256)(embedder.embed_query)

    def search(self, question: str, k: int, filters: Filters, typed: str | None = None) -> list[Hit]:
        """The k best articles, each with its best passage, copies of one story in one slot; best first.

        `typed` is what the person wrote where `question` is our rewriting of it: its own score counts half beside.
        """
        query = self._embed_query(question)
        rankings = self._rankings(question, query, filters)
        fuse = standard_scores if self._settings.fusion == "scores" else reciprocal_rank
        fused = dict(fuse(rankings, WEIGHTS))
        if typed is not None and typed != question:
            heard = fuse(self._rankings(typed, self._embed_query(typed), filters), WEIGHTS)
            least = (min(fused.values(), default=0.0), min(heard.values(), default=0.0))
            keys = {*fused, *heard}
            fused = {key: fused.get(key, least[0]) + _TYPED * heard.get(key, least[1]) for key in keys}
        scores = {name: dict(ranking) for name, ranking in rankings.items()}
        best = sorted(fused, key=lambda key: (-fused[key], key))
        scored = [_Scored(key, fused[key], {n: s[key] for n, s in scores.items() if key in s}) for key in best]
        return self._hits(scored, query, lexical.terms(question), k)

    def _rankings(self, question: str, query: Vectors, filters: Filters) -> dict[str, Ranking]:
        depth = self._settings.candidates
        allowed = self._allowed(filters)
        return {
            "lexical": self._store.lexical(lexical.content_words(question) or lexical.words(question), depth, filters),
            "lead": self._vectors["lead"].search(query, depth, allowed["lead"]),
            "passage": self._best_passages(query, depth, allowed["passage"]),
        }

    def _allowed(self, filters: Filters) -> Mapping[View, Ids | None]:
        """The vectors that pass the filters, kept for the next question with the same ones: None is all."""
        if not filters:
            return dict.fromkeys(VIEWS)
        if filters not in self._passing:
            keys = self._store.matching(filters)
            self._passing[filters] = {view: self._store.vector_ids(view, keys) for view in VIEWS}
        return self._passing[filters]

    def _best_passages(self, query: Vectors, depth: int, allowed: Ids | None) -> Ranking:
        """Articles by their best passage. Twice as many passages as articles wanted: long ones have several."""
        found = self._vectors["passage"].search(query, 2 * depth, allowed)
        owners = self._store.owners("passage", [i for i, _ in found])
        best: dict[int, float] = {}
        for passage, score in found:
            best.setdefault(owners[passage], score)
        return list(best.items())[:depth]

    def _hits(self, scored: Sequence[_Scored], query: Vectors, wanted: list[str], k: int) -> list[Hit]:
        """The first k stories. Articles are loaded a few at a time, until enough of them are no copies."""
        articles: dict[int, Article] = {}
        groups = dedup.CopyGroups()
        step = k + 10
        while len(groups.first) < len(scored) and len(set(groups.first)) < k:
            at = len(groups.first)
            articles.update(self._store.load([s.key for s in scored[at : at + step]]))
            for item in scored[at : at + step]:
                groups.add(articles[item.key].text)
        slots = list(dict.fromkeys(groups.first))[:k]
        passages = self._store.passages([scored[i].key for i in slots])
        hits = []
        for i in slots:
            found = scored[i]
            passage = self._best_passage(passages[found.key], query, wanted)
            copies = tuple(scored[j].key for j, first in enumerate(groups.first) if first == i != j)
            hits.append(Hit(found.key, articles[found.key], passage, found.score, found.views, len(copies), copies))
        return hits

    def _best_passage(self, passages: list[tuple[int, Passage]], query: Vectors, wanted: list[str]) -> Passage:
        cosines = self._passage_cosines(passages, query)

        def score(item: tuple[int, Passage]) -> float:
            return cosines[item[0]] + 0.5 * lexical.coverage(wanted, frozenset(lexical.terms(item[1].text)), {})

        return max(passages, key=score)[1]

    def _passage_cosines(self, passages: list[tuple[int, Passage]], query: Vectors) -> dict[int, float]:
        cosines: dict[int, float] = {}
        for ids, vectors in self._store.vectors("passage", [i for i, _ in passages]):
            cosines.update(zip(ids.tolist(), (vectors @ query[0]).tolist(), strict=True))
        return cosines

    def query(self, question: str) -> Query:
        """The question's terms with their rarity in this archive."""
        stems = list(dict.fromkeys([*lexical.terms(question), *(lexical.stem(w) for w in lexical.words(question))]))
        return Query.of(question, self.rarity(stems))

    def rarity(self, stems: Sequence[str]) -> dict[str, float]:
        """Inverse document frequency of stems in this archive."""
        return lexical.rarity(self._store.document_frequency(stems), self._store.size())

    def evidence(self, query: Query, hits: Sequence[Hit]) -> list[Evidence]:
        """All shortlisted sentences of the hits, ranked by the evidence model; scores are its log odds."""
        listed = evidence.shortlist(query, self._candidates(query.text, hits), _SHORTLIST)
        vectors = self._embedder.embed_documents([titled(c.article, c.text) for c, _ in listed])
        cosines = vectors @ self._embed_query(query.text)[0]
        ranked = []
        for (candidate, features), cosine in zip(listed, cosines.tolist(), strict=True):
            signals = {**features, "cosine": cosine}
            score = self._model.logit(signals)
            ranked.append(Evidence(candidate.article, candidate.span, score, signals, candidate.copies))
        return sorted(ranked, key=lambda e: -e.score)

    def _candidates(self, question: str, hits: Sequence[Hit]) -> list[Candidate]:
        """The sentences of all hits, and those of their copies that say something else: an added paragraph, another
        figure. A sentence counts as copied by an article that has its very words, not by any that is much like it."""
        query = self._embed_query(question)
        families = [(hit.key, *hit.copy_keys[:_COPIES_READ]) for hit in hits]
        passages = self._store.passages([key for family in families for key in family])
        articles = self._store.load([key for family in families for key in family[1:]])
        found: list[Candidate] = []
        for hit, family in zip(hits, families, strict=True):
            texts = [hit.article, *(articles[key] for key in family[1:])]
            said = [_spoken(a.text) for a in texts] if len(texts) > 1 else []
            for i, (key, article) in enumerate(zip(family, texts, strict=True)):
                for candidate in self._sentences(article, passages[key], query, hit.score - hits[0].score):
                    words = _spoken(candidate.text) if said else ""
                    if not any(words in text for text in said[:i]):
                        found.append(replace(candidate, copies=sum(words in text for text in said[i + 1 :])))
        return found

    def _sentences(
        self, article: Article, passages: list[tuple[int, Passage]], query: Vectors, score: float
    ) -> Iterator[Candidate]:
        cosines = self._passage_cosines(passages, query)
        previous = ""
        for i, passage in passages:
            for span in passage.sentences:
                candidate = Candidate(article, span, previous, cosines[i], score)
                yield candidate
                previous = candidate.text

    def article(self, article_id: str) -> Article | None:
        """One article by its id."""
        return self._store.article(article_id)

    def evidence_at(self, article_id: str, start: int, end: int) -> Evidence | None:
        """The words at a place of an article, as evidence; None where there is no such article or place any more."""
        article = self._store.article(article_id)
        if article is None or not 0 <= start < end <= len(article.text):
            return None
        return Evidence(article, Span(start, end), 0.0)

    def similarity(self, a: str, b: str) -> float:
        """Cosine of two sentences."""
        first, second = self._embedder.embed_documents([a, b])
        return float(np.dot(first, second))


def _spoken(text: str) -> str:
    """The words of a text alone: typography and white space may differ between copies."""
    return f" {' '.join(lexical.words(text))} "
