"""Raw fields to an `Article`: cleaning, checking and naming, the same for every input format. Layer: pure.

Text is cleaned once, here, before anything counts characters in it; so every later offset is stable.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import astuple
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from rag import inferring
from rag.errors import UsageError
from rag.types import Article

MAX_ID_CHARACTERS = 512
MAX_URL_CHARACTERS = 2048

# Everything that some reader or `str.splitlines` takes for the end of a line.
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Characters that show nothing: controls, soft hyphens, zero-width and direction marks, tags. They split words for
# search, and can hide instructions from a person that a model would read. U+200C and U+200D stay: Persian, emoji.
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK_LINES = re.compile("\n{3,}")
_VISIBLE = re.compile("[^\\s\u200c\u200d]")
_UNFIT_FOR_ID = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_SPACE_BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d{2}:?\d{2}$)")
_BY = re.compile(r"^by(?::\s*|\s+)", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"^(\d{4})([/.-])(\d\d?)\2(\d\d?)(?!\d)")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_TRACKING = frozenset(
    "dclid fbclid gbraid gclid igshid mc_cid mc_eid mkt_tok msclkid oly_anon_id oly_enc_id twclid wbraid yclid".split()
)
_FIRST = 9  # fields that every index has
_LATER = ("updated", "section", "byline", "published_inferred")
_KINDS: dict[type, str] = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


def normalise(text: str) -> str:
    """The one form in which text is kept: composed Unicode (NFC), LF line ends, nothing invisible, no loose space.

    Control, zero-width, direction and tag characters go; a lone surrogate becomes U+FFFD; three and more line ends
    become two. Doing it twice changes nothing.
    """
    text = _HIDDEN.sub("", _LINE_ENDS.sub("\n", text))
    # After the removal, which can bring a letter and its accent together.
    text = unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", text))
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", text).strip()


def one_line(text: str) -> str:
    """`text` normalised, on a single line with single spaces: what titles and names look like."""
    return " ".join(normalise(text).split())


def make_article(fields: Mapping[str, object], *, max_characters: int) -> tuple[Article, tuple[str, ...]]:
    """Build an article from the fields of the input contract; also returns warnings, one line each.

    `title` and `text` are required; unknown keys are ignored. `published_inferred` is a date that a reader found and
    nobody gave. An optional field that cannot be used costs a warning, not the article. Raises `UsageError` (one line)
    when title, text or id is unusable or the text is too long.
    """
    warnings: list[str] = []
    text = _required(fields, "text", max_characters)
    title = " ".join(_required(fields, "title", max_characters).split())
    url, canonical = _url(fields.get("url"), warnings)
    published = _date(fields, "published", warnings)
    found = None if published else _date(fields, "published_inferred", [])
    inferred = None if published else inferring.published(text, url, found)
    article = Article(
        id=_given_id(fields.get("id")) or canonical or _content_id(title, text),
        title=title,
        text=text,
        url=url,
        source=_optional(fields, "source", warnings),
        published=published or inferred,
        authors=_authors(fields.get("authors"), warnings),
        language=_optional(fields, "language", warnings),
        license=_optional(fields, "license", warnings),
        updated=_date(fields, "updated", warnings),
        section=_section(fields.get("section")),
        byline=_optional(fields, "byline", warnings),
        published_inferred=inferred is not None,
    )
    return article, tuple(warnings)


def canonical_url(url: str) -> str:
    """The same page under one name: host in lower case; no fragment, default port, tracking or trailing slash.

    Raises `UsageError` when it is not a usable http or https address.
    """
    try:
        parts = urlsplit(_web_address(url))
        port = parts.port
    except ValueError as error:
        raise UsageError("it is not a valid web address") from error
    host = parts.hostname
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise UsageError("it is not an http or https address")
    host = f"[{host}]" if ":" in host else host
    place = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    query = "&".join(pair for pair in parts.query.split("&") if pair and not _is_tracking(pair))
    return f"{parts.scheme}://{place}{parts.path.rstrip('/') or '/'}" + (f"?{query}" if query else "")


def fingerprint(article: Article) -> str:
    """SHA-256 in hex over all fields but the format: two articles with one fingerprint are the same article, unchanged.

    Fields that came later count where they are set, so that the articles of an older index keep theirs.
    """
    later = {name: value for name in _LATER if (value := getattr(article, name))}
    first = json.dumps(astuple(article)[:_FIRST])
    return hashlib.sha256((first + json.dumps(later) if later else first).encode()).hexdigest()


def moment(published: str) -> str | None:
    """A date and time in UTC, ISO 8601 to the second; None for a date alone. Raises as `published_day`."""
    published_day(published)
    if len(published) <= len("2025-03-08"):
        return None
    found = datetime.fromisoformat(published)
    return (found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)).isoformat(timespec="seconds")


def in_utc(published: str) -> str:
    """A date as it is, a date and time in UTC: of two in this form the smaller is the earlier, whatever time zones they
    came with. Raises as `published_day`."""
    return moment(published) or published


def published_day(published: str) -> date:
    """The calendar day in UTC of an ISO 8601 date or date and time; a time without an offset counts as UTC.

    Raises `UsageError` when it is neither.
    """
    try:
        return date.fromisoformat(published)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(published)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{_quoted(published)} is not an ISO 8601 date") from error


def _required(fields: Mapping[str, object], name: str, max_characters: int) -> str:
    value = fields.get(name)
    if value is None:
        raise UsageError(f"{name} is missing")
    if not isinstance(value, str):
        raise UsageError(f"{name} must be text, not {_kind(value)}")
    clean = normalise(value)
    if not _VISIBLE.search(clean):
        raise UsageError(f"{name} is empty")
    if len(clean) > max_characters:
        raise UsageError(f"{name} is {len(clean)} characters long, the limit is {max_characters}")
    return clean


def _optional(fields: Mapping[str, object], name: str, warnings: list[str]) -> str | None:
    value = fields.get(name)
    if isinstance(value, str):
        return one_line(value) or None
    if value is not None:
        warnings.append(f"{name} must be text, not {_kind(value)}; kept without it")
    return None


def _authors(value: object, warnings: list[str]) -> tuple[str, ...]:
    given = value if isinstance(value, list | tuple) else [] if value is None else [value]
    names = [_BY.sub("", one_line(name)) for name in given if isinstance(name, str)]
    if len(names) < len(given):
        warnings.append("authors must be a list of names; kept without those that are not text")
    return tuple(dict.fromkeys(filter(None, names)))


def _given_id(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        return None
    if not isinstance(value, str):
        raise UsageError(f"id must be text, not {_kind(value)}")
    if len(value) > MAX_ID_CHARACTERS:
        raise UsageError(f"id is {len(value)} characters long, the limit is {MAX_ID_CHARACTERS}")
    if _UNFIT_FOR_ID.search(value):
        raise UsageError("id has control characters")
    return value if value.strip() else None


def is_named_by_content(article: Article) -> bool:
    """Whether it came without an id and an address, so that its id is a digest of its content."""
    return article.id == _content_id(article.title, article.text)


def _content_id(title: str, text: str) -> str:
    return "sha256-" + hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()[:16]


def _url(value: object, warnings: list[str]) -> tuple[str | None, str | None]:
    """The address as given and its canonical form. Anything but http(s) goes: it would become a link on a page."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None, None
    if not isinstance(value, str):
        warnings.append(f"url must be text, not {_kind(value)}; kept without it")
        return None, None
    try:
        return _web_address(value), canonical_url(value)
    except UsageError as error:
        warnings.append(f"url {_quoted(value)} dropped: {error}")
        return None, None


def _web_address(url: str) -> str:
    address = url.strip().replace(" ", "%20")
    if len(address) > MAX_URL_CHARACTERS:
        raise UsageError(f"it is longer than {MAX_URL_CHARACTERS} characters")
    # Browsers drop line ends inside an address ("java\nscript:"), so what a check sees is not what is opened.
    if not address.isprintable():
        raise UsageError("it has control characters")
    return address


def _is_tracking(pair: str) -> bool:
    name = pair.partition("=")[0].lower()
    return name.startswith("utm_") or name in _TRACKING


def _section(value: object) -> str | None:
    """The first of several."""
    first = value[0] if isinstance(value, list | tuple) and value else value
    return one_line(first) or None if isinstance(first, str) else None


def _date(fields: Mapping[str, object], name: str, warnings: list[str]) -> str | None:
    value = fields.get(name)
    without = "kept without a date" if name == "published" else "kept without it"
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str | date):
        warnings.append(f"{name} must be an ISO 8601 date, not {_kind(value)}; {without}")
        return None
    try:
        found = iso(value) if isinstance(value, str) else value.isoformat()
        published_day(found)  # a first or last day of time can have no UTC day
    except (UsageError, ValueError, TypeError, IndexError, OverflowError):
        warnings.append(f"{name} {_quoted(str(value))} is not an ISO 8601 date; {without}")
        return None
    return found


def iso(text: str) -> str:
    """A date, or a date and time in its own time zone, as ISO 8601. RFC 2822, 2025/03/08 and March 8, 2025 are read.
    Raises ValueError."""
    text = _YEAR_FIRST.sub(lambda m: f"{m[1]}-{int(m[3]):02}-{int(m[4]):02}", text.strip())
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    try:
        # YAML and git write a space before the offset, which Python does not read.
        return datetime.fromisoformat(_SPACE_BEFORE_OFFSET.sub("", text)).isoformat()
    except ValueError:
        # RFC 2822, as feeds have it.
        return inferring.day(text) or parsedate_to_datetime(text).isoformat()


def _kind(value: object) -> str:
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def _quoted(value: str) -> str:
    shown = one_line(value)
    return f'"{shown[:60]}…"' if len(shown) > 60 else f'"{shown}"'
