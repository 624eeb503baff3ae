"""What a page tells machines of itself, and what is only found on it."""

from __future__ import annotations

import pytest

from rag.articles import make_article
from rag.readers.html import parse
from rag.types import Article

WORDS = "<p>The dam at Ilısu was opened on Friday, officials said, after nine years of work by 2,000 people.</p>" * 4
LINKED = '<script type="application/ld+json">{}</script>'


def article(head: str = "", seen: str = "") -> Article:
    page = f"<html><head><title>Dam opens</title>{head}</head><body><article>{seen}{WORDS}</article></body></html>"
    return make_article(parse(page.encode(), "dam").fields, max_characters=10**6)[0]


@pytest.mark.parametrize(
    ("head", "published"),
    [
        (LINKED.format('{"@type": "NewsArticle", "datePublished": "2025-03-08T10:00:00+03:00"}'), "08T10:00:00+03:00"),
        # No valid JSON, as on many a page; a year that means "unknown"; escapes.
        (LINKED.format('{"datePublished": "2025-03-08T10:00:00+03:00", "headline": "A\n"b""}'), "08T10:00:00+03:00"),
        (
            LINKED.format('{"datePublished":"0001-01-01T00:00:00Z"}')
            + '<meta name="pubdate" content="2025-03-08T10:00Z">',
            "08T10:00:00+00:00",
        ),
        (LINKED.format('{"datePublished":"2025\\/03\\/08"}'), "08"),
        # The one with a time zone, whoever writes it.
        (
            LINKED.format('{"datePublished": "2025-03-08"}') + '<meta itemprop="datePublished" content="2025-03-08">'
            '<meta name="sailthru.date" content="2025-03-08 10:00:00">'
            '<meta property="article:published" content="Sat, 08 Mar 2025 10:00:00 -0500">',
            "08T10:00:00-05:00",
        ),
        # The day in an address is the newsroom's, and says less.
        (
            '<link rel="canonical" href="https://x.example/2025/03/07/dam">'
            '<meta property="article:published_time" content="2025-03-08T01:00:00Z">',
            "08T01:00:00+00:00",
        ),
    ],
)
def test_what_a_page_says_goes_first_and_is_no_guess(head: str, published: str) -> None:
    found = article(head)
    assert (found.published, found.published_inferred) == (f"2025-03-{published}", False)


@pytest.mark.parametrize(
    ("head", "seen", "published"),
    [
        ('<link rel="canonical" href="https://x.example/2025/03/08/dam">', "", "2025-03-08"),
        ('<link rel="canonical" href="https://x.example/news/2025/mar/08/dam">', "", "2025-03-08"),
        ("", '<p class="date">March 8, 2025</p>', "2025-03-08"),
        ("", "", None),
    ],
)
def test_a_date_that_is_only_found_is_marked(head: str, seen: str, published: str | None) -> None:
    found = article(head, seen)
    assert (found.published, found.published_inferred) == (published, published is not None)


def test_when_it_changed_and_its_section() -> None:
    linked = LINKED.format(r'{"dateModified": "2025-03-09T10:00:00Z", "articleSection": ["Wel\u0074", "News"]}')
    found = article(linked)
    assert (found.updated, found.section) == ("2025-03-09T10:00:00+00:00", "Welt")
    keywords = '<meta property="article:section" content="dams,rivers-and-lakes,government-and-politics,floods">'
    assert article(keywords).section == "dams"


@pytest.mark.parametrize("title", ["The Paper: Dam opens", "Dam opens | The Paper", "The Paper - Dam opens"])
def test_the_sites_name_is_no_part_of_a_title(title: str) -> None:
    head = f'<meta property="og:site_name" content="The Paper"><meta property="og:title" content="{title}">'
    assert article(head).title == "Dam opens"
