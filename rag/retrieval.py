"""A question to articles, and to the sentences that may answer it. Layer: core."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache, partial
from itertools import chain

import numpy as np

from rag import candidates, dates, evidence, lexical, ranking
from rag.articles import published_day
from rag.errors import UsageError
from rag.evidence import Query
from rag.fusion import Ranking, reciprocal_rank, standard_scores, standardised, together
from rag.linear import LinearModel
from rag.ports import VIEWS, Embedder, Ids, Reranker, Store, VectorIndex, Vectors, View
from rag.sentence_vectors import SentenceVectors
from rag.settings import Settings
from rag.shelf import Kept, Shelf
from rag.types import Article, Evidence, Filters, Hit, Passage, SearchNotes, Span

# What each view of an article counts for at first sight; see docs/decisions/0001 for the measurements.
WEIGHTS: Mapping[str, float] = {"lexical": 1.0, "lead": 0.5, "passage": 0.8}
_SHORTLIST = 48  # sentences that get a vector of their own
_TYPED = 0.5  # weight of the words as typed beside a rewritten follow-up (docs/conversation.md)
_UNREAD = dict.fromkeys((*ranking.READ, "date"), 0.0)


@dataclass(frozen=True, slots=True)
class Ranked:
    """An article as a search sees it: its score, what each view gave it with its place there, and the signals whose
    weighted sum the score is, `parts` by part; empty where places alone were fused. `places`, which all share: for each
    view the place, from 1, and the score of what it found."""

    key: int
    score: float
    signals: Mapping[str, float]
    weights: Mapping[str, float]
    places: Mapping[str, Mapping[int, tuple[int, float]]]

    @property
    def views(self) -> dict[str, float]:
        """Each view's own score, where it found the article."""
        return {name: found[self.key][1] for name, found in self.places.items() if self.key in found}

    @property
    def ranks(self) -> dict[str, int]:
        """Its place in each view, from 1."""
        return {name: found[self.key][0] for name, found in self.places.items() if self.key in found}

    @property
    def parts(self) -> dict[str, float]:
        """What the score is the sum of."""
        return {name: weight * self.signals[name] for name, weight in self.weights.items()}


class Retriever:
    """Searches one state of an index."""

    def __init__(
        self,
        store: Store,
        vectors: Mapping[View, VectorIndex],
        embedder: Embedder,
        settings: Settings,
        evidence_model: LinearModel,
        ranking_model: LinearModel | None = None,
        seen: dict[str, Vectors] | None = None,
    ) -> None:
        """`vectors` must be in step with the store (`rag.indexing.sync_vectors`), and the store must not change while
        the retriever lives (`Store.snapshot`). Without a `ranking_model` the fused views alone decide the order.
        `seen`: see `SentenceVectors`."""
        self._store, self._vectors, self._embedder, self._settings = store, vectors, embedder, settings
        self._model, self._ranking = evidence_model, ranking_model
        self.reranker: Reranker | None = None  # reads the best evidence once more; a setting, off by default
        # Neither refers to the retriever: it would stay, with all it holds, until the collector finds the cycle.
        self._passing = lru_cache(maxsize=32)(partial(_vectors_passing, store))
        self._sentences = SentenceVectors(store, embedder, seen)
        self._kept = Kept()
        self._frequency: dict[str, int] = {}
        self._embed_query = lru_cache(maxsize=256)(embedder.embed_query)

    def forget(self) -> None:
        """Let go of the vector files and of what was kept for later questions: there will be none."""
        self._vectors = {}
        self._kept.clear()
        self._passing.cache_clear()

    def search(self, question: str, k: int, filters: Filters, typed: str | None = None) -> list[Hit]:
        """The k best articles, each with its best passage, copies of one story in one slot; best first. Raises
        UsageError for a source that no article has.

        `typed` is what the person wrote where `question` is our rewriting of it: its own scores count half beside.
        """
        self._require_source(filters)
        shelf = Shelf(self._store, self._kept)
        dated = self._dated(question, filters)
        rankings = self.rankings(question, filters)
        if typed is not None and typed != question:
            rankings = together(rankings, self.rankings(typed, filters), _TYPED)
        ranked = self.rank(question, rankings, dated, shelf)
        return self._hits(ranked, self._embed_query(question), _taken_apart(question), k, shelf)

    @property
    def store(self) -> Store:
        """What is searched."""
        return self._store

    def timing(self, question: str) -> dates.Timing:
        """What the question says about time, seen from today."""
        return dates.timing(question, self._today())

    def _today(self) -> date:
        return self._settings.today or date.today()

    def _dated(self, question: str, filters: Filters) -> Mapping[str, Ranking]:
        """A search among the articles of the time that the question names: they may be far down among all."""
        window = self.timing(question).window()
        if not window or not self._ranking:
            return {}
        since, until = max(window[0], filters.since or date.min), min(window[1], filters.until or date.max)
        return self.rankings(question, replace(filters, since=since, until=until))

    def rank(
        self,
        question: str,
        rankings: Mapping[str, Ranking],
        dated: Mapping[str, Ranking] | None = None,
        shelf: Shelf | None = None,
    ) -> list[Ranked]:
        """All articles of the rankings in one order, best first: the views decide which are read, and what they say
        decides with them. `dated`: rankings of articles that are read for their dates."""
        first = reciprocal_rank if self._settings.fusion == "ranks" else standard_scores
        scores = first(rankings, WEIGHTS)
        weights = WEIGHTS if self._settings.fusion == "scores" else {}
        signals: dict[int, dict[str, float]] = standardised(rankings, dated)
        order = _best_first(scores)
        if self._ranking:
            look = order[: self._settings.read_articles]
            look += _best_first(standard_scores(dated or {}, WEIGHTS))[: self._settings.read_articles]
            read = self._read(question, list(dict.fromkeys(look)), shelf or Shelf(self._store, self._kept))
            weights = {**self._ranking.weights, "date": ranking.DATE}
            for key, own in signals.items():
                own.update(read.get(key, _UNREAD))
                scores[key] = sum([weight * own[name] for name, weight in weights.items()])
            order = _best_first(scores)
        places = {
            name: {key: (place, score) for place, (key, score) in enumerate(found, start=1)}
            for name, found in rankings.items()
        }
        return [Ranked(key, scores[key], signals[key], weights, places) for key in order]

    def _read(self, question: str, keys: Sequence[int], shelf: Shelf) -> dict[int, dict[str, float]]:
        """What the words of these articles, and their dates, say about the question."""
        reading, timing = ranking.Reading(self.query(question)), self.timing(question)
        shelf.fetch(keys)
        days = {key: published_day(p) if (p := shelf.article(key).published) else None for key in keys}
        effects = dates.effects(timing, days)
        found = {}
        for key in keys:
            article, day = shelf.article(key), days[key]
            # "on 4 November" is said by the date of an article as well as by its words.
            heading = f"{article.title} {dates.spelled(day)}" if day and timing.periods else article.title
            found[key] = {**reading.signals(heading, shelf.words(key)), "date": effects[key]}
        return found

    def undated(self, filters: Filters) -> int:
        """How many articles the date filters leave out because they have no date."""
        return self._store.undated(filters)

    def notes(self, question: str, filters: Filters) -> SearchNotes:
        """What a search makes of this question."""
        timing = self.timing(question)
        allowed = self._allowed(filters)["lead"]
        return SearchNotes(
            filters=filters,
            searched=self.size() if allowed is None else len(allowed),
            undated=self.undated(filters),
            today=self._today(),
            date_words=timing.words,
            periods=tuple((period.first, period.last) for period in timing.periods),
            latest=timing.latest,
        )

    def _require_source(self, filters: Filters) -> None:
        if filters.source is None:
            return
        outlets = {name.casefold(): name for name in self._store.sources()}
        if (wanted := filters.source.casefold()) not in outlets:
            raise UsageError(f"no article is from {filters.source!r}: {_nearest(wanted, outlets)}")

    def rankings(self, question: str, filters: Filters) -> dict[str, Ranking]:
        """What each view finds, best first: articles by their keys, with that view's own scores."""
        depth, query = self._settings.candidates, self._embed_query(question)
        allowed = self._allowed(filters)
        return {
            "lexical": self._store.lexical(lexical.content_words(question) or lexical.words(question), depth, filters),
            "lead": self._vectors["lead"].search(query, depth, allowed["lead"]),
            "passage": self._best_passages(query, depth, allowed["passage"]),
        }

    def _allowed(self, filters: Filters) -> Mapping[View, Ids | None]:
        """The vectors that pass the filters, kept for the next question with the same ones: None is all."""
        return self._passing(filters) if filters else dict.fromkeys(VIEWS)

    def _best_passages(self, query: Vectors, depth: int, allowed: Ids | None) -> Ranking:
        """Articles by their best passage. Twice as many passages as articles wanted: long ones have several."""
        found = self._vectors["passage"].search(query, 2 * depth, allowed)
        owners = self._store.owners("passage", [i for i, _ in found])
        best: dict[int, float] = {}
        for passage, score in found:
            best.setdefault(owners[passage], score)
        return list(best.items())[:depth]

    def _hits(self, ranked: Sequence[Ranked], query: Vectors, asked: Query, k: int, shelf: Shelf) -> list[Hit]:
        """The first k stories, each in one slot: that of its best article."""
        first = self._store.stories([item.key for item in ranked])
        families: dict[int, list[Ranked]] = {}
        for item in ranked:
            families.setdefault(first[item.key], []).append(item)
        chosen = dict(list(families.items())[:k])
        everywhere = self._store.copies(list(chosen))
        shelf.fetch([members[0].key for members in chosen.values()])
        several = [p for members in chosen.values() if len(p := shelf.passages(members[0].key)) > 1]
        cosines = self._passage_cosines([number for passages in several for number, _ in passages], query)
        choice, hits = _PassageChoice(asked, cosines), []
        for story, (found, *others) in chosen.items():
            passage = choice.best(shelf.passages(found.key), shelf.words(found.key))
            why = (found.views, len(everywhere[story]) - 1, tuple(o.key for o in others), found.ranks, found.parts)
            hits.append(Hit(found.key, shelf.article(found.key), passage, found.score, *why))
        return hits

    def _passage_cosines(self, passages: Sequence[int], query: Vectors) -> dict[int, float]:
        cosines: dict[int, float] = {}
        for ids, vectors in self._store.vectors("passage", passages) if passages else ():
            cosines.update(zip(ids.tolist(), (vectors @ query[0]).tolist(), strict=True))
        return cosines

    def query(self, question: str) -> Query:
        """The question's terms with their rarity in this archive."""
        bare = _taken_apart(question)
        return replace(bare, rarity=self.rarity([*bare.terms, *bare.names]))

    def rarity(self, stems: Sequence[str]) -> dict[str, float]:
        """Inverse document frequency of stems in this archive."""
        # Kept for the next question: to count the articles of a frequent word takes as long as to search for it.
        # Words that no article has are as many as people think of, and counted at once: they are not kept.
        counts = {stem: self._frequency.get(stem, -1) for stem in stems}
        if unknown := [stem for stem, count in counts.items() if count < 0]:
            counts.update(self._store.document_frequency(unknown))
            self._frequency.update((stem, counts[stem]) for stem in unknown if counts[stem])
        return lexical.rarity(counts, self._store.size())

    def evidence(self, query: Query, hits: Sequence[Hit]) -> list[Evidence]:
        """All shortlisted sentences of the hits, ranked by the evidence model; scores are its log odds."""
        shelf, embedded = Shelf(self._store, self._kept), self._embed_query(query.text)
        shelf.fetch([key for family in candidates.families(hits) for key in family])
        passages = [i for family in candidates.families(hits) for key in family for i, _ in shelf.passages(key)]
        gathered = candidates.gather(hits, shelf, self._passage_cosines(passages, embedded))
        listed = evidence.shortlist(query, gathered, _SHORTLIST)
        cosines = self._sentences.of([candidate for candidate, _ in listed]) @ embedded[0]
        ranked = []
        for (candidate, features), cosine in zip(listed, cosines.tolist(), strict=True):
            signals = {**features, "cosine": cosine}
            score = self._model.logit(signals)
            ranked.append(Evidence(candidate.article, candidate.span, score, signals, candidate.copies))
        best = sorted(ranked, key=lambda e: -e.score)
        return ranking.reranked(self.reranker, query.text, best, self._settings.reranked_sentences)

    def article(self, article_id: str) -> Article | None:
        """One article by its id."""
        return self._store.article(article_id)

    def evidence_at(self, article_id: str, start: int, end: int) -> Evidence | None:
        """The words at a place of an article, as evidence; None where there is no such article or place any more."""
        article = self._store.article(article_id)
        if article is None or not 0 <= start < end <= len(article.text):
            return None
        return Evidence(article, Span(start, end), 0.0)

    def sentences(self, hit: Hit) -> list[Evidence]:
        """All sentences of an article, in its order; not ranked for anything."""
        [passages] = self._store.passages([hit.key]).values()
        return [
            Evidence(hit.article, span, 0.0, {}, hit.copies) for _, passage in passages for span in passage.sentences
        ]

    def ids(self, keys: Sequence[int]) -> dict[int, str]:
        """The articles' own ids."""
        return {key: article.id for key, article in self._store.load(keys).items()}

    def size(self) -> int:
        """How many articles are searched."""
        return self._store.size()

    def similarity(self, a: str, b: str) -> float:
        """Cosine of two sentences."""
        first, second = self._embedder.embed_documents([a, b])
        return float(np.dot(first, second))


def _vectors_passing(store: Store, filters: Filters) -> Mapping[View, Ids | None]:
    keys = store.matching(filters)
    return {view: store.vector_ids(view, keys) for view in VIEWS}


@lru_cache(maxsize=256)
def _taken_apart(question: str) -> Query:
    return Query.of(question, {})


def _nearest(wanted: str, outlets: Mapping[str, str]) -> str:
    """What to say of an outlet that is not there: the names most like it. `outlets`: their names by folded name."""
    if not outlets:
        return "no article names its outlet"
    near = difflib.get_close_matches(wanted, outlets, n=3, cutoff=0.5) or [n for n in outlets if wanted in n][:3]
    shown = ", ".join(outlets[name] for name in near or sorted(outlets)[:3])
    return f"the nearest are {shown}" if near else f"there are {shown}"


def _best_first(scores: Mapping[int, float]) -> list[int]:
    return sorted(scores, key=lambda key: (-scores[key], key))


class _PassageChoice:
    """Which passage of an article is shown: near the question and with its words."""

    def __init__(self, query: Query, cosines: Mapping[int, float]) -> None:
        self._wanted, self._cosines = query.terms, cosines
        self._meanings = evidence.meanings(query.terms, query.names)

    def best(self, passages: Sequence[tuple[int, Passage]], words: Sequence[Sequence[str]]) -> Passage:
        """`words` of the sentences of all passages, in order."""
        if len(passages) == 1:
            return passages[0][1]
        scores, at = [], 0
        for number, passage in passages:
            own = chain.from_iterable(words[at : at + len(passage.sentences)])
            scores.append(self._cosines[number] + 0.5 * lexical.coverage(self._wanted, self._stems(own), {}))
            at += len(passage.sentences)
        return passages[scores.index(max(scores))][1]

    def _stems(self, words: Iterable[str]) -> frozenset[str]:
        """Those of content words that mean something to the question."""
        likely = {word for word in words if self._meanings[word]}
        return frozenset(lexical.stem(word) for word in likely - lexical.STOPWORDS)
