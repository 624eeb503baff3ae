"""Markers in drafted text. Layer: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MARKER = re.compile(r"\s*\[[\s\[]*(\d{1,9}(?:\s*[,;]\s*\d{1,9})*)[\s\]]*\]")
# A sentence ends at its stop with the markers that stand behind it on the line, at markers before a capital, or with
# its line.
_MARKERS = r"(?:[^\S\n]*\[[\[\]\d,; ]*\])"
_END = re.compile(rf"[.!?][”\"’')]*{_MARKERS}*(?=\s|$)|{_MARKERS}+(?=[^\S\n]+[A-Z“\"])|\n")
_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|Gen|Col|Lt|Sen|Rep|Gov|St|No|vs|Inc|Ltd|Co|Jan|Feb|Aug|Sept?|Oct|Nov|Dec)\.$"
)
# Before a statement; not "No one", "No. 5" or a quoted "No, he said".
_YES_NO = re.compile(r"(?:yes|no)\s*[,.:;!–—-]+\s+(?=[^\W\d]|[“\"])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Draft:
    """One drafted sentence: its words, the evidence it points at (0-based positions) and markers that point nowhere."""

    text: str
    cited: tuple[int, ...]
    unknown: tuple[int, ...]


def parse(sentence: str, available: int) -> Draft:
    """Take the markers out of a sentence, and a yes or no before its statement: no evidence can be checked for that,
    it depends on the question (docs/decisions/0052). Numbers count from 1; 0 and numbers above `available` are unknown:
    never an index, so `[0]` cannot become the last piece of evidence."""
    numbers = [int(n) for m in _MARKER.finditer(sentence) for n in re.findall(r"\d+", m.group(1))]
    text = re.sub(r"\s+([.,;!?])", r"\1", _MARKER.sub("", sentence))
    cited = tuple(dict.fromkeys(n - 1 for n in numbers if 1 <= n <= available))
    unknown = tuple(dict.fromkeys(n for n in numbers if not 1 <= n <= available))
    text = " ".join(text.split())
    if answered := _YES_NO.match(text):
        text = text[answered.end() :]
        text = text[:1].upper() + text[1:]
    return Draft(text, cited, unknown)


def sentences(pieces: Iterable[str]) -> Iterator[str]:
    """Whole sentences out of a stream of text, each as soon as it is complete, the last one when the stream ends.

    However the stream is cut into pieces, the sentences are the same.
    """
    buffer = ""
    for piece in pieces:
        buffer += piece
        while (end := _complete(buffer)) is not None:
            yield from _nonempty(buffer[:end])
            buffer = buffer[end:]
    yield from _nonempty(buffer)


def _complete(buffer: str) -> int | None:
    """Where the first sentence ends, if what follows shows that it is over: after `340.` may come ` [1]` or `5`, after
    `p.m.` a small letter."""
    for match in _END.finditer(buffer):
        if match.group() == "\n":
            return match.end()
        before, following = buffer[: match.end()], buffer[match.end() :].lstrip(" \t")[:1]
        goes_on = not following or following == "[" or following.islower()
        begun = _MARKER.sub("", before).strip()  # "[1] Rain fell" begins with its marker
        if begun and not goes_on and not _ABBREVIATION.search(before) and not _quoting(before):
            return match.end()
    return None


def _quoting(text: str) -> bool:
    """Whether a quotation is open: "“It is over. We lost,” she said" is one sentence."""
    return text.count("“") > text.count("”") or text.count('"') % 2 == 1


def _nonempty(text: str) -> Iterator[str]:
    if text.strip():
        yield text.strip()
