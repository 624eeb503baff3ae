"""The vectors of sentences: stored, kept from earlier questions, or made when they are asked for. Layer: core."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rag.chunking import titled
from rag.evidence import Candidate
from rag.ports import Embedder, Store, Vectors

_SEEN = 8192  # vectors kept in memory, 12 MB of them with the bundled model
_BATCH = 64  # passages whose sentences are embedded and committed together
STORED_FROM = 50_000  # passages of an archive, from which on they are stored; docs/decisions/0067 has the table


def stored(setting: str, passages: int) -> bool:
    """Whether an archive of so many passages has the vectors of its sentences stored."""
    return setting == "stored" or (setting == "auto" and passages >= STORED_FROM)


class SentenceVectors:
    """The vectors of candidates, from where they cost least."""

    def __init__(self, store: Store, embedder: Embedder, seen: dict[str, Vectors] | None = None) -> None:
        """`seen`: what others of the same embedder made, and will use; a dictionary by text."""
        self._store, self._embedder = store, embedder
        self._seen: dict[str, Vectors] = {} if seen is None else seen

    def of(self, candidates: Sequence[Candidate]) -> Vectors:
        """(n, dimension). Those made here are kept for later questions about the same stories: they are most of the
        work of one."""
        stored = self._store.sentences(list({c.passage for c in candidates}), self._embedder.dimension)
        texts = ["" if c.passage in stored else titled(c.article, c.text) for c in candidates]
        made = self._made([text for text in texts if text])
        return np.stack(
            [made[text] if text else stored[c.passage][c.place] for c, text in zip(candidates, texts, strict=True)]
        )

    def _made(self, texts: list[str]) -> dict[str, Vectors]:
        found = {text: vector for text in texts if (vector := self._seen.get(text)) is not None}
        if new := [text for text in dict.fromkeys(texts) if text not in found]:
            found.update(zip(new, self._embedder.embed_documents(new), strict=True))
            self._seen.update(found)
        for text in list(self._seen)[: max(0, len(self._seen) - _SEEN)]:
            self._seen.pop(text, None)  # the oldest; another thread may have been here
        return found


def embed_missing(
    store: Store, embedder: Embedder, progress: Callable[[int], None] = lambda _: None, most: int | None = None
) -> int:
    """Store the vectors of the sentences of all passages that lack them, or of about `most`, batch by batch, so that an
    interrupted run goes on where it stopped; how many passages there were. `progress` is told as many so far."""
    done, last = 0, -1
    while (most is None or done < most) and (owners := store.without_sentences(_BATCH, last)):
        last = max(owners)
        keys = list(dict.fromkeys(owners.values()))
        articles, passages = store.load(keys), store.passages(keys)
        listed = [(number, p) for key in keys for number, p in passages[key] if number in owners]
        texts = [
            titled(articles[owners[number]], p.text[s.start - p.start : s.end - p.start])
            for number, p in listed
            for s in p.sentences
        ]
        ends = np.cumsum([len(p.sentences) for _, p in listed])[:-1]
        parts = np.split(embedder.embed_documents(texts), ends)
        store.put_sentences({number: part for (number, _), part in zip(listed, parts, strict=True)})
        done += len(listed)
        progress(done)
    return done
