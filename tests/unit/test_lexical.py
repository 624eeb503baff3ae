"""Words must mean here what they mean to SQLite's full-text index, or a search finds what the checks then deny."""

from __future__ import annotations

import math
import sqlite3
import sys
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import lexical

# Letters of the scripts that news comes in.
LETTERS = "".join(map(chr, [*range(0x61, 0x7B), *range(0xC0, 0x250), *range(0x370, 0x400), *range(0x400, 0x500)]))
LETTERS = "".join(c for c in LETTERS if c.isalpha() and unicodedata.is_normalized("NFC", c)) + "ẞşğ서울東京أهل"


@pytest.fixture
def index() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE VIRTUAL TABLE t USING fts5 (x, tokenize='porter unicode61 remove_diacritics 2')")
        database.execute("CREATE VIRTUAL TABLE v USING fts5vocab (t, 'instance')")
        yield database


def indexed(database: sqlite3.Connection, words: list[str]) -> list[str]:
    """The form that FTS5 keeps of each word."""
    database.executemany("INSERT INTO t VALUES (?)", [(word,) for word in words])
    return [term for (term,) in database.execute("SELECT term FROM v ORDER BY doc")]


def test_letters_fold_as_in_the_full_text_index(index: sqlite3.Connection) -> None:
    # ı and ß are spelled out on both sides, in the index before FTS5 sees them; what else differs no modern text has.
    words = [f"{c}q" for c in LETTERS if c not in "ıßẞİ"]
    different = {w[0] for w, kept in zip(words, indexed(index, words), strict=True) if lexical.fold(w) != kept}
    assert different <= set("ŉǠǡͿΐΰ")


def test_words_stem_as_in_the_full_text_index(index: sqlite3.Connection) -> None:
    words = """executed executions killing flies flying ferries agreed agreement national relational hopping hoping
    conditional generalizations troubles policies police opposition oppose arrested leader leading elections""".split()
    assert [lexical.stem(w) for w in words] == indexed(index, words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Özgür Özel’s CHP", ["ozgur", "ozel", "chp"]),
        ("Kılıçdaroğlu, Straße", ["kilicdaroglu", "strasse"]),
        ("U.S. and U.N. troops", ["u.s", "and", "u.n", "troops"]),
        ("1,400 of 2.7 million in 2025", ["1,400", "of", "2.7", "million", "in", "2025"]),
        ("a 5 e\u0301t\u00e9", ["5", "ete"]),
        ("snake_case well-known", ["snake", "case", "well", "known"]),
        ("", []),
    ],
)
def test_words_are_folded_and_single_letters_left_out(text: str, expected: list[str]) -> None:
    assert lexical.words(unicodedata.normalize("NFC", text)) == expected


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert all(lexical.fold(word) == word for word in lexical.words(text))


def test_terms_are_stems_of_what_a_question_is_about() -> None:
    assert lexical.terms("How many civilians were executed, and which civilian executions?") == ["civilian", "execut"]
    assert lexical.content_words("What did the mayor say about the Mayor's plan?") == ["mayor", "plan"]


def test_rarity_falls_with_frequency_and_stays_above_zero() -> None:
    rarity = lexical.rarity({"none": 0, "one": 1, "half": 5, "all": 10}, 10)
    assert rarity["none"] == rarity["one"] > rarity["half"] > rarity["all"] > 0
    assert rarity["one"] == pytest.approx(math.log(1 + 9.5 / 1.5))
    assert lexical.rarity({"more than there are": 3}, 0)["more than there are"] > 0


def test_coverage_weighs_terms_by_rarity() -> None:
    assert lexical.coverage(["a", "b"], {"a"}, {"a": 3.0, "b": 1.0}) == 0.75
    assert lexical.coverage(["a", "b"], {"b"}, {}) == 0.5
    assert lexical.coverage([], set(), {}) == 1.0


def test_shingles_are_runs_of_words_and_a_short_text_is_one() -> None:
    assert lexical.shingles("The ferry sank off Brenna", 4) == {
        ("the", "ferry", "sank", "off"),
        ("ferry", "sank", "off", "brenna"),
    }
    assert lexical.shingles("The ferry", 4) == {("the", "ferry")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Police met Özgür Özel in Adana.", ["ozgur", "ozel", "adana"]),
        ("What did Ahmed al-Sharaa tell Jean-Pierre O'Brien?", ["ahmed", "sharaa", "jean", "pierre", "brien"]),
        ("Did the US and the U.N. ask us?", ["us", "u.n"]),
        ("Who leads the CHP?", ["chp"]),
        ("It rained. Then Mr. Ost left. “He ran,” said Brandt.", ["mr", "ost", "brandt"]),
        ("They met in May and may meet again.", ["may"]),
        ("WHO LEADS THE CHP", ["leads", "chp"]),
        ("he visited the école with Émile", ["emile"]),
        ("2.7 million and 40", []),
        ("", []),
    ],
)
def test_names_are_the_capitalised_words_that_are_not_only_first(text: str, expected: list[str]) -> None:
    assert lexical.names(text) == expected


@pytest.mark.parametrize(
    "text", ["What did the U.N. say?", "Who is Jean-Pierre O'Brien?", "Was the al-Aqsa mosque hit?"]
)
def test_every_name_is_a_word_of_its_text(text: str) -> None:
    assert set(lexical.names(text)) <= set(lexical.words(text))


def test_a_sentence_is_read_into_words_numbers_and_what_turns_them() -> None:
    said = lexical.read(lexical.plain("He wasn’t at least 40 years old, but the former mayor of May won’t go."))
    assert [(t.key, sorted(t.turned)) for t in said.tokens] == [
        ("#40.0", ["not"]),
        ("year", []),
        ("old", []),
        ("mayor", ["former"]),
        ("mai", []),
        ("go", ["not"]),
    ]
    assert said.turns == {"not", "former"}


def test_a_near_derivation_of_a_stem_counts_as_found() -> None:
    present = frozenset({"leader", "governor", "caterpillar", "19871", "bridg"})
    assert lexical.found(["lead", "govern", "bridg", "cat", "1987", "ferri"], present) == {"lead", "govern", "bridg"}


def test_threads_stem_as_one_does() -> None:
    """A stemmer that two threads share fails, or gives one the other's stem, which would then be remembered."""
    ends = "ional ionally icalness fulness iveness ization ements ably ing ies".split()
    words = [f"{start}{end}" for start in ("relat", "condit", "electr", "hope", "operat") for end in ends] * 40
    alone = [lexical.stem.__wrapped__(word) for word in words]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            together = list(threads.map(lambda _: [lexical.stem.__wrapped__(word) for word in words], range(8)))
    finally:
        sys.setswitchinterval(before)
    assert together == [alone] * 8
