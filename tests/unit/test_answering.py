"""From a question to a checked answer, with a scripted model: what it drafts is never trusted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import explaining
from rag.answering import Fitted, Models, Rag
from rag.composing import finished, near_best, quotation
from rag.errors import ModelError, UsageError
from rag.indexing import index_articles, sync_vectors
from rag.linear import LinearModel
from rag.ports import VIEWS, LanguageModel, Reader
from rag.prompting import REFUSAL, Prompts
from rag.rendering import answer_json
from rag.retrieval import Retriever
from rag.settings import Settings
from rag.stores.sqlite import SqliteStore
from rag.types import Answer, Article, Done, Evidence, Filters, Message, Mode, Retrieved, SentenceReady, Span
from tests.doubles import HashEmbedder, NumpyVectors, PointingReader, ScriptedLLM

FERRY = Article(
    "ferry",
    "Ferry sinks off Brenna",
    "Twelve people died when the ferry Skua sank off Brenna on Friday. The captain of the ferry, Ivo Marek, was "
    "arrested in Adana. The operator of the ferry said the Skua had been checked in May.",
    source="Brenna Courier",
    published="2025-03-08",
)
COPY = Article("copy", "Ferry Skua sinks", f"(Wire) {FERRY.text}", source="Wire", published="2025-03-09")
BRIDGE = Article(
    "bridge", "Bridge shut", "The Osterlay bridge was shut on Monday. Rust was found.", published="2024-01-01"
)
STORM = Article("storm", "Storm ahead", "A storm is expected in Marisel.", published="2024-01-02")
QUESTION = "How many people died when the ferry Skua sank off Brenna, and who was arrested?"
WHO = "Who was arrested after the ferry Skua sank off Brenna?"
DIED, ARRESTED = "Twelve people died when the ferry sank off Brenna", "Ivo Marek was arrested in Adana"

SETTINGS = Settings(answer_tokens=64)
PROMPTS = Prompts.parse("Be short.", "$evidence\nQuestion: $question")
STAMP = {"llm": "scripted", "embedder": "hash", "settings": "abc"}
LIKELY, UNLIKELY = (LinearModel(odds, {}, 0.5, "by hand") for odds in (3.0, -3.0))
# By shared words alone, and all sentences near enough to the best to be used.
BY_WORDS = LinearModel(0.0, {"terms": 0.5}, 0.5, "by hand")
BY_READER = LinearModel(0.0, {"search": 0.1, "read": 1.0}, 0.5, "by hand")


@pytest.fixture(scope="module")
def store() -> Iterator[SqliteStore]:
    with closing(SqliteStore(Path(":memory:"))) as store:
        index_articles([FERRY, BRIDGE, COPY, STORM], store, HashEmbedder(), SETTINGS)
        yield store


def build(
    store: SqliteStore,
    llm: LanguageModel | None,
    *,
    settings: Settings = SETTINGS,
    answerable: LinearModel = LIKELY,
    ranking: LinearModel = BY_WORDS,
    reader: Reader | None = None,
    answerable_read: LinearModel = LIKELY,
) -> Rag:
    """A Rag over the store; without a model, asking for one fails."""

    def load() -> LanguageModel:
        assert llm is not None, "the language model was loaded"
        return llm

    vectors = {view: NumpyVectors(HashEmbedder.dimension) for view in VIEWS}
    sync_vectors(store, vectors)
    retriever = Retriever(store, vectors, HashEmbedder(), settings, ranking)
    models = Models(load, (lambda: reader) if reader else None)
    return Rag(retriever, models, PROMPTS, Fitted(answerable, BY_READER, answerable_read), settings, STAMP)


def check(answer: Answer) -> Answer:
    """Assert what holds for every answer, and give it back."""
    texts = {a.id: a.text for a in (FERRY, COPY, BRIDGE, STORM)}
    cited = [*answer.citations, *(answer.refusal.closest if answer.refusal else ())]
    assert all(texts[c.article_id][c.start : c.end] == c.quote for c in cited)
    first_uses = list(dict.fromkeys(re.findall(r"\[(\d+)\]", answer.answer)))
    assert first_uses == [str(c.number) for c in answer.citations]
    assert answer.answer == (" ".join(s.marked for s in answer.sentences) or REFUSAL)
    return answer


def drafted(store: SqliteStore, *draft: str) -> Answer:
    """The answer when the model drafts this."""
    return check(build(store, ScriptedLLM(" ".join(draft))).ask(QUESTION))


# ── what the model drafts


def test_a_supported_draft_is_shown_with_its_citation(store: SqliteStore) -> None:
    answer = drafted(store, f"{DIED} [1].")
    assert answer.answered
    assert answer.answer == f"{DIED} [1]."
    [sentence], [citation] = answer.sentences, answer.citations
    assert (sentence.support, sentence.citations) == ("verified", (1,))
    assert citation.quote == "Twelve people died when the ferry Skua sank off Brenna on Friday."
    assert citation.copies == 1
    assert answer.model == STAMP


def test_citations_are_numbered_in_order_of_first_use(store: SqliteStore) -> None:
    answer = drafted(store, f"{ARRESTED} [2].", f"{DIED} [1].")
    assert answer.answer == f"{ARRESTED} [1]. {DIED} [2]."
    assert ["Marek" in c.quote for c in answer.citations] == [True, False]


@pytest.mark.parametrize("marker", ["", " [0]", " [99]", " [3]", " [3][0]"])
def test_a_draft_with_a_wrong_marker_is_cited_to_what_supports_it(store: SqliteStore, marker: str) -> None:
    answer = drafted(store, f"{ARRESTED}{marker}.")
    assert answer.answer == f"{ARRESTED} [1]."
    assert "Marek" in answer.citations[0].quote


@pytest.mark.parametrize(
    "draft",
    [
        "Forty people died when the ferry sank off Brenna [1].",
        "Twelve people were arrested in Adana [1].",
        "Karl Ost was arrested in Adana [2].",
        "12 [1].",
        "The answer is in the sentences [1].",
        "I could not find that in these articles.",
        "",
        "[1]",
    ],
)
def test_an_unsupported_draft_gives_way_to_quotations(store: SqliteStore, draft: str) -> None:
    answer = drafted(store, draft)
    assert [s.support for s in answer.sentences] == ["quoted", "quoted"]
    assert [s.text for s in answer.sentences] == [f"“{c.quote}”" for c in answer.citations]
    assert "Twelve people died" in answer.answer


def test_only_the_wrong_one_of_two_sentences_is_replaced(store: SqliteStore) -> None:
    answer = drafted(store, f"{DIED} [1].", "He was jailed for 12 years [2].")
    assert [s.support for s in answer.sentences] == ["verified", "quoted"]
    assert [s.citations for s in answer.sentences] == [(1,), (2,)]


def test_a_copied_sentence_is_marked_as_the_quotation_it_is(store: SqliteStore) -> None:
    answer = drafted(store, "Twelve people died when the ferry Skua sank off Brenna on Friday. [1]")
    [sentence] = answer.sentences
    assert (sentence.support, sentence.text[0]) == ("quoted", "“")


def test_saying_the_same_twice_is_shown_once(store: SqliteStore) -> None:
    assert drafted(store, f"{DIED} [1].", f"{DIED} [2].").answer == f"{DIED} [1]."


def test_two_sentences_from_one_source_share_its_number(store: SqliteStore) -> None:
    answer = drafted(store, f"{DIED} [1].", "The ferry sank off Brenna on Friday [1].")
    assert [s.citations for s in answer.sentences] == [(1,), (1,)]
    assert len(answer.citations) == 1


def test_no_more_than_two_sentences_are_read_and_the_stream_is_closed(store: SqliteStore) -> None:
    llm = ScriptedLLM(f"{DIED} [1]. {ARRESTED} [2]. Then it goes on. And on. And on.")
    answer = check(build(store, llm).ask(QUESTION))
    assert len(answer.sentences) == 2
    assert llm.finished == [False]


def test_evidence_far_below_the_best_may_not_carry_the_answer(store: SqliteStore) -> None:
    steep = LinearModel(0.0, {"terms": 100.0}, 0.5, "by hand")
    draft = "The Osterlay bridge was shut on Monday [3]."
    near, far = (check(build(store, ScriptedLLM(draft), ranking=r).ask(QUESTION)) for r in (BY_WORDS, steep))
    assert [c.article_id for c in near.citations] == ["bridge"]
    assert [c.article_id for c in far.citations] == ["ferry"]


_BITS = [
    DIED,
    ARRESTED,
    "Forty people died",
    " [1]",
    "[2]",
    " [0]",
    " [9]",
    ". ",
    "\n",
    "“",
    "”",
    " not",
    " Rust was found.",
]


@given(st.lists(st.sampled_from(_BITS), max_size=12).map("".join))
def test_whatever_is_drafted_the_answer_is_cited_word_for_word(store: SqliteStore, draft: str) -> None:
    answer = drafted(store, draft)
    assert answer.answered
    assert "Forty" not in answer.answer


# ── refusing


def test_an_unlikely_answer_is_refused_without_asking_the_model(store: SqliteStore) -> None:
    answer = check(build(store, None, answerable=UNLIKELY).ask(QUESTION))
    assert (answer.answered, answer.answer, answer.sentences, answer.citations) == (False, REFUSAL, (), ())
    assert answer.refusal
    assert answer.refusal.reason == "not_in_corpus"
    closest = [c.article_id for c in answer.refusal.closest]
    assert closest[0] == "ferry"
    assert 1 < len(closest) == len(set(closest)) <= 3


def test_the_threshold_can_be_set(store: SqliteStore) -> None:
    easy = Settings(answerable_threshold=0.01)
    assert build(store, None, settings=easy, answerable=UNLIKELY).ask(QUESTION, mode="quote").answered
    strict = Settings(answerable_threshold=0.99)
    assert not build(store, None, settings=strict).ask(QUESTION, mode="quote").answered


def test_an_answer_of_little_confidence_is_unsure_and_a_refusal_is_not(store: SqliteStore) -> None:
    for threshold in (0.01, 0.99):
        answer = build(store, None, settings=Settings(sure_threshold=threshold)).ask(QUESTION, mode="quote")
        assert answer.answered
        assert answer.confidence is not None
        assert answer.unsure is (answer.confidence < threshold)
    refused = build(store, None, answerable=UNLIKELY).ask(QUESTION)
    assert (refused.answered, refused.unsure) == (False, False)
    assert refused.confidence is not None


def test_nothing_found_is_refused(store: SqliteStore) -> None:
    answer = check(build(store, None).ask(QUESTION, filters=Filters(since=date(2030, 1, 1))))
    assert answer.refusal
    assert answer.refusal.closest == ()


# ── without the model


def test_quote_mode_answers_in_the_articles_words_and_loads_no_model(store: SqliteStore) -> None:
    answer = check(build(store, None).ask(QUESTION, mode="quote"))
    assert [s.support for s in answer.sentences] == ["quoted", "quoted"]
    assert answer.sentences[0].text == "“Twelve people died when the ferry Skua sank off Brenna on Friday.”"
    assert answer.model == {**STAMP, "llm": None}


def test_as_many_quotations_as_are_set(store: SqliteStore) -> None:
    assert len(build(store, None, settings=Settings(quoted_sentences=1)).ask(WHO, mode="quote").sentences) == 1


def test_an_unsure_answer_offers_one_quotation_more(store: SqliteStore) -> None:
    def quoted(sure: float) -> list[str]:
        settings = Settings(quoted_sentences=1, sure_threshold=sure)
        return [s.text for s in check(build(store, None, settings=settings).ask(WHO, mode="quote")).sentences]

    assert len(quoted(0.01)) == 1
    assert len(quoted(0.99)) == 2
    assert quoted(0.99)[0] == quoted(0.01)[0]


def test_what_an_unsure_answer_may_quote_lies_further_below_the_best() -> None:
    article = Article("a", "T", "One. Two. Three.")
    ranked = [Evidence(article, Span(0, 4), score, {}) for score in (2.0, 0.5, -1.0)]
    assert near_best(ranked) == ranked[:1]
    assert near_best(ranked, unsure=True) == ranked[:2]


def test_a_question_of_two_parts_gets_a_quotation_for_each(store: SqliteStore) -> None:
    answer = check(build(store, None, settings=Settings(quoted_sentences=1)).ask(QUESTION, mode="quote"))
    died, arrested = (c.quote for c in answer.citations)
    assert "Twelve people died" in died
    assert "arrested in Adana" in arrested


def test_filters_bound_what_is_cited(store: SqliteStore) -> None:
    answer = check(build(store, None).ask(QUESTION, filters=Filters(until=date(2024, 12, 31)), mode="quote"))
    assert {c.article_id for c in answer.citations} <= {"bridge", "storm"}


# ── the prompt


def prompts(llm: ScriptedLLM) -> list[Message]:
    [messages] = llm.calls
    return messages


def test_the_model_is_sent_the_evidence_and_the_question(store: SqliteStore) -> None:
    llm = ScriptedLLM("")
    build(store, llm).ask(f"  {QUESTION}\n")
    system, user = prompts(llm)
    assert system == Message("system", "Be short.")
    assert user.content.startswith("[1] (Brenna Courier, 2025-03-08) Twelve people died when the ferry Skua sank")
    assert user.content.endswith(f"Question: {QUESTION}")


def test_evidence_that_does_not_fit_the_context_is_left_out(store: SqliteStore) -> None:
    whole, small = ScriptedLLM(""), ScriptedLLM(f"{DIED} [1].", context_tokens=64 + 64 + 40)
    build(store, whole).ask(QUESTION)
    answer = check(build(store, small).ask(QUESTION))
    assert "[3]" in prompts(whole)[1].content
    assert "[1]" in prompts(small)[1].content
    assert "[3]" not in prompts(small)[1].content
    assert answer.answer == f"{DIED} [1]."


def test_where_not_even_one_sentence_fits_the_words_are_quoted(store: SqliteStore) -> None:
    llm = ScriptedLLM(f"{DIED} [1].", context_tokens=64 + 64 + 5)
    answer = check(build(store, llm).ask(QUESTION))
    assert llm.calls == []
    assert answer.sentences[0].support == "quoted"


# ── events


def test_events_come_in_order_and_fold_into_the_answer(store: SqliteStore) -> None:
    events = list(build(store, ScriptedLLM(f"{DIED} [1]. {DIED} on Friday [1].")).stream(QUESTION))
    retrieved, first, second, done = events
    assert isinstance(retrieved, Retrieved)
    assert isinstance(first, SentenceReady)
    assert isinstance(second, SentenceReady)
    assert isinstance(done, Done)
    assert retrieved.evidence[0].text.startswith("Twelve people died")
    assert (first.sentence, second.sentence) == done.answer.sentences
    assert first.citations == done.answer.citations
    assert second.citations == ()  # it cites what the first one introduced
    marks = done.answer.timings_ms
    assert list(marks) == ["retrieve", "first_sentence", "total"]
    assert list(marks.values()) == sorted(marks.values())


def test_a_listener_that_leaves_stops_the_model(store: SqliteStore) -> None:
    llm = ScriptedLLM(f"{DIED} [1]. {ARRESTED} [2].")
    events = build(store, llm).stream(QUESTION)
    assert isinstance(next(events), Retrieved)
    assert isinstance(next(events), SentenceReady)
    events.close()  # type: ignore[attr-defined]  # a generator, as every stream is
    assert llm.finished == [False]


def test_a_sentence_is_shown_before_the_next_one_is_written(store: SqliteStore) -> None:
    written: list[str] = []

    class Watched(ScriptedLLM):
        def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
            for piece in super().stream(messages, max_tokens=max_tokens):
                written.append(piece)
                yield piece

    events = build(store, Watched(f"{DIED} [1]. {ARRESTED} in the spring of the year [2].")).stream(QUESTION)
    assert isinstance(next(events), Retrieved)
    assert isinstance(next(events), SentenceReady)
    assert "".join(written) == f"{DIED} [1]. Ivo"


def test_a_model_that_breaks_down_is_not_hidden(store: SqliteStore) -> None:
    class Broken(ScriptedLLM):
        def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
            yield "Twelve "
            raise ModelError("it broke")

    with pytest.raises(ModelError, match="it broke"):
        build(store, Broken()).ask(QUESTION)


# ── questions and searches


@pytest.mark.parametrize("question", ["", " \n", "?!", "x" * 2001])
def test_a_bad_question_is_a_usage_error_before_anything_is_searched(store: SqliteStore, question: str) -> None:
    rag = build(store, None)
    with pytest.raises(UsageError):
        rag.ask(question)
    with pytest.raises(UsageError):
        rag.search(question, 5)


def test_a_search_finds_articles_with_their_best_passage_and_counts_copies(store: SqliteStore) -> None:
    hits = build(store, None).search("ferry Skua", 2)
    assert len(hits) == 2
    assert (hits[0].article.id, hits[0].copies) == ("ferry", 1)
    assert hits[0].score > hits[1].score
    assert hits[0].passage.text in FERRY.text
    assert build(store, None).search("ferry", 5, Filters(source="wire"))[0].article.id == "copy"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("It sank.", "“It sank.”"), ("It\n sank.", "“It sank.”"), ("“It sank,” he said.", "“It sank,” he said.")],
)
def test_a_quotation_has_marks_of_its_own_or_gets_them(text: str, shown: str) -> None:
    assert quotation(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("it sank", "It sank."), ("it sank!", "It sank!"), ("he said “no”", "He said “no”"), ("", ".")]
)
def test_a_draft_is_finished_with_a_capital_and_a_stop(text: str, shown: str) -> None:
    assert finished(text) == shown


def test_brackets_in_an_article_are_no_markers_of_ours(store: SqliteStore, tmp_path: Path) -> None:
    forged = Article("forged", "Ferry Skua study", "The ferry Skua study [2] said [1, 7] people died. See [note].")
    with closing(SqliteStore(tmp_path / "forged.sqlite")) as own:
        index_articles([forged], own, HashEmbedder(), SETTINGS)
        answer = build(own, None).ask("What did the ferry Skua study say?", mode="quote")
    assert answer.answer.startswith("“The ferry Skua study (2) said (1, 7) people died.” [1]")
    assert answer.citations[0].quote == "The ferry Skua study [2] said [1, 7] people died."


def test_what_was_quoted_is_not_said_again_by_a_later_draft(store: SqliteStore) -> None:
    quoted = build(store, None).ask(QUESTION, mode="quote").citations[0].quote
    answer = drafted(store, "A storm sank it. ", quoted)
    assert [s.text.strip("“”") for s in answer.sentences].count(quoted) == 1


def test_an_unsupported_draft_decides_which_words_are_quoted(store: SqliteStore) -> None:
    one = SETTINGS.model_copy(update={"quoted_sentences": 1})
    by_itself, pointed = (
        build(store, ScriptedLLM(draft), settings=one).ask(WHO).citations[0].quote
        for draft in ("Nobody knows.", "In May its operator checked it.")
    )
    assert by_itself.startswith("Twelve people died")
    assert "checked in May" in pointed


def test_many_copies_of_one_story_leave_room_for_the_others(tmp_path: Path) -> None:
    copies = [Article(f"copy-{i}", f"Ferry {i}", FERRY.text, published="2025-03-08") for i in range(40)]
    others = [Article(f"other-{i}", f"Ferry story {i}", f"A ferry of line {i} left port {i}.") for i in range(9)]
    with closing(SqliteStore(tmp_path / "copies.sqlite")) as own:
        index_articles([*copies, *others], own, HashEmbedder(), SETTINGS)
        hits = build(own, None).search("ferry Skua", 10)
    assert len(hits) == 10
    assert hits[0].copies == 39


def test_a_copy_with_another_figure_is_not_counted_as_saying_the_same(tmp_path: Path) -> None:
    text = (
        "The harbour bridge was shut on Monday after divers found cracks in two of its piers. Its repair will cost 2.3 "
        "million euros. The council will vote on the contract in May, the mayor said."
    )
    old = Article("old", "Harbour bridge shut", text)
    new = Article("new", "Harbour bridge shut", text.replace("2.3", "4.1"))
    with closing(SqliteStore(tmp_path / "figures.sqlite")) as own:
        index_articles([old, new], own, HashEmbedder(), SETTINGS)
        rag = build(own, None)
        ranked = rag.find("How much will the repair of the harbour bridge cost?", Filters()).ranked
    assert sorted(re.findall(r"\d\.\d", " ".join(e.text for e in ranked))) == ["2.3", "4.1"], ranked
    assert [e.copies for e in ranked if "cost" in e.text] == [0, 0]
    assert {e.copies for e in ranked if "vote" in e.text} == {1}


# ── what a reader points at


def test_a_reader_decides_which_sentence_is_quoted_and_no_draft_is_made(store: SqliteStore) -> None:
    reader = PointingReader("arrested in Adana")
    answer = check(build(store, None, reader=reader).ask(WHO))
    assert answer.sentences[0].support == "quoted"
    assert answer.citations[0].quote == "The captain of the ferry, Ivo Marek, was arrested in Adana."
    assert "read" in answer.timings_ms


def test_a_reader_sees_the_sentences_of_an_article_together_and_in_its_order(store: SqliteStore) -> None:
    reader = PointingReader("arrested")
    build(store, None, reader=reader).ask(QUESTION)
    sentences, *of_its_parts = reader.read_sentences
    assert len(of_its_parts) == 2
    of_ferry = [s for s in sentences if s in FERRY.text]
    assert len(of_ferry) > 1
    assert of_ferry == sorted(of_ferry, key=FERRY.text.index)
    assert "Ferry sinks off Brenna (Brenna Courier, 2025-03-08)\n[" in reader.calls[0][1].content


def test_a_reader_that_finds_nothing_makes_a_refusal(store: SqliteStore) -> None:
    doubtful = LinearModel(-1.0, {"none": 1.0, "words": 0.1}, 0.5, "by hand")
    rag = build(store, None, reader=PointingReader("arrested"), answerable_read=doubtful)
    answer = check(rag.ask(QUESTION))
    assert (answer.answered, answer.answer) == (False, REFUSAL)
    assert answer.refusal is not None
    assert answer.refusal.closest[0].quote == "The captain of the ferry, Ivo Marek, was arrested in Adana."


def test_evidence_that_does_not_fit_the_context_of_a_reader_is_not_read(store: SqliteStore) -> None:
    whole, small = PointingReader("arrested"), PointingReader("arrested", context_tokens=150)
    answers = [check(build(store, None, reader=reader).ask(WHO)) for reader in (whole, small)]
    assert 0 < len(small.read_sentences[0]) < len(whole.read_sentences[0])
    assert {c.quote for c in answers[1].citations} <= set(small.read_sentences[0])


@pytest.mark.parametrize("certain", [LIKELY, UNLIKELY])
def test_a_question_that_does_not_fit_the_context_of_a_reader_is_left_to_the_search(
    store: SqliteStore, certain: LinearModel
) -> None:
    reader = PointingReader("arrested", context_tokens=100)
    rag = build(store, None, reader=reader, answerable=certain, answerable_read=UNLIKELY)
    answer, quoted = check(rag.ask(WHO)), check(rag.ask(WHO, mode="quote"))
    assert reader.calls == []
    assert answer.answered == (certain is LIKELY)
    assert (answer.sentences, answer.citations, answer.refusal) == (quoted.sentences, quoted.citations, quoted.refusal)


def test_quote_mode_does_not_read(store: SqliteStore) -> None:
    reader = PointingReader("arrested")
    build(store, None, reader=reader).ask(QUESTION, mode="quote")
    assert reader.calls == []


# ── yes or no


@pytest.mark.parametrize("drafted_word", ["Yes", "No"])
def test_a_yes_or_no_that_the_words_cannot_prove_is_not_shown(store: SqliteStore, drafted_word: str) -> None:
    question = "Was Ivo Marek, the captain of the ferry Skua, arrested in Brenna?"
    answer = check(build(store, ScriptedLLM(f"{drafted_word}, {ARRESTED} [1].")).ask(question))
    assert answer.sentences[0].text == f"{ARRESTED}."
    alone = check(build(store, ScriptedLLM(f"{drafted_word} [1].")).ask(question))
    assert {s.support for s in alone.sentences} == {"quoted"}


# ── whose words


def test_a_question_for_somebodys_words_is_answered_with_them() -> None:
    words = "It is a plaster, not a cure"
    breach = Article(
        "breach",
        "Breach in the weir closed",
        "Engineers closed the breach in the weir with stone. Hydrologist Petra Lindquay said the stone would hold for "
        f"the winter. “{words},” she said. Mayor Ann Bell said the stone in the weir had cost 12 crowns. “We paid for "
        "all of it ourselves,” she said.",
    )
    with closing(SqliteStore(Path(":memory:"))) as own:
        index_articles([breach], own, HashEmbedder(), SETTINGS)
        rag = build(own, None)
        said = rag.ask("What was Petra Lindquay's verdict on the stone in the breach of the weir?", mode="quote")
        plain = rag.ask("What closed the breach in the weir?", mode="quote")
    assert said.citations[0].quote == f"“{words},” she said."
    assert plain.citations[0].quote.startswith("Engineers closed")


# ── why an answer is what it is


def explained(rag: Rag, question: str = QUESTION, mode: Mode = "answer") -> tuple[Answer, Mapping[str, Any]]:
    answer = check(rag.ask(question, mode=mode))
    return answer, answer_json(answer, explain=True)["explain"]


def test_a_fitted_models_decision_is_the_sum_of_what_its_signals_contribute(store: SqliteStore) -> None:
    model = LinearModel(-1.0, {"cosine": 2.0, "terms_in_story": 0.5}, 0.4, "by hand")
    rag = build(store, None, answerable=model)
    _, why = explained(rag, mode="quote")
    [made] = why["answering"]
    log_odds = made["intercept"] + sum(s["contribution"] for s in made["signals"])
    assert {s["name"] for s in made["signals"]} == {"cosine", "terms_in_story"}
    assert made["probability"] == pytest.approx(1 / (1 + math.exp(-log_odds)), abs=1e-3)
    assert made["probability"] == pytest.approx(rag.find(QUESTION, Filters()).probability, abs=1e-4)
    assert (made["threshold"], made["answers"], why["reader"]) == (0.4, made["probability"] >= 0.4, None)


def test_a_refusal_is_explained_by_the_model_that_refused(store: SqliteStore) -> None:
    rag = build(store, None, reader=PointingReader("arrested"), answerable_read=UNLIKELY)
    answer, why = explained(rag, WHO)
    assert not answer.answered
    assert [(made["model"], made["answers"]) for made in why["answering"]] == [
        ("answerable", True),
        ("answerable_read", False),
    ]
    assert why["sentences"] == []


def test_a_readers_probabilities_are_given_for_each_sentence_it_read(store: SqliteStore) -> None:
    _, why = explained(build(store, None, reader=PointingReader("arrested in Adana")), WHO)
    assert why["reader"]["words"] == "arrested in Adana"
    assert why["reader"]["probability"] == pytest.approx(math.exp(-1.0), abs=1e-4)
    assert why["reader"]["none"] == pytest.approx(math.exp(-5.0), abs=1e-4)
    best = why["reader"]["sentences"][0]
    assert (best["text"], best["probability"]) == (
        "The captain of the ferry, Ivo Marek, was arrested in Adana.",
        pytest.approx(math.exp(-0.1), abs=1e-4),
    )
    assert FERRY.text[best["start"] : best["end"]] == best["text"]
    assert why["sentences"][0]["decision"] == "quoted"


@pytest.mark.parametrize(
    ("draft", "decided", "reasons"),
    [
        (f"{DIED} [1].", "shown", []),
        (f"{ARRESTED} [1].", "re-cited", ["name is not in the cited words: Marek"]),
        ("Thirteen people died when the ferry sank off Brenna [1].", "replaced", ["number is not in the cited words"]),
    ],
)
def test_a_draft_is_explained_by_the_checks_it_passed_and_failed(
    store: SqliteStore, draft: str, decided: str, reasons: list[str]
) -> None:
    answer, why = explained(build(store, ScriptedLLM(draft)))
    step = why["sentences"][0]
    assert step["decision"] == decided
    assert step["text"] == re.sub(r" \[\d\]", "", draft)
    assert step["citations"] == [n for sentence in answer.sentences for n in sentence.citations]
    last = step["checks"][-1]
    assert last["supported"] == (decided != "replaced")
    assert step["score"] == last["score"]
    failed = [reason for tried in step["checks"] for reason in tried["failed"]]
    assert all(any(reason.startswith(wanted) for reason in failed) for wanted in reasons)
    assert [s["decision"] for s in why["sentences"][1:]] == ["quoted"] * (len(why["sentences"]) - 1)
    if decided == "shown":
        assert "name is in the cited words: Brenna" in last["found"]


def test_a_draft_that_repeats_what_is_quoted_already_is_dropped(store: SqliteStore) -> None:
    wrong = "Thirteen people died when the ferry sank off Brenna [1]."
    _, why = explained(build(store, ScriptedLLM(f"{wrong} {wrong}")))
    assert [s["decision"] for s in why["sentences"] if s["decision"] != "quoted"] == ["replaced", "dropped"]


def test_an_explanation_is_shown_only_where_it_is_asked_for(store: SqliteStore) -> None:
    answer = build(store, ScriptedLLM(f"{DIED} [1].")).ask(QUESTION)
    plain, more = answer_json(answer), answer_json(answer, explain=True)
    assert {**plain, "explain": more["explain"]} == more
    assert "explain" not in plain
    told = [line for _, line in explaining.lines(more["explain"])]
    assert any(line.startswith(f"shown [1], support {answer.sentences[0].score:.2f}: {DIED}") for line in told)
    assert "number is in the cited words: Twelve" in told
