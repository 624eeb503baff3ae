"""Articles with their passages, taken from the store once while one question is searched. Layer: core."""

from __future__ import annotations

from collections.abc import Sequence

from rag import lexical
from rag.ports import Store
from rag.types import Article, Passage

Passages = list[tuple[int, Passage]]
"""The passages of an article with their integer ids, in order."""


class Shelf:
    """The articles of one search with their passages, each taken from the store once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._articles: dict[int, Article] = {}
        self._passages: dict[int, Passages] = {}
        self._words: dict[int, list[list[str]]] = {}

    def fetch(self, keys: Sequence[int]) -> None:
        """Get those that are not here yet."""
        missing = [key for key in keys if key not in self._articles]
        if missing:
            self._articles.update(self._store.load(missing))
            self._passages.update(self._store.passages(missing))

    def article(self, key: int) -> Article:
        """One that was fetched."""
        return self._articles[key]

    def passages(self, key: int) -> Passages:
        """Of one that was fetched, in order, with their ids."""
        return self._passages[key]

    def words(self, key: int) -> list[list[str]]:
        """The words of each sentence of one that was fetched: reading and finding copies both need them."""
        if key not in self._words:
            text = self._articles[key].text
            spans = (span for _, passage in self._passages[key] for span in passage.sentences)
            self._words[key] = [lexical.words(text[span.start : span.end]) for span in spans]
        return self._words[key]
