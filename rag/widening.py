"""More of the stories that a question is about than the best sentences of all. Layer: core."""

from __future__ import annotations

from collections.abc import Sequence

from rag import accounts, lexical
from rag.covering import place
from rag.evidence import Query
from rag.retrieval import Retriever
from rag.types import Article, Evidence, Hit

_ARTICLES = 5
_ABOUT = 0.7  # of the greatest share of the question's terms, by rarity, that an article about it has
_NEAR = 0.5  # the same for what was ranked already, where the question names nothing


def widened(
    retriever: Retriever, query: Query, ranked: Sequence[Evidence], hits: Sequence[Hit], best: Evidence
) -> list[Evidence]:
    """All evidence of the first articles about the question, each by itself so that none is crowded out, with what was
    `ranked` before of articles about it; best first. An article is about it that has the names of the question, or most
    of its words where it names nothing, and that of the `best` evidence, which may write them otherwise ("the U.S."):
    what stands in any other answers nothing."""
    articles = {a.id: a for a in (*(hit.article for hit in hits), *(item.article for item in ranked))}
    names = accounts.lasting_names(query)
    held = {key: _share(names, query, article) for key, article in articles.items()} if names else {}
    shares = {key: _share(query.terms, query, article) for key, article in articles.items()}

    def about(key: str, least: float) -> bool:
        if key == best.article.id:
            return True
        return held[key] >= max(held.values()) if names else shares[key] >= least * max(shares.values())

    found = {place(item): item for item in ranked if about(item.article.id, _NEAR)}
    for hit in [hit for hit in hits if about(hit.article.id, _ABOUT)][:_ARTICLES]:
        for item in retriever.evidence(query, [hit]):
            found.setdefault(place(item), item)
    return sorted(found.values(), key=lambda e: -e.score)


def same_article(retriever: Retriever, item: Evidence, hits: Sequence[Hit]) -> list[Evidence]:
    """All sentences of the article that a sentence is from; none where it is only a copy of one that was found."""
    return next((retriever.sentences(hit) for hit in hits if hit.article.id == item.article.id), [])


def _share(wanted: Sequence[str], query: Query, article: Article) -> float:
    stems = frozenset(lexical.terms(f"{article.title} {article.text}"))
    return lexical.coverage(wanted, lexical.found(wanted, stems), query.rarity)
