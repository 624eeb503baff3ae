"""More of the stories that a question is about than the best sentences of all. Layer: core."""

from __future__ import annotations

from collections.abc import Sequence

from rag import lexical
from rag.covering import place
from rag.evidence import Query
from rag.retrieval import Retriever
from rag.types import Article, Evidence, Hit

_ARTICLES = 5
_ABOUT = 0.7  # of the greatest share of the question's terms, by rarity, that an article about it has


def widened(retriever: Retriever, query: Query, ranked: Sequence[Evidence], hits: Sequence[Hit]) -> list[Evidence]:
    """All evidence of the first articles about the question, each by itself so that none is crowded out, with what was
    `ranked` before of articles about it; best first. What stands in an article about something else answers nothing."""
    kept: dict[str, float] = {}
    for article in (*(hit.article for hit in hits), *(item.article for item in ranked)):
        if article.id not in kept:
            kept[article.id] = _share(query, article)
    least = _ABOUT * max(kept.values())
    found = {place(item): item for item in ranked if kept[item.article.id] >= least}
    for hit in [hit for hit in hits if kept[hit.article.id] >= least][:_ARTICLES]:
        for item in retriever.evidence(query, [hit]):
            found.setdefault(place(item), item)
    return sorted(found.values(), key=lambda e: -e.score)


def same_article(retriever: Retriever, item: Evidence, hits: Sequence[Hit]) -> list[Evidence]:
    """All sentences of the article that a sentence is from; none where it is only a copy of one that was found."""
    return next((retriever.sentences(hit) for hit in hits if hit.article.id == item.article.id), [])


def _share(query: Query, article: Article) -> float:
    stems = frozenset(lexical.terms(f"{article.title} {article.text}"))
    return lexical.coverage(query.terms, lexical.found(query.terms, stems), query.rarity)
