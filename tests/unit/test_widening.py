"""More of the stories a question is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from rag.evidence import Query
from rag.retrieval import Retriever
from rag.types import Article, Evidence, Hit, Passage, Span
from rag.widening import widened


class OneSentenceEach:
    """Stands for the search: the whole text of an article as its one sentence."""

    def evidence(self, _query: Query, hits: Sequence[Hit]) -> list[Evidence]:
        return [sentence(hit.article) for hit in hits]


def sentence(article: Article) -> Evidence:
    return Evidence(article, Span(0, len(article.text)), 0.0, {}, 0)


def test_the_article_of_the_best_sentence_is_about_the_question_whatever_it_names() -> None:
    named = Article("named", "Aid", "Jan Egeland of the United States thanked donors.")
    best = Article("best", "Aid", "Egeland took back what he had said of the U.S.")
    other = Article("other", "Cup", "Aldra won the cup.")
    hits = [Hit(n, a, cast(Passage, None), 0.0) for n, a in enumerate((named, best, other))]
    query = Query.of("What did Jan Egeland say of the United States?", {})
    ranked = [sentence(a) for a in (best, named, other)]
    search = cast(Retriever, OneSentenceEach())
    assert {e.article.id for e in widened(search, query, ranked, hits, ranked[0])} == {"best", "named"}
    assert {e.article.id for e in widened(search, query, ranked, hits, ranked[1])} == {"named"}
