"""Articles with their passages and words, taken from the store once. Layer: core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag import lexical
from rag.ports import Store
from rag.types import Article, Passage, Span

Passages = list[tuple[int, Passage]]
"""The passages of an article with their integer ids, in order."""
_KEPT, _LONGEST = 128, 20_000  # articles kept for the next question, and the characters of the longest


@dataclass(slots=True)
class _Shelved:
    article: Article
    passages: Passages
    words: list[list[str]] | None = None


class Kept(dict[int, _Shelved]):
    """Articles that stay from one search to the next: most questions in a row are about the same stories, and the
    evidence of a question about those that its search read. Good as long as the store does not change."""

    def keep(self, new: dict[int, _Shelved]) -> None:
        """Add these but for the longest; the oldest go. Other threads may be here."""
        self.update((key, item) for key, item in new.items() if len(item.article.text) <= _LONGEST)
        for key in list(self)[: max(0, len(self) - _KEPT)]:
            self.pop(key, None)


class Shelf:
    """The articles of one search with their passages."""

    def __init__(self, store: Store, kept: Kept | None = None) -> None:
        self._store = store
        self._kept = Kept() if kept is None else kept
        self._here: dict[int, _Shelved] = {}

    def fetch(self, keys: Sequence[int]) -> None:
        """Get those that are not here yet."""
        for key in keys:
            if key not in self._here and (known := self._kept.get(key)) is not None:
                self._here[key] = known
        missing = [key for key in keys if key not in self._here]
        if missing:
            passages = self._store.passages(missing)
            new = {key: _Shelved(article, passages[key]) for key, article in self._store.load(missing).items()}
            self._here.update(new)
            self._kept.keep(new)

    def article(self, key: int) -> Article:
        """One that was fetched."""
        return self._here[key].article

    def passages(self, key: int) -> Passages:
        """Of one that was fetched, in order, with their ids."""
        return self._here[key].passages

    def spans(self, key: int) -> list[Span]:
        """The sentences of one that was fetched."""
        return [span for _, passage in self._here[key].passages for span in passage.sentences]

    def words(self, key: int) -> list[list[str]]:
        """The words of each of its sentences: reading, finding copies and choosing evidence all need them."""
        item = self._here[key]
        if item.words is None:
            text = item.article.text
            item.words = [lexical.words(text[span.start : span.end]) for span in self.spans(key)]
        return item.words
