"""Offsets are what every citation rests on: properties over any text, examples for the rest."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.chunking import LETTERS_A_TOKEN, lead, split_passages, split_sentences, titled
from rag.types import Article, Passage

_BITS = [
    "The ferry sank. ",
    "“It is over. We lost,” she said.",
    "Dr. Ost left\n\n",
    "a" * 40,
    "Ataş 😀! ",
    "。",
    "\r\n",
]
_MADE = st.lists(st.sampled_from(_BITS), min_size=1, max_size=30).map("".join)
TEXTS = (st.text(min_size=1) | _MADE).filter(str.strip)
LIMITS = st.integers(1, 30)


def count(texts: list[str]) -> list[int]:
    """A token for each letter-or-digit run of up to four, and for each other visible character."""
    return [len(re.findall(r"\w{1,4}|[^\w\s]", text)) for text in texts]


def split(text: str, limit: int) -> list[Passage]:
    return split_passages(Article("x", "T", text), lambda texts: count(list(texts)), limit)


@given(TEXTS, LIMITS)
@example("x", 1)
@example("no end" * 200, 7)
def test_passages_and_sentences_are_the_text_at_their_offsets(text: str, limit: int) -> None:
    passages = split(text, limit)
    assert all(text[p.start : p.end] == p.text for p in passages)
    assert [p.ordinal for p in passages] == list(range(len(passages)))
    assert all((p.sentences[0].start, p.sentences[-1].end) == (p.start, p.end) for p in passages)


@given(TEXTS, LIMITS)
def test_every_visible_character_is_in_exactly_one_sentence_of_one_passage(text: str, limit: int) -> None:
    spans = [span for passage in split(text, limit) for span in passage.sentences]
    covered = [i for start, end in spans for i in range(start, end)]
    assert covered == sorted(set(covered))
    assert "".join(text[i] for i in sorted({*range(len(text))} - {*covered})).strip() == ""
    assert all(text[s.start : s.end].strip() == text[s.start : s.end] != "" for s in spans)


@given(TEXTS, LIMITS)
def test_a_sentence_is_cut_only_when_it_alone_is_too_long(text: str, limit: int) -> None:
    parts = {span for passage in split(text, limit) for span in passage.sentences}
    for sentence in split_sentences(text):
        length = sentence.end - sentence.start
        if count([text[sentence.start : sentence.end]])[0] <= limit and length // LETTERS_A_TOKEN <= limit:
            assert sentence in parts


@given(TEXTS, LIMITS)
def test_no_passage_is_over_the_limit_but_for_a_single_character(text: str, limit: int) -> None:
    for passage in split(text, limit):
        assert count([passage.text])[0] <= limit or len(passage.text) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The ferry sank. Twelve died.", ["The ferry sank.", "Twelve died."]),
        ("The U.N. met Dr. Ost on Jan. 5 at 5 p.m. in Adana. It rained.", 2),
        ("“It is over. We lost,” she said. He left.", ["“It is over. We lost,” she said.", "He left."]),
        ("It cost $3.5 million. Prices rose.", ["It cost $3.5 million.", "Prices rose."]),
        ("One line\n\nAnother line", ["One line", "Another line"]),
        ("  spaced.  \n", ["spaced."]),
        ("", []),
        (" \n", []),
    ],
)
def test_sentences_are_those_a_reader_sees(text: str, expected: list[str] | int) -> None:
    found = [text[s.start : s.end] for s in split_sentences(text)]
    assert found == expected if isinstance(expected, list) else len(found) == expected


@pytest.mark.parametrize("language", [None, "en", "en-GB", "pt_BR", "English", "zz", "", "😀"])
def test_an_unknown_language_is_split_all_the_same(language: str | None) -> None:
    assert len(split_sentences("The ferry sank. Twelve died.", language)) == 2


def test_passages_are_about_equally_long() -> None:
    passages = split("Twelve people died. " * 11, 20)
    assert [len(p.sentences) for p in passages] == [3, 3, 3, 2]


def test_a_sentence_too_long_is_cut_between_words() -> None:
    words = " ".join(f"w{i}" for i in range(100))
    passages = split(f"Short one. {words}. Short two.", 16)
    assert " ".join(p.text for p in passages).split() == f"Short one. {words}. Short two.".split()


def test_a_word_is_cut_only_where_it_alone_is_too_long() -> None:
    assert [p.text for p in split("go " + "a" * 40, 8)] == ["go " + "a" * 20, "a" * 20]
    assert [p.text for p in split("a" * 20 + "\ngo\u3000on", 6)] == ["a" * 20, "go\u3000on"]


def test_what_is_embedded_carries_the_title() -> None:
    article = Article("x", "Ferry sinks", "Twelve \n people died off Brenna.")
    assert lead(article, 3) == "Ferry sinks. Twelve people died"
    assert titled(article, "It sank.") == "Ferry sinks. It sank."


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("He wrote to then-U.S. Secretary Ost. It rained.", ["He wrote to then-U.S. Secretary Ost.", "It rained."]),
        ("The song What Now? was played. She left.", ["The song What Now? was played.", "She left."]),
        ("Was it? It was.", ["Was it?", "It was."]),
        ("Was it?\nyes, it was.", ["Was it?", "yes, it was."]),
    ],
)
def test_a_mark_inside_a_name_ends_no_sentence(text: str, sentences: list[str]) -> None:
    assert [text[start:end] for start, end in split_sentences(text)] == sentences


def test_a_word_without_end_is_cut_whatever_the_embedder_makes_of_it() -> None:
    text = f"An image: {'aB3d' * 50_000}. The ferry sank."
    passages = split_passages(Article("x", "T", text), lambda texts: [len(t.split()) for t in texts], 200)
    spans = [span for passage in passages for span in passage.sentences]
    assert max(span.end - span.start for span in spans) < (200 + 1) * LETTERS_A_TOKEN
    assert text[spans[-1].start : spans[-1].end] == "The ferry sank."
    assert len(passages) > 30


def test_no_title_takes_the_place_of_the_words_that_follow_it() -> None:
    article = Article("x", "Floods " * 1000, "Twelve people died.")
    assert lead(article, 2).endswith(". Twelve people")
    assert titled(article, "Twelve people died.").endswith(". Twelve people died.")
    assert max(len(lead(article, 2)), len(titled(article, "Twelve people died."))) < 350
