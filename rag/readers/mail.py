"""Mail folders (mbox) and single messages (.eml), as newsletters and agency services come. Layer: adapters.

An mbox is read as a stream: one message is held at a time, and one over the limit is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr

from rag.articles import one_line
from rag.errors import UsageError
from rag.readers.common import Source, articles_of, fallback_title, too_large
from rag.readers.encoding import decode
from rag.readers.markup import text_of
from rag.types import Article, Problem

_FROM = b"From "
_QUOTED_FROM = re.compile(rb"^>(>*From )")
_LINE_BYTES = 1 << 20


def read_mail(source: Source) -> Iterator[Article | Problem]:
    """One article a message: subject, plain text (the HTML where there is none), sender and date."""
    for number, data in _messages(source):
        where = f"{source.where}, message {number}"
        if data is None:
            yield too_large(where, source.limits)
        elif data.strip():
            yield from _article(data, where, source)


def _messages(source: Source) -> Iterator[tuple[int, bytes | None]]:
    """Each message's number and bytes: None when it is longer than the limit."""
    lines: list[bytes] = []
    number, size, blank = 0, 0, True
    while line := source.stream.readline(_LINE_BYTES):
        if blank and line.startswith(_FROM):
            if number:
                yield number, b"".join(lines) if size <= source.limits.bytes else None
            number, size, lines = number + 1, 0, []
        else:
            number = number or 1
            size += len(line)
            if size <= source.limits.bytes:
                lines.append(_QUOTED_FROM.sub(rb"\1", line))
            else:
                lines.clear()
        blank = not line.strip()
    if number:
        yield number, b"".join(lines) if size <= source.limits.bytes else None


def _article(data: bytes, where: str, source: Source) -> Iterator[Article | Problem]:
    try:
        message = message_from_bytes(data, policy=policy.default)
        fields, warnings = _fields(message)
    except UsageError as error:
        yield Problem(where, str(error))
        return
    except Exception as error:  # malformed headers raise whatever the parser meets first
        yield Problem(where, f"the message cannot be read: {type(error).__name__}")
        return
    yield from articles_of(fields, where, source.limits, warnings)


def _fields(message: EmailMessage) -> tuple[dict[str, object], tuple[str, ...]]:
    part = message.get_body(("plain", "html"))
    text = ""
    warnings: tuple[str, ...] = ()
    if part is not None:
        payload = part.get_payload(decode=True)
        text, warnings = decode(payload if isinstance(payload, bytes) else b"", part.get_content_charset())
        if part.get_content_subtype() == "html":
            text = text_of(text)
    sender, guessed = _header(message, "from")
    subject, guessed_too = _header(message, "subject")
    name, address = parseaddr(sender)
    fields: dict[str, object] = {
        "id": str(message["message-id"]).strip("<> \t") if message["message-id"] else None,
        "title": one_line(subject) or fallback_title(None, text),
        "text": text,
        "source": name or address,
        "published": str(message["date"]) if message["date"] else None,
        "language": str(message["content-language"]) if message["content-language"] else None,
    }
    warnings = tuple(dict.fromkeys((*warnings, *guessed, *guessed_too)))
    return fields, warnings


def _header(message: EmailMessage, name: str) -> tuple[str, tuple[str, ...]]:
    """Its text, with warnings. Old mail has accents in headers as they were typed, without saying in what encoding."""
    raw = next((value for key, value in message.raw_items() if key.lower() == name), "")
    if str(raw).isascii():
        return str(message[name] or ""), ()
    return decode(str(raw).encode("utf-8", "surrogateescape"))
