"""Articles that wait are put to the stories they copy; only new ones are taken apart. Layer: core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag import dedup
from rag.ports import Store, Vectors, View
from rag.types import Article, Passage

_BATCH = 64
_COMPARED = 24  # candidates that are read; of reports of one form there may be thousands


def group(store: Store) -> int:
    """Find the story of every article that waits, oldest first; how many there were.

    Each is compared with the first articles of stories alone: what copies a copy but not the first is a story of its
    own, so that a chain of changes never joins two stories. Killed in between, the rest waits for the next run.
    """
    if store.grouping() != dedup.VERSION:
        store.regroup(dedup.VERSION)
    count = 0
    known: dict[int, dedup.Text] = {}
    while waiting := store.ungrouped(_BATCH):
        with store.transaction():
            for key in waiting:
                _place(store, key, known)
        count += len(waiting)
        known = dict(list(known.items())[-_COMPARED * _BATCH :])
    return count


def _place(store: Store, key: int, known: dict[int, dedup.Text]) -> None:
    _fetch(store, [key], known)
    keys = dedup.keys(known[key])
    candidates = [other for other in store.story_candidates(keys, _COMPARED) if other != key]
    _fetch(store, candidates, known)
    likeness = {other: dedup.likeness(known[key], known[other]) for other in candidates}
    best = max(candidates, key=lambda other: (likeness[other], -other), default=key)
    store.group(key, best if likeness.get(best) else key, keys)


def _fetch(store: Store, keys: list[int], known: dict[int, dedup.Text]) -> None:
    missing = [key for key in keys if key not in known]
    known.update({key: dedup.Text.of(article.text) for key, article in store.load(missing).items()})


def put_apart(store: Store, batch: Sequence[tuple[Article, Sequence[Passage], Mapping[View, Vectors]]]) -> None:
    """Put articles that are known to be no copies, as those of a benchmark, without comparing them."""
    with store.transaction():
        if store.grouping() != dedup.VERSION:
            store.regroup(dedup.VERSION)
        store.put(batch)
        for key in store.ungrouped(len(batch)):
            store.group(key, key, (key,))  # a key that no other has: each is the first of its story
