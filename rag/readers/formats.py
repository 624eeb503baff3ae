"""Which format a file has: what it opens with decides, and where that says nothing its extension. Layer: adapters."""

from __future__ import annotations

import codecs
import re
from typing import Literal

Format = Literal[
    "JSON Lines", "JSON", "text", "Markdown", "HTML", "CSV", "XML", "feed", "NewsML-G2", "PDF", "ZIP", "gzip", "tar",
    "mbox", "WARC",
]  # fmt: skip

HEAD_BYTES = 4096
"""What `sniff` needs to see of a file, at most."""

EXTENSIONS: dict[str, Format] = {
    ".jsonl": "JSON Lines",
    ".ndjson": "JSON Lines",
    ".json": "JSON",
    ".txt": "text",
    ".text": "text",
    ".md": "Markdown",
    ".markdown": "Markdown",
    ".html": "HTML",
    ".htm": "HTML",
    ".xhtml": "HTML",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".xml": "XML",
    ".rss": "feed",
    ".atom": "feed",
    ".pdf": "PDF",
    ".docx": "ZIP",
    ".epub": "ZIP",
    ".mbox": "mbox",
    ".eml": "mbox",
    ".zip": "ZIP",
    ".gz": "gzip",
    ".tgz": "gzip",
    ".tar": "tar",
    ".warc": "WARC",
}

MEDIA_TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "application/json": ".json",
    "application/x-ndjson": ".jsonl",
    "application/rss+xml": ".rss",
    "application/atom+xml": ".atom",
    "application/rdf+xml": ".rss",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
}
"""What servers call some of them; of others the address says more."""

_PLAIN = ("JSON Lines", "JSON", "text", "Markdown", "CSV")
_BINARY = ("PDF", "ZIP", "gzip", "tar", "WARC")
_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"WARC/", "WARC"),
)
# Atomic: without that a file of many comments could be divided into them in more ways than there is time for.
_PROLOGUE = rb"\s*+(?>(?:<\?[^>]*>|<!--.*?-->|<!doctype[^>\[]*(?:\[[^\]]*\])?[^>]*>)\s*+)*+"
_ROOT = re.compile(_PROLOGUE + rb"<(?:[\w.-]+:)?([\w.-]+)", re.IGNORECASE | re.DOTALL)
_HTML_DOCTYPE = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<!doctype html", re.IGNORECASE | re.DOTALL)
_ROOTS: dict[bytes, Format] = {
    b"rss": "feed",
    b"rdf": "feed",
    b"feed": "feed",
    b"newsitem": "NewsML-G2",
    b"newsmessage": "NewsML-G2",
    b"nitf": "NewsML-G2",
    b"html": "HTML",
    b"head": "HTML",
    b"body": "HTML",
}
_LOOKS_JSON = re.compile(rb"\s*(\{|\[\s*(\{|$))")
_LOOKS_MBOX = re.compile(rb"From \S+ .*\b(19|20)\d\d\b")


def sniff(head: bytes) -> Format | None:
    """The format that the first bytes show beyond doubt; plain text, Markdown and CSV show none."""
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head[257:262] == b"ustar":
        return "tar"
    text = _readable(head)
    if _LOOKS_JSON.match(text):
        return "JSON"
    if _HTML_DOCTYPE.match(text):
        return "HTML"
    if root := _ROOT.match(text):
        return _ROOTS.get(root[1].lower())
    return "mbox" if _LOOKS_MBOX.match(text) else None


def format_of(head: bytes, extension: str) -> tuple[Format | None, str | None]:
    """The format of a file that begins with `head`, and a warning where its extension says another.

    Files of text stay what their extension says unless they are no text: an article may open with a tag or a brace.
    """
    named, shown = EXTENSIONS.get(extension), sniff(head)
    if named is None or shown is None or shown == named:
        return named or shown, None
    if named == "XML" or (named == "HTML" and shown not in (*_BINARY, "feed", "NewsML-G2")):
        return (named if named == "HTML" else shown), None
    if named in _PLAIN and shown not in _BINARY:
        return named, None
    return shown, f"is named {extension} but holds {shown}; read as that"


def _readable(head: bytes) -> bytes:
    """The head as UTF-8 without a byte order mark."""
    for mark, codec in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return head[2:].decode(codec, "ignore").encode()
    return head.removeprefix(codecs.BOM_UTF8)
