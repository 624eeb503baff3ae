"""Which file each article came from: edited files replace their article, and what is gone can be found. Layer: core."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rag.articles import is_named_by_content
from rag.ports import Store
from rag.types import Article, Origin, Problem

_MOST_HELD = 4096  # articles of one file that wait for its end; of a bigger file the rest counts as new
Item = Article | Problem


class Opened:
    """What readers tell of the files they open, kept until somebody follows."""

    def __init__(self) -> None:
        self._paths: list[str | None] = []
        self._follower: Origins | None = None

    def __call__(self, path: str | None) -> None:
        """This file is read from now on; None: no file."""
        if self._follower:
            self._follower.opened(path)
        else:
            self._paths.append(path)

    def told(self, follower: Origins) -> Origins:
        """The follower, told of what was opened; from now on it is told at once."""
        for path in self._paths:
            follower.opened(path)
        self._follower = follower
        return follower


class Origins:
    """Follows one run of reading: `opened` is told of each file, `follow` passes on what was read.

    An article without an id or address of its own has a digest of its content for an id, so an edited one looks like a
    new one. Here it takes over the id of the article that its file gave before: where a file gave one such article and
    gives another one instead, or several with one title each.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._opened: list[str | None] = [None]
        self._known: dict[str, str] = {}  # of the file being read: ids it gave when it was last read, and ours
        self._given: set[str] = set()
        self._held: list[Article] = []
        self._problem = False
        self._noted: list[Origin] = []
        self._stale: set[tuple[str, str]] = set()
        self._replaced: set[tuple[str, str]] = set()
        self.kept = 0

    def opened(self, path: str | None) -> None:
        """What is read from now on comes from this file; None: from no file."""
        self._opened.append(path and os.path.abspath(path))

    def follow(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, edited articles under the id they had. `opened` may be called while the next one is read."""
        for item in items:
            yield from self._turned()
            if isinstance(item, Problem):
                self._problem = True
            elif self._path is None:
                pass
            elif self._waits(item):
                self._given.add(item.id)
                self._held.append(item)
                continue
            else:
                item = self._noting(item, self._known.get(item.id, item.id))
            yield item
        yield from self._turned(last=True)

    @property
    def _path(self) -> str | None:
        return self._opened[0]

    def _turned(self, *, last: bool = False) -> Iterator[Article]:
        """Finish the files that were left behind and begin with the present one."""
        while len(self._opened) > 1 or last:
            yield from self._finished()
            self._opened.pop(0)
            self._given, self._held, self._problem = set(), [], False
            if not self._opened:
                return
            self._known = self._store.origins_in(self._path) if self._path else {}

    def _waits(self, article: Article) -> bool:
        """Whether the end of its file decides if it is an edited or a new article."""
        unknown = self._known and article.id not in self._known and article.id not in self._given
        if not unknown or len(self._held) >= _MOST_HELD or not is_named_by_content(article):
            return False
        return not self._store.fingerprints([article.id])

    def _noting(self, article: Article, ours: str) -> Article:
        assert self._path is not None
        self._given.add(article.id)
        self._noted.append(Origin(self._path, article.id, ours))
        return article if ours == article.id else replace(article, id=ours)

    def _finished(self) -> Iterator[Article]:
        """What waited; then what the file gave before and gives no more is known."""
        if self._path is None:
            return
        missing = {given: ours for given, ours in self._known.items() if given not in self._given}
        replaced = self._pairs(missing) if self._held else {}
        for article in self._held:
            given = replaced.get(article.id)
            if given is None:
                yield self._noting(article, article.id)
            else:
                self._replaced.add((self._path, given))
                yield self._noting(article, missing.pop(given))
        if self._problem:  # an article that could not be read is not gone
            self.kept += len(missing)
        else:
            self._stale |= {(self._path, given) for given in missing}

    def _pairs(self, missing: dict[str, str]) -> dict[str, str]:
        """For the held articles that are edited ones: their id, and the id the file gave before."""
        before: dict[str, Article] = {}
        taken = {ours for given, ours in self._known.items() if given in self._given}
        for given, ours in missing.items():
            if ours in taken:
                continue
            old = self._store.article(ours)
            # One with an address or an id is another story; one that other files still give stays as it is there.
            if old and given.startswith("sha256-") and len(self._store.origins_of(ours)) == 1:
                before[given] = old
        if len(before) == len(self._held) == 1:
            return {self._held[0].id: next(iter(before))}
        olds, news = _by_title(before.items()), _by_title((article.id, article) for article in self._held)
        return {news[title]: olds[title] for title in news.keys() & olds.keys()}

    def commit(self) -> None:
        """Note where the articles that were passed on came from; to be called when they are stored."""
        if self._noted:
            self._store.note_origins(self._noted)
        if self._replaced:
            self._store.remove([], self._replaced)
        self._noted, self._replaced = [], set()

    def gone(self, roots: Sequence[str]) -> tuple[list[str], set[tuple[str, str]]]:
        """After the last `commit`: ids of the articles that no file gives any more, of those that came from files at
        or below `roots`; and their origins there, each a path and an id given there."""
        stale = set(self._stale)
        for root in roots:
            for path in self._store.origin_paths(os.path.abspath(root)):
                if not _is_there(path):
                    stale |= {(path, given) for given in self._store.origins_in(path)}
        losing: Counter[str] = Counter()
        for path in {path for path, _ in stale}:
            losing.update(ours for given, ours in self._store.origins_in(path).items() if (path, given) in stale)
        return [ours for ours, count in losing.items() if count == len(self._store.origins_of(ours))], stale


def _by_title(articles: Iterable[tuple[str, Article]]) -> dict[str, str]:
    """Titles that one article alone has, with its id."""
    found: dict[str, list[str]] = {}
    for article_id, article in articles:
        found.setdefault(article.title.casefold(), []).append(article_id)
    return {title: ids[0] for title, ids in found.items() if len(ids) == 1}


def _is_there(path: str) -> bool:
    """Also when it cannot be looked at: a disk that is not mounted or a folder that is closed deletes nothing."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
