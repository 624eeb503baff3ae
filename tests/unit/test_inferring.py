"""A day of publication where nobody gives one."""

from __future__ import annotations

import pytest

from rag.articles import make_article, moment
from rag.inferring import published


@pytest.mark.parametrize(
    ("text", "url", "day"),
    [
        ("Text.", "https://x.example/2025/03/08/story", "2025-03-08"),
        ("Text.", "https://x.example/news/20250308/story.html", "2025-03-08"),
        ("Text.", "https://x.example/2025-03-08-story", "2025-03-08"),
        ("Text.", "https://x.example/2025/03/story", None),
        ("Text.", "https://x.example/2025/0308/story", None),
        ("BRENNA, Dec 9, 2025 (Wire) – Rain fell.", None, "2025-12-09"),
        ("BRENNA, 9 December 2025 - Rain fell.", None, "2025-12-09"),
        ("By A. B.\n\n9th December, 2025\n\nRain fell.", None, "2025-12-09"),
        ("Rain fell on the town. Published on 2025-12-09 by the Courier.", None, "2025-12-09"),
        ("Rain fell.\n\nFirst published: Dec. 9 2025", None, "2025-12-09"),
        ("Rain fell on 9 December 2025 as it had for days, the office said.", None, None),
        ("The treaty of 9 December 2025 was signed.", None, None),
        ("He was born on 31 February 2025 - he said.", None, None),
        ("Feb 31, 2025", None, None),
        ("Feb 31, 2025\n\nPublished 3 March 2025", None, "2025-03-03"),
        ("By A. B.\n\n3 March 2025\n\nRain fell.", "https://x.example/2025/02/31/story", "2025-03-03"),
        ("Call 2025-99-99", None, None),
        ("", None, None),
    ],
)
def test_only_a_whole_date_in_its_place_counts(text: str, url: str | None, day: str | None) -> None:
    assert published(text, url) == day


def test_what_is_given_is_never_inferred() -> None:
    fields = {"title": "T", "text": "BRENNA, Dec 9, 2025 (Wire) – Rain fell.", "published": "2025-12-10"}
    article, _ = make_article(fields, max_characters=99)
    assert (article.published, article.published_inferred) == ("2025-12-10", False)
    article, warnings = make_article({**fields, "published": "soon"}, max_characters=99)
    assert (article.published, article.published_inferred) == ("2025-12-09", True)
    assert warnings


@pytest.mark.parametrize(
    ("published", "utc"),
    [
        ("2025-03-08", None),
        ("2025-03-08T23:30:00-05:00", "2025-03-09T04:30:00+00:00"),
        ("2025-03-08T23:30:00", "2025-03-08T23:30:00+00:00"),
    ],
)
def test_a_moment_in_utc(published: str, utc: str | None) -> None:
    assert moment(published) == utc
