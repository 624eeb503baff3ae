"""Bytes to text, whatever wrote them. Layer: adapters (charset-normalizer).

UTF-8 is tried first whatever a page declares: text that is not UTF-8 hardly ever happens to be valid UTF-8.
"""

from __future__ import annotations

import codecs
import re

from rag.errors import UsageError

# The longer mark first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What is asked for by the left name is the right one in practice (and in browsers): a superset of it.
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
# What is guessed among, the likelier first where two fit equally well. All that charset-normalizer knows would include
# dozens of DOS and Mac pages that fit French as well as the right one and turn its accents into others.
_GUESSES = "cp1252 cp1250 cp1251 cp1254 cp1253 cp1256 cp1255 koi8_r gb18030 big5 cp932 cp949 euc_jp".split()
_PROBE = b"<p>A+B-C \\u0041</p>"
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_MAX_DAMAGE = 0.25


def decode(data: bytes, declared: str | None = None) -> tuple[str, tuple[str, ...]]:
    """The text of `data`, with warnings where it was damaged or its encoding guessed; `declared` is what it claims.

    Raises `UsageError` when it is no text.
    """
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return _decoded(data, codec)
    if b"\0" in data:
        raise UsageError("is not text")
    claimed = _known(declared)
    # All ASCII is valid UTF-8 too, but can be ISO-2022-JP.
    for codec in filter(None, (claimed, "utf-8") if data.isascii() else ("utf-8", claimed)):
        text, warnings = _decoded(data, codec)
        if not warnings or _damage(text) <= _MAX_DAMAGE:
            return text, warnings
    guess = _guess(data)
    return data.decode(guess, "replace"), (f"is not UTF-8; read as {guess}, which is a guess",)


def _known(declared: str | None) -> str | None:
    try:
        name = codecs.lookup(declared or "").name
        # The claim was read as ASCII, so one of UTF-16 is false; and base64 and the like are Python codecs too.
        fits = _PROBE.decode(name) == _PROBE.decode("ascii")
    except (LookupError, ValueError):
        return None
    return _SUPERSETS.get(name, name) if fits else None


def _damage(text: str) -> float:
    """The share of the characters beyond ASCII that could not be decoded: 1 where the codec is the wrong one."""
    return text.count("\ufffd") / sum(not c.isascii() for c in text)


def _decoded(data: bytes, codec: str) -> tuple[str, tuple[str, ...]]:
    try:
        return data.decode(codec), ()
    except UnicodeError:
        return data.decode(codec, "replace"), (f"has bytes that are not {codec}; each is shown as \ufffd",)


def _guess(data: bytes) -> str:
    if _CONTROLS.search(data):
        raise UsageError("is not text")
    from charset_normalizer import from_bytes  # only here: most text is UTF-8

    matches = from_bytes(data, cp_isolation=list(_GUESSES))
    candidates = {codec: m.chaos - m.coherence for m in matches for codec in m.could_be_from_charset}
    # Nothing fits a text of a few words; it is still text, and this is what most such text is.
    return min(candidates, key=lambda codec: (candidates[codec], _GUESSES.index(codec)), default="cp1252")
