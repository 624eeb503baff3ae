"""Raw fields to articles: what comes in from anybody's files, and what must be true of what comes out."""

from __future__ import annotations

import unicodedata
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.articles import MAX_ID_CHARACTERS, canonical_url, fingerprint, make_article, normalise, published_day
from rag.errors import UsageError
from rag.types import Article

LIMIT = 10_000
# All of Unicode, lone surrogates included, and often the characters that have a meaning here.
ANY_TEXT = st.text(
    st.one_of(
        st.characters(categories=("L", "M", "N", "P", "S", "Z", "C")),
        st.sampled_from(
            "\r\n\t \x00\x0b\x0c\x85\u2028\u2029\u200b\u200c\u200d\u202e\u00ad\ufeff\ud800\u0301e\U000e0041"
        ),
    )
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT, lambda inner: st.lists(inner, max_size=3)
)


def article(**fields: object) -> Article:
    made, warnings = make_article({"title": "T", "text": "Words.", **fields}, max_characters=LIMIT)
    assert warnings == ()
    return made


def refused(**fields: object) -> str:
    with pytest.raises(UsageError) as caught:
        make_article({"title": "T", "text": "Words.", **fields}, max_characters=LIMIT)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def warned(**fields: object) -> tuple[Article, str]:
    made, (warning,) = make_article({"title": "T", "text": "Words.", **fields}, max_characters=LIMIT)
    assert "\n" not in warning
    return made, warning


class TestNormalise:
    @pytest.mark.parametrize(
        ("raw", "clean"),
        [
            ("e\u0301lan", "\u00e9lan"),
            ("e\u200b\u0301", "\u00e9"),
            ("a\r\nb\rc\u2028d\x0ce\x85f", "a\nb\nc\nd\ne\nf"),
            ("a\x00b\x1bc\x07d", "abcd"),
            ("pay\u200bload \u202eevil\u202c \ufeffx\u2066y\u2069", "payload evil xy"),
            ("seen\U000e0068\U000e0069", "seen"),
            ("soft\u00adhyphen", "softhyphen"),
            ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
            ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
            ("half \ud83d pair", "half \ufffd pair"),
            ("a  \nb\t\n", "a\nb"),
            ("a\n\n\n\nb\n\nc", "a\n\nb\n\nc"),
            ("a\n \n \nb", "a\n\nb"),
            ("  a\tb  ", "a\tb"),
            ("5 * 3 \u201cquoted\u201d \u2013 50\u00a0%", "5 * 3 \u201cquoted\u201d \u2013 50\u00a0%"),
        ],
    )
    def test_examples(self, raw: str, clean: str) -> None:
        assert normalise(raw) == clean

    @given(ANY_TEXT)
    @example("a\r\u200b\nb")
    @example("e\u00ad\u0301\u200b \n\n\x00\n\nx")
    def test_of_any_unicode(self, raw: str) -> None:
        clean = normalise(raw)
        assert normalise(clean) == clean
        assert unicodedata.is_normalized("NFC", clean)
        assert not [c for c in clean if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
        assert clean == clean.strip()
        assert "\n\n\n" not in clean
        assert all(line == line.rstrip() for line in clean.split("\n"))
        clean.encode()  # fits in a database and on a terminal


class TestMakeArticle:
    def test_all_fields_of_the_contract(self) -> None:
        fields: dict[str, object] = {
            "id": "a-1",
            "title": " Two\n lines ",
            "text": "Words.\r\nMore.",
            "url": "https://Example.org/a?utm_source=x#top",
            "source": "The\tPaper",
            "published": "2025-03-08",
            "authors": ["A. B.", "C  D", "A. B.", ""],
            "language": "en",
            "license": "CC BY 4.0",
            "unknown": object(),
        }
        assert article(**fields) == Article(
            id="a-1",
            title="Two lines",
            text="Words.\nMore.",
            url="https://Example.org/a?utm_source=x#top",
            source="The Paper",
            published="2025-03-08",
            authors=("A. B.", "C D"),
            language="en",
            license="CC BY 4.0",
        )

    def test_nothing_but_title_and_text_is_needed(self) -> None:
        bare = article()
        assert bare == article(url=None, source="", published="", authors=None, language=None, license=" ", id="")
        assert (bare.url, bare.source, bare.published, bare.authors) == (None, None, None, ())

    @pytest.mark.parametrize("name", ["title", "text"])
    def test_title_and_text_are_required(self, name: str) -> None:
        assert refused(**{name: None}) == f"{name} is missing"
        assert refused(**{name: " \u200b\n\u200d"}) == f"{name} is empty"
        assert refused(**{name: 5}) == f"{name} must be text, not a number"
        assert refused(**{name: ["x"]}) == f"{name} must be text, not a list"

    def test_too_long_a_text_says_both_numbers(self) -> None:
        assert refused(text="x" * 10_001) == "text is 10001 characters long, the limit is 10000"
        assert len(article(text="x" * 10_000 + "\n\n").text) == 10_000

    def test_unusable_optional_fields_cost_a_warning_and_not_the_article(self) -> None:
        assert warned(source={"name": "X"})[1] == "source must be text, not an object; kept without it"
        assert warned(language=5)[0].language is None
        made, warning = warned(authors=["A", {"name": "B"}])
        assert made.authors == ("A",)
        assert "authors" in warning
        assert article(authors="One Person").authors == ("One Person",)

    @given(
        st.dictionaries(st.sampled_from(["id", "title", "text", "url", "published", "authors", "source"]), JSON_VALUES)
    )
    def test_any_json_gives_an_article_or_a_reason(self, fields: dict[str, object]) -> None:
        try:
            made, warnings = make_article(fields, max_characters=LIMIT)
        except UsageError:
            return
        assert not any("\n" in warning for warning in warnings)
        again, _ = make_article({name: getattr(made, name) for name in made.__slots__}, max_characters=LIMIT)
        assert again == made
        assert fingerprint(again) == fingerprint(made)
        if made.published:
            published_day(made.published)


class TestId:
    def test_the_given_one_is_kept(self) -> None:
        assert article(id="  Any thing/at all é ", url="https://x.org/1").id == "  Any thing/at all é "
        assert article(id=17).id == "17"

    def test_else_the_address_else_the_content(self) -> None:
        assert article(url="https://X.org/1/?utm_medium=rss").id == "https://x.org/1"
        # Pinned: a changed rule would index every article of every archive again under another id.
        assert article().id == "sha256-3c5914476918c933"
        assert article(title="U").id != article().id

    def test_bad_ones_are_refused(self) -> None:
        assert str(MAX_ID_CHARACTERS) in refused(id="x" * 513)
        for bad in ("a\nb", "a\x00", "\ud800", "a\u2028b"):
            assert refused(id=bad) == "id has control characters"
        assert refused(id=True) == "id must be text, not true or false"
        assert refused(id=1.5) == "id must be text, not a number"


class TestUrl:
    @pytest.mark.parametrize(
        ("url", "canonical"),
        [
            ("HTTP://Example.ORG", "http://example.org/"),
            ("https://example.org:443/A/b/", "https://example.org/A/b"),
            ("http://example.org:8080/", "http://example.org:8080/"),
            ("https://example.org/?b=2&utm_source=x&a=1&fbclid=y#frag", "https://example.org/?b=2&a=1"),
            ("https://example.org/a?gclid=1&mc_cid=2&MC_EID=3", "https://example.org/a"),
            ("https://user:secret@example.org/a", "https://example.org/a"),
            ("http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"),
            (" https://example.org/a b ", "https://example.org/a%20b"),
            ("https://example.org/a?", "https://example.org/a"),
        ],
    )
    def test_canonical(self, url: str, canonical: str) -> None:
        assert canonical_url(url) == canonical
        assert canonical_url(canonical) == canonical

    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            " JavaScript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "ftp://x.org/a",
            "/relative",
            "x.org/a",
            "http://",
            "http://[::1",
            "http://x.org:port/",
            "http://x.org/\u202egnp",
            "https://x.org/" + "a" * 3000,
        ],
    )
    def test_anything_else_is_dropped_and_never_the_id(self, url: str) -> None:
        with pytest.raises(UsageError):
            canonical_url(url)
        made, warning = warned(url=url)
        assert made.url is None
        assert made.id == article().id
        assert warning.startswith("url ")

    def test_not_text(self) -> None:
        assert warned(url=5)[0].url is None


class TestPublished:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("2025-03-08", "2025-03-08"),
            ("20250308", "2025-03-08"),
            (" 2025-03-08T10:00:00Z ", "2025-03-08T10:00:00+00:00"),
            ("2025-03-08 10:00", "2025-03-08T10:00:00"),
            ("2025-03-08T10:00:00.5-05:30", "2025-03-08T10:00:00.500000-05:30"),
            ("2025-03-08 10:00:00 +0100", "2025-03-08T10:00:00+01:00"),
            ("Sat, 08 Mar 2025 10:00:00 GMT", "2025-03-08T10:00:00+00:00"),
            ("8 Mar 2025 10:00 EST", "2025-03-08T10:00:00-05:00"),
            (date(2025, 3, 8), "2025-03-08"),
            (datetime(2025, 3, 8, 10, tzinfo=timezone(timedelta(hours=3))), "2025-03-08T10:00:00+03:00"),
        ],
    )
    def test_kept_as_iso_8601(self, given: object, kept: str) -> None:
        assert article(published=given).published == kept

    @pytest.mark.parametrize(
        "given", ["8 Marchh", "2025-02-30", "2025", "yesterday", "2025-03-08T25:00", "0001-01-01T00:00+09:00"]
    )
    def test_what_is_no_date_is_said_and_left_out(self, given: str) -> None:
        made, warning = warned(published=given)
        assert made.published is None
        assert warning == f'published "{given}" is not an ISO 8601 date; kept without a date'

    def test_a_number_is_no_date(self) -> None:
        assert warned(published=1741392000)[0].published is None

    @given(st.datetimes(timezones=st.timezones() | st.none()) | st.dates())
    def test_the_day_is_the_one_in_utc(self, moment: date) -> None:
        try:
            expected = moment.astimezone(UTC).date() if isinstance(moment, datetime) and moment.tzinfo else moment
        except OverflowError:
            return
        day = expected.date() if isinstance(expected, datetime) else expected
        assert published_day(moment.isoformat()) == day

    def test_day_of_no_date(self) -> None:
        with pytest.raises(UsageError, match='"soon" is not an ISO 8601 date'):
            published_day("soon")


class TestFingerprint:
    def test_every_field_counts(self) -> None:
        base = Article("i", "t", "x", "u", "s", "2025-01-01", ("a", "b"), "en", "l")
        names = [field.name for field in dataclass_fields(base)]
        changed = []
        for name in names:
            other: Any = ("ab",) if name == "authors" else "other"
            changed.append(replace(base, **{name: other}))
        # All but the format: a file of another kind with the same article changes nothing.
        assert len({fingerprint(a) for a in (base, *changed)}) == len(names)
        assert fingerprint(replace(base, format="other")) == fingerprint(base)
        assert fingerprint(base) == fingerprint(replace(base))

    def test_fields_do_not_run_into_each_other(self) -> None:
        one = Article("i", "ab", "c")
        assert fingerprint(one) != fingerprint(Article("i", "a", "bc"))
        assert fingerprint(replace(one, source="x")) != fingerprint(replace(one, language="x"))
