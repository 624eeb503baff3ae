"""Archives of any size, made of invented words. Layer: faces.

Words follow Zipf's law, and vectors are drawn around the real vector of each story's topic, so that lexical and vector
search have about the work that they have over real news; nothing is embedded, so a million passages take minutes. Each
article is a story of its own, told to the store and not found out: looking for copies is not what is measured here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from rag import wiring
from rag.indexing import build_facts, sync_vectors
from rag.ports import Embedder, Vectors, View
from rag.settings import Settings
from rag.stories import put_apart
from rag.types import Article, Passage, Span

PASSAGES_PER_ARTICLE = 4
_SENTENCES, _WORDS = 5, 18  # of a passage, of a sentence
_VOCABULARY, _TOPICS = 30_000, 200
_BATCH = 500
_SYLLABLES = "ba be bo da de do fa fi ga go ka ke la lo ma mi na no pa pe ra ro sa so ta to va ve".split()


def questions(count: int) -> list[str]:
    """Questions about topics of the archive, one after the other."""
    return [f"How many {_word(topic * 7)} did the {_topic(topic)} {_word(topic * 3)} say?" for topic in range(count)]


def build(folder: Path, passages: int, embedder: Embedder, settings: Settings) -> None:
    """An index of this many passages in a new folder."""
    topics = embedder.embed_documents([_topic(i) for i in range(_TOPICS)])
    with wiring.open_store(folder, create=True) as store:
        store.set_facts(build_facts(embedder, settings))
        for batch in _batches(passages // PASSAGES_PER_ARTICLE, topics):
            put_apart(store, batch)
        with store.snapshot():
            sync_vectors(store, wiring.vector_indexes(folder, embedder))


def store_sentences(folder: Path) -> None:
    """Vectors for all sentences of such an archive, drawn around those of their passages."""
    random = np.random.default_rng(2)
    last = -1
    with wiring.open_store(folder, create=True) as store:
        while keys := list(store.without_sentences(_BATCH, last)):
            last = keys[-1]
            [(ids, vectors)] = store.vectors("passage", keys)
            noise = 0.05 * random.standard_normal((len(ids), _SENTENCES, vectors.shape[1]), dtype=np.float32)
            rows = vectors[:, None] + noise
            rows /= np.linalg.norm(rows, axis=2, keepdims=True)
            store.put_sentences(dict(zip(ids.tolist(), rows, strict=True)))


def _batches(
    articles: int, topics: Vectors
) -> Iterator[list[tuple[Article, Sequence[Passage], Mapping[View, Vectors]]]]:
    random = np.random.default_rng(1)
    for at in range(0, articles, _BATCH):
        yield [_prepared(i, topics, random) for i in range(at, min(at + _BATCH, articles))]


def _prepared(
    number: int, topics: Vectors, random: np.random.Generator
) -> tuple[Article, list[Passage], Mapping[View, Vectors]]:
    topic = number % _TOPICS
    count = PASSAGES_PER_ARTICLE * _SENTENCES
    ranks = np.minimum(random.zipf(1.2, (count, _WORDS)), _VOCABULARY)
    ranks[:, 0] = topic * 3
    sentences = [f"{_topic(topic)} {' '.join(map(_word, row))} {random.integers(2, 900)}." for row in ranks]
    text = " ".join(sentences)
    ends = np.cumsum([len(s) + 1 for s in sentences]) - 1
    spans = [Span(int(end) - len(s), int(end)) for s, end in zip(sentences, ends, strict=True)]
    article = Article(
        f"synthetic-{number}", f"{_topic(topic)} {_word(number % _VOCABULARY)}", text, source="Bench Wire"
    )
    passages = []
    for ordinal in range(PASSAGES_PER_ARTICLE):
        own = tuple(spans[ordinal * _SENTENCES : (ordinal + 1) * _SENTENCES])
        start, end = own[0].start, own[-1].end
        passages.append(Passage(article.id, ordinal, start, end, text[start:end], own))
    vectors = topics[topic] + 0.05 * random.standard_normal((PASSAGES_PER_ARTICLE + 1, topics.shape[1]))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return article, passages, {"lead": vectors[:1], "passage": vectors[1:]}


def _topic(number: int) -> str:
    return f"{_word(number * 11 + 5).title()} {_word(number * 13 + 7).title()}"


@lru_cache(maxsize=_VOCABULARY + 1)
def _word(number: int) -> str:
    """A word for each number, longer for bigger ones."""
    base, letters = len(_SYLLABLES), []
    number += base
    while number:
        number, last = divmod(number, base)
        letters.append(_SYLLABLES[last])
    return "".join(letters)
