"""What a reader must know of a cited story besides its words: copies, independent outlets, corrections. Layer: core."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rag import accounts, dedup, lexical
from rag.articles import in_utc
from rag.chunking import split_sentences
from rag.dedup import Text
from rag.evidence import Query
from rag.ports import Store
from rag.types import Article, Citation, Evidence

Supports = Callable[[str, Evidence], bool]
"""Whether the words of some evidence support a sentence."""

_COPIES_READ = 64
_COMPARED = 12  # pieces of evidence that may tell the same
_ALIKE = 0.6  # of the characters of two sentences, for one to be a new wording of the other
_NOTE = re.compile(
    r"^\W*(?:corrections?|clarification|corrected)\b\s*[:(–-]"
    r"|\b(?:an|the) (?:earlier|previous) version of this (?:story|article|report|page)\b"
    r"|\bthis (?:story|article|report|page) (?:has been|was) (?:corrected|amended|clarified)\b",
    re.IGNORECASE,
)
_NOTE_AT = 5  # sentences at the start and at the end of an article where its correction stands


class Standing:
    """Tells of each citation of one answer how its story stands in the archive."""

    def __init__(self, store: Store, query: Query, ranked: Sequence[Evidence], supports: Supports) -> None:
        """`ranked` is the evidence that may tell the same, best first."""
        self._store, self._query, self._ranked, self._supports = store, query, ranked, supports

    def __call__(self, citation: Citation, item: Evidence) -> Citation:
        """The citation of `item` with its copies, the outlets that tell the same, its version and its correction."""
        store, article = self._store, item.article
        key = store.key_of(article.id)
        if key is None:
            return citation
        story = store.stories([key])[key]
        words = lexical.spoken(item.text)
        members = [other for other in store.copies([story])[story] if other != key]
        read = store.load(members[:_COPIES_READ]).values()
        copies = [other for other in read if words in lexical.spoken(other.text)]
        outlets = dict.fromkeys(a.source for a in (article, *copies) if a.source) if copies else {}
        earlier = store.versions(article.id)
        return replace(
            citation,
            copies=len(copies),
            version=len(earlier) + 1,
            copy_outlets=tuple(outlets),
            independent_outlets=self._independent(item, story),
            correction=_correction(item, [(v.replaced, v.article) for v in earlier], store)
            or self._other_version(item),
        )

    def _independent(self, item: Evidence, story: int) -> tuple[str, ...]:
        """Outlets with a story of their own that tells the same; of the copies of one story the first found stands for
        all. One without a name cannot be told from another."""
        if not item.article.source:
            return ()
        found, counted = {item.article.source.casefold(): item.article.source}, {story}
        for other in self._ranked[:_COMPARED]:
            source = other.article.source
            if not source or source.casefold() in found or other.article.id == item.article.id:
                continue
            key = self._store.key_of(other.article.id)
            its_story = None if key is None else self._store.stories([key])[key]
            if its_story is not None and its_story not in counted and self._agree(item, other):
                found[source.casefold()] = source
                counted.add(its_story)
        return tuple(found.values())

    def _other_version(self, item: Evidence) -> Mapping[str, Any] | None:
        """Another outlet's print of the same story with another figure in the cited words."""
        cited = Text.of(item.text)
        for other in self._ranked[:_COMPARED]:
            if (
                other.article.id == item.article.id
                or not dedup.other_figures(cited, Text.of(other.text))
                or not dedup.versions(Text.of(item.article.text), Text.of(other.article.text))
            ):
                continue
            mine, its = (in_utc(a.published) if a.published else "" for a in (item.article, other.article))
            how = "says later" if its > mine else "said earlier" if its < mine else "says"
            who = other.article.source or "another outlet"
            return _told("version", other.article.published, other.text, f"{who} {how}", article_id=other.article.id)
        return None

    def _agree(self, a: Evidence, b: Evidence) -> bool:
        """Whether two sentences tell the same: one figure for what the question counts, or one supports the other."""
        same = accounts.same_figure(self._query, a, b)
        return same or self._supports(a.text, b) or self._supports(b.text, a)


def _correction(item: Evidence, earlier: Sequence[tuple[str, Article]], store: Store) -> Mapping[str, Any] | None:
    """What changed the cited words, the newest change first: an update of the article, a later article at its address,
    or a correction that the article itself carries."""
    article = item.article
    for other in _later_at_its_address(article, store):
        if instead := _reworded(item.text, other):
            when = other.updated or other.published
            return _told("corrected" if _note(other) else "changed", when, instead, "it now says", article_id=other.id)
    note = _note(article)
    for number, (replaced, old) in reversed(list(enumerate(earlier, start=1))):
        if before := _reworded(item.text, old):
            when = article.updated if number == len(earlier) and article.updated else replaced
            kind = "corrected" if note else "changed"
            return _told(kind, when, before, "it said before", version=number + 1)
    if note and lexical.spoken(note) not in lexical.spoken(item.text):  # what is cited says it itself
        return {"published": article.updated or article.published, "text": note, "kind": "corrected"}
    return None


def _told(kind: str, when: str | None, words: str, how: str, **more: Any) -> Mapping[str, Any]:
    return {"published": when, "text": f"{how}: “{words}”", "kind": kind, "words": words, **more}


def _later_at_its_address(article: Article, store: Store) -> Iterator[Article]:
    others = store.load(store.same_page(article.id)).values()
    for other in sorted(others, key=_last_said, reverse=True):
        if _last_said(other) > _last_said(article):
            yield other


def _last_said(article: Article) -> str:
    """When it was updated, or else published, in UTC; empty where that is not known."""
    when = article.updated or article.published
    return in_utc(when) if when else ""


def _reworded(words: str, other: Article) -> str | None:
    """The sentence that another text has in place of these words; None where it has them too, or nothing alike."""
    mine = lexical.spoken(words)
    if mine in lexical.spoken(other.text):
        return None
    sentences = _sentences(other)
    near = difflib.get_close_matches(mine, [lexical.spoken(s) for s in sentences], n=1, cutoff=_ALIKE)
    return next((s for s in sentences if lexical.spoken(s) in near), None)


def _note(article: Article) -> str | None:
    """The correction that an article carries at its start or its end."""
    sentences = _sentences(article)
    places = sentences if len(sentences) <= 2 * _NOTE_AT else [*sentences[:_NOTE_AT], *sentences[-_NOTE_AT:]]
    return next((sentence for sentence in places if _NOTE.search(sentence)), None)


def _sentences(article: Article) -> list[str]:
    return [" ".join(article.text[s:e].split()) for s, e in split_sentences(article.text, article.language)]
