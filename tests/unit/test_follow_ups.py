"""A conversation through the whole of `Rag`, with a scripted model: follow-ups and questions about a citation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.indexing import index_articles
from rag.rendering import answer_json
from rag.stores.sqlite import SqliteStore
from rag.types import Answer, Filters
from tests.doubles import HashEmbedder, ScriptedLLM
from tests.unit.test_answering import BRIDGE, FERRY, SETTINGS, STORM, build, check

QUESTION = "How many people died when the ferry Skua sank off Brenna, and who was arrested?"
DRAFT = "Ivo Marek was arrested in Adana [2]. Twelve people died when the ferry sank off Brenna [1]."


@pytest.fixture(scope="module")
def store() -> Iterator[SqliteStore]:
    with closing(SqliteStore(Path(":memory:"))) as store:
        index_articles([FERRY, BRIDGE, STORM], store, HashEmbedder(), SETTINGS)
        yield store


def turns(answer: Answer, *, cited: bool = True) -> list[object]:
    """The history after one question, with or without what was cited."""
    said: dict[str, object] = {"role": "assistant", "content": answer.answer}
    if cited:
        said["citations"] = answer_json(answer)["citations"]
    return [{"role": "user", "content": answer.question}, said]


def test_a_follow_up_is_asked_as_it_stands_alone(store: SqliteStore) -> None:
    llm = ScriptedLLM("Rust was found [1].")
    history = ["Why was the Osterlay bridge shut?", {"role": "assistant", "content": "Rust was found [1]."}]
    answer = check(build(store, llm).ask("When was it shut?", history=history))
    assert answer.question == "When was it shut?"
    assert answer.standalone_question == "When was the Osterlay bridge shut?"
    assert answer_json(answer)["standalone_question"] == "When was the Osterlay bridge shut?"
    assert "Question: When was the Osterlay bridge shut?" in llm.calls[0][-1].content
    assert answer.citations[0].article_id == "bridge"


@pytest.mark.parametrize("history", [[], ["Why was the Osterlay bridge shut?"]])
def test_a_question_that_stands_alone_is_shown_no_rewriting(store: SqliteStore, history: list[object]) -> None:
    answer = build(store, None).ask("Who was arrested in Adana?", history=history, mode="quote")
    assert answer.standalone_question is None


def test_a_search_takes_the_history_too(store: SqliteStore) -> None:
    hits = build(store, None).search("When was it shut?", 1, history=["Why did the Osterlay bridge rust?"])
    assert hits[0].article.id == "bridge"


def test_a_bad_history_is_a_usage_error(store: SqliteStore) -> None:
    with pytest.raises(UsageError, match="history: turn 1"):
        build(store, None).ask("When?", history=[3])


# ── "what did the second source say?"


@pytest.mark.parametrize("cited", [True, False], ids=["with its citations", "without them"])
@pytest.mark.parametrize(
    ("question", "number"), [("What did the second source say?", 2), ("[1]", 1), ("Show me the last citation", 2)]
)
def test_an_earlier_citation_is_answered_in_its_own_words(
    store: SqliteStore, question: str, number: int, cited: bool
) -> None:
    rag = build(store, ScriptedLLM(DRAFT, DRAFT))
    before = rag.ask(QUESTION)
    assert len(before.citations) == 2
    answer = check(rag.ask(question, history=turns(before, cited=cited)))
    [citation] = answer.citations
    meant = before.citations[number - 1]
    assert (citation.number, citation.article_id, citation.quote) == (1, meant.article_id, meant.quote)
    assert answer.standalone_question == "What did Brenna Courier say in “Ferry sinks off Brenna”?"
    assert answer.sentences[0].support == "quoted"


def test_something_particular_is_looked_up_in_the_cited_article(store: SqliteStore) -> None:
    rag = build(store, ScriptedLLM(DRAFT))
    answer = check(rag.ask("What did source 1 say about the operator?", history=turns(rag.ask(QUESTION))))
    assert answer.citations[0].quote == "The operator of the ferry said the Skua had been checked in May."
    assert {c.article_id for c in answer.citations} == {"ferry"}


def test_a_number_that_was_not_cited_is_refused_with_what_was(store: SqliteStore) -> None:
    rag = build(store, ScriptedLLM(DRAFT))
    before = rag.ask(QUESTION)
    answer = check(rag.ask("What did the fifth source say?", history=turns(before)))
    assert answer.refusal
    assert [c.quote for c in answer.refusal.closest] == [before.citations[0].quote]


def test_numbers_of_another_answer_are_not_guessed(store: SqliteStore) -> None:
    history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Nobody died [1]."}]
    assert not check(build(store, ScriptedLLM(DRAFT)).ask("What did source 1 say?", history=history)).answered


@pytest.mark.parametrize("before", ["👍", "ferry " * 1000])
def test_what_could_never_be_asked_is_no_fault_of_the_next_question(store: SqliteStore, before: str) -> None:
    history = [{"role": "user", "content": before}, {"role": "assistant", "content": "Twelve [1]."}]
    assert not check(build(store, None).ask("What did source 1 say?", history=history)).answered


def test_an_outlet_that_is_not_there_is_said_of_an_earlier_citation_too(store: SqliteStore) -> None:
    history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Twelve [1]."}]
    with pytest.raises(UsageError, match="no article is from 'Nobody'"):
        build(store, None).ask("[1]", history=history, mode="quote", filters=Filters(source="Nobody"))


def test_a_place_that_is_gone_is_refused(store: SqliteStore) -> None:
    cited = [{"article_id": "ferry", "start": 5000, "end": 5010}]
    history = ["Who?", {"role": "assistant", "content": "He [1].", "citations": cited}]
    assert not check(build(store, None).ask("[1]", history=history)).answered


def test_with_no_turn_before_it_is_a_question_like_any_other(store: SqliteStore) -> None:
    assert build(store, None).ask("What did the second source say?", mode="quote").standalone_question is None
