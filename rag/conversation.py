"""The turns before a question, read and checked, and questions about what they cited. Layer: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rag.errors import UsageError
from rag.types import Message

History = Sequence[object]
"""Earlier turns, oldest first. A turn is `{"role": "user" | "assistant", "content": "..."}`, a `Message`, or plain
text, which is a question. An assistant's turn may bring the `citations` of its answer as they stand in the JSON of an
Answer; other fields are ignored and other roles skipped."""


@dataclass(frozen=True, slots=True)
class Place:
    """The cited words of an earlier answer: `article.text[start:end]`."""

    article_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, what was answered (nothing when that is not known) and, by number less one, what was cited."""

    question: str
    answer: str = ""
    cited: tuple[Place, ...] = ()


def exchanges(history: History) -> list[Exchange]:
    """The questions of a history, each with its answer. Raises UsageError naming the first turn of a wrong shape."""
    if isinstance(history, str | bytes | Mapping) or not isinstance(history, Sequence):
        raise UsageError("history must be a list of turns")
    found: list[Exchange] = []
    for number, turn in enumerate(history, start=1):
        role, content, cited = _read(number, turn)
        if not content.strip():
            continue
        if role == "user":
            found.append(Exchange(content.strip()))
        elif role == "assistant" and found:
            found[-1] = replace(found[-1], answer=f"{found[-1].answer} {content}".strip(), cited=cited)
    return found


def _read(number: int, turn: object) -> tuple[str, str, tuple[Place, ...]]:
    if isinstance(turn, str):
        return "user", turn, ()
    if isinstance(turn, Message):
        return turn.role, turn.content, ()
    if not isinstance(turn, Mapping):
        raise UsageError(f"history: turn {number} must be text or an object with role and content")
    role, content = turn.get("role"), turn.get("content")
    if not isinstance(role, str) or not (content is None or isinstance(content, str)):
        raise UsageError(f"history: turn {number} needs a role and a content, both text")
    cited = turn.get("citations") or []
    if not isinstance(cited, Sequence) or isinstance(cited, str):
        raise UsageError(f"history: the citations of turn {number} must be a list")
    return role, content or "", tuple(_place(number, c) for c in cited)


def _place(number: int, cited: object) -> Place:
    fields = cited if isinstance(cited, Mapping) else {}
    article, start, end = (fields.get(name) for name in ("article_id", "start", "end"))
    if not (isinstance(article, str) and isinstance(start, int) and isinstance(end, int)):
        raise UsageError(f"history: a citation of turn {number} lacks its article_id, start or end")
    return Place(article, start, end)


_NUMBERS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
_SOURCE = r"(?:source|citation|article|story|report|quote|quotation|reference|footnote|outlet)"
_NTH = (
    rf"(?:the )?(?:(?P<nth>{'|'.join(_NUMBERS)}|last) {_SOURCE}|{_SOURCE} (?:number )?\[?(?P<number>\d+)\]?|"
    r"\[(?P<marker>\d+)\])"
)
_ABOUT_IT = r"(?:\s+(?:about|on|regarding)\s+(?P<about>.+?))?\s*[?.!]*$"
_ASKS_SOURCE = tuple(
    re.compile(rf"^(?:and |so )?{opening}{_NTH}{closing}{_ABOUT_IT}", re.IGNORECASE)
    for opening, closing in (
        (r"what (?:does|did|do) ", r" (?:say|report|write|claim)"),
        (r"(?:(?:can you|please) )*(?:show|quote|open|give|repeat|read)(?: me)? ", ""),
        (r"(?:(?:tell me )?more (?:about|from)|what (?:is|was|about)) ", ""),
        ("", ""),
    )
)


@dataclass(frozen=True, slots=True)
class SourceAsked:
    """A question about one citation of the last answer: its number (-1: the last one) and what of it is wanted."""

    number: int
    about: str


def source_asked(question: str) -> SourceAsked | None:
    """`What did the second source say about the bridge?` gives 2 and `the bridge`; None for any other question."""
    found = next((m for m in (pattern.match(question.strip()) for pattern in _ASKS_SOURCE) if m), None)
    if found is None:
        return None
    word = (found["nth"] or "").lower()
    if word:
        return SourceAsked(-1 if word == "last" else _NUMBERS.index(word) + 1, found["about"] or "")
    return SourceAsked(int(found["number"] or found["marker"]), found["about"] or "")
