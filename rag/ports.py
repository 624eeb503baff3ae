"""What the core asks of the outside. Layer: ports. The docstrings are the contract; every adapter passes
tests/contracts.

No adapter lets a foreign exception through: models raise `ModelError`, storage raises `StoreError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from rag.types import Article, Filters, Message, Origin, Passage, Reading, Version

Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
View = Literal["lead", "passage"]
"""What a vector stands for: an article's title and first words, or one passage with its title."""
VIEWS: tuple[View, ...] = ("lead", "passage")


class Embedder(Protocol):
    """Texts to unit vectors. Two methods, because models prompt questions and documents differently."""

    @property
    def name(self) -> str:
        """What a person would call it."""

    @property
    def digest(self) -> str:
        """SHA-256 of the weights, in hex: two embedders with one digest give the same vectors."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens of one text that are read; the rest is cut off."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without the special ones."""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32 with unit rows, in the order of `texts`; (0, dimension) for none."""

    def embed_query(self, text: str) -> Vectors:
        """(1, dimension) float32, a unit row."""


class VectorIndex(Protocol):
    """Nearest neighbours by inner product. Knows vectors and integer ids only; derived, so it can always be rebuilt."""

    @property
    def stamp(self) -> str | None:
        """The state of the store it was built from; None before the first build."""

    def __len__(self) -> int:
        """How many vectors it holds."""

    def rebuild(self, stamp: str, batches: Iterable[tuple[Ids, Vectors]]) -> None:
        """Replace everything by these vectors; on failure the old content stays."""

    def search(self, query: Vectors, k: int, allowed: Ids | None = None) -> list[tuple[int, float]]:
        """The k best `(id, inner product)`, best first, of equal ones the smaller id; fewer where there are fewer. With
        `allowed`, exact search among those ids alone, so that a filter never starves the result."""


class Store(Protocol):
    """Articles, passages, the lexical index and every vector: the source of truth. One writer, many readers.

    Integer ids are the store's own and stable until their article changes.
    """

    def facts(self) -> dict[str, str]:
        """What the index was built with; empty before the first `put`."""

    def set_facts(self, facts: Mapping[str, str]) -> None:
        """Record what the index is built with."""

    def stamp(self) -> str:
        """Changes with every committed change; equal stamps mean equal content."""

    def snapshot(self) -> AbstractContextManager[None]:
        """While it is open every read sees one state, whatever other processes commit. For reading only."""

    def transaction(self) -> AbstractContextManager[None]:
        """All that is written while it is open is committed together, or not at all."""

    def put(self, batch: Sequence[tuple[Article, Sequence[Passage], Mapping[View, Vectors]]]) -> None:
        """Add or replace articles in one transaction: all or none. Vectors: one `lead` row, one `passage` row each."""

    def remove(self, article_ids: Sequence[str], gone: Iterable[tuple[str, str]] = ()) -> int:
        """Delete articles with all that belongs to them, their earlier versions too, and the origins `gone`, each a
        path and an id given there; how many articles there were. Their words stay in the files until `wipe`."""

    def unwiped(self) -> bool:
        """Whether files may still hold words of removed articles."""

    def wipe(self) -> bool:
        """Rewrite the files so that nothing of removed articles is in them. False while another connection reads an
        older state, which needs them: then call it again."""

    def note_origins(self, origins: Iterable[Origin]) -> None:
        """Remember where articles were read; what is known stays. Changes no stamp."""

    def origins_in(self, path: str) -> dict[str, str]:
        """The ids given in this file, each with the id of its article here."""

    def origins_of(self, article_id: str) -> list[str]:
        """The files an article was read from, in order."""

    def origin_paths(self, root: str) -> list[str]:
        """This file, or the files below this folder, that articles came from."""

    def versions(self, article_id: str) -> list[Version]:
        """What the article was before its updates, oldest first."""

    def grouping(self) -> str | None:
        """What the stories were found with, as `regroup` was told; None before."""

    def regroup(self, grouping: str) -> None:
        """Forget all stories: every article waits to be grouped."""

    def ungrouped(self, most: int) -> list[int]:
        """Keys of articles that wait for their story to be looked for, in order: new ones, changed ones, and the
        copies of one that was changed or removed."""

    def story_candidates(self, keys: Sequence[int], most: int) -> list[int]:
        """The articles, each the first of its story, with most of these keys (`rag.dedup.keys`) in common."""

    def group(self, article: int, first: int, keys: Sequence[int]) -> None:
        """Put a waiting article into the story of `first`, which is the article itself for a new one; then it is found
        by its `keys`."""

    def stories(self, keys: Sequence[int]) -> dict[int, int]:
        """For each article the first one of its story; itself while it waits."""

    def copies(self, firsts: Sequence[int]) -> dict[int, list[int]]:
        """For each first article of a story all articles of it, that one too, in order."""

    def story_count(self) -> int:
        """How many stories there are; each article that waits is one."""

    def key_of(self, article_id: str) -> int | None:
        """The integer key of an article."""

    def same_page(self, article_id: str) -> list[int]:
        """Keys of the other articles with its address, in canonical form."""

    def formats(self) -> dict[str, int]:
        """How many articles came from each format of file; an empty name where it is not known."""

    def passage_counts(self, keys: Sequence[int]) -> dict[int, int]:
        """How many passages each of these articles has."""

    def fingerprints(self, article_ids: Sequence[str]) -> dict[str, str]:
        """Fingerprint of each of these articles that is stored."""

    def size(self) -> int:
        """How many articles; asked with every question, so it must be cheap."""

    def count(self) -> dict[str, int]:
        """How many `articles`, `passages`, `sentences`; reads the whole index."""

    def articles(self) -> Iterator[Article]:
        """All articles, in the order they were first added."""

    def article(self, article_id: str) -> Article | None:
        """One article by its id."""

    def load(self, keys: Sequence[int]) -> dict[int, Article]:
        """Articles by the store's integer keys."""

    def passages(self, keys: Sequence[int]) -> dict[int, list[tuple[int, Passage]]]:
        """For each article key its passages with their integer ids, in order."""

    def owners(self, view: View, ids: Sequence[int]) -> dict[int, int]:
        """The article key that each vector id belongs to."""

    def vectors(self, view: View, ids: Sequence[int] | None = None) -> Iterator[tuple[Ids, Vectors]]:
        """Stored vectors in batches: all, or those of these ids (unknown ids are left out)."""

    def put_sentences(self, vectors: Mapping[int, Vectors]) -> None:
        """Store, with less precision, a row for each sentence of these passages. Changes no stamp: what is searched
        stays the same. They go with their passage."""

    def without_sentences(self, most: int, after: int = -1) -> dict[int, int]:
        """The first passages, of those with a greater id than `after`, that have no such rows, in order, with the keys
        of their articles."""

    def sentences(self, passages: Sequence[int], dimension: int) -> dict[int, Vectors]:
        """The rows of those of these passages that have some, unit rows, as `put_sentences` got
        them to within 0.005 a number."""

    def matching(self, filters: Filters) -> list[int]:
        """Keys of the articles that pass."""

    def sources(self) -> list[str]:
        """The outlets that articles name, each once (without regard to the case of ASCII letters), in order."""

    def undated(self, filters: Filters) -> int:
        """How many articles would pass the filters but for their missing date; 0 where no date is asked for."""

    def vector_ids(self, view: View, keys: Sequence[int]) -> Ids:
        """Vector ids of these articles."""

    def lexical(self, terms: Sequence[str], k: int, filters: Filters) -> list[tuple[int, float]]:
        """BM25 over whole articles, any of the terms, filtered inside the query: the k best `(key, score)`, best
        first, bigger is better. Terms are data: no query syntax is read from them."""

    def document_frequency(self, terms: Sequence[str]) -> dict[str, int]:
        """In how many articles each term occurs, after the index's own stemming."""

    def check(self) -> Iterator[str]:
        """Every broken invariant, one line each; nothing when all is well."""


class Reranker(Protocol):
    """Reads a question and a text together: slower and better than comparing two vectors."""

    @property
    def name(self) -> str:
        """What a person would call it."""

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question, as log odds: bigger is better."""


class Bounded(Protocol):
    """A model that reads prompts, and how long they may be."""

    @property
    def name(self) -> str:
        """What a person would call it."""

    @property
    def context_tokens(self) -> int:
        """Prompt and answer together fit in this many tokens."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a plain text. Any thread may ask, also while the model runs."""


class LanguageModel(Bounded, Protocol):
    """A chat model. One call at a time; close the iterator to stop early."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """Greedy decoding, piece by piece. Control tokens written in a message's content are plain characters."""


class Reader(Bounded, Protocol):
    """A language model that was taught the task of `rag.reading`. One call at a time."""

    def read(self, messages: Sequence[Message], opening: str, sentences: Sequence[str], none: str) -> Reading:
        """The reply that begins with `opening`: words copied from one of the sentences, and its number. `none` is
        what the model was taught to say where nothing answers; it is weighed, not written. Control tokens written in
        a message's content are plain characters. Raises ModelError, also where it was interrupted."""


@runtime_checkable
class Interruptible(Protocol):
    """A model that can be stopped while it reads a prompt, when closing its iterator would have to wait."""

    def interrupt(self) -> None:
        """End the running stream early, without an error. May come from any thread; does nothing to a later stream."""
