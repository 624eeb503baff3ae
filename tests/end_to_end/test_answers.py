"""Real models over one real story: the six questions that DESIGN section 6 found small models to answer wrongly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import resources, wiring
from rag.answering import Rag
from rag.prompting import REFUSAL
from rag.rendering import answer_json
from rag.settings import Settings
from rag.types import Answer, Mode

MODES: tuple[Mode, ...] = ("answer", "quote")
SETTINGS = Settings()


@pytest.fixture(scope="module")
def story() -> Path:
    return resources.data("eval/corpus/latakia-1.md")


@pytest.fixture(scope="module")
def rag(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    folder = tmp_path_factory.mktemp("index")
    report = wiring.index_paths([str(story)], folder, SETTINGS)
    assert (report.added, report.problems) == (1, ())
    with wiring.open_rag(folder, SETTINGS) as rag:
        yield rag


def ask(rag: Rag, story: Path, question: str, mode: Mode) -> Answer:
    """The answer, after the checks that every answer must pass."""
    answer = rag.ask(question, mode=mode)
    text = story.read_text(encoding="utf-8")
    closest = answer.refusal.closest if answer.refusal else ()
    assert all(c.quote in text for c in (*answer.citations, *closest))
    assert [int(n) for n in dict.fromkeys(re.findall(r"\[(\d+)\]", answer.answer))] == [
        c.number for c in answer.citations
    ]
    assert answer_json(answer)["model"]["embedder"] == "all-MiniLM-L6-v2"
    return answer


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            "How many Alawite civilians does the Syrian Observatory for Human Rights say were executed?",
            r"At least 340 Alawite civilians",
        ),
        ("Who leads the CHP?", r"Özgür Özel"),
        ("What is the total death toll?", r"\b553\b"),
        ("What did Yakup Ataş say?", r"“at the highest level”"),
        ("When did al-Sharaa seize power?", r"December"),
    ],
)
def test_a_question_that_the_story_answers_is_answered_right(
    rag: Rag, story: Path, question: str, said: str, mode: Mode
) -> None:
    answer = ask(rag, story, question, mode)
    assert answer.answered, answer.refusal
    assert re.search(said, answer.answer)
    assert any(re.search(said, citation.quote) for citation in answer.citations)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("question", ["What did the EU say?", "What did the European Union say about the killings?"])
def test_a_question_that_the_story_does_not_answer_is_refused(rag: Rag, story: Path, question: str, mode: Mode) -> None:
    answer = ask(rag, story, question, mode)
    assert not answer.answered, answer.answer
    assert answer.answer == REFUSAL
    assert answer.refusal
    assert answer.refusal.closest


def test_no_total_is_passed_off_as_the_number_executed(rag: Rag, story: Path) -> None:
    answer = ask(rag, story, "How many civilians were executed?", "answer")
    assert not re.search(r"\b553\b[^.]*execut", answer.answer)


def test_the_same_question_gets_the_same_answer(rag: Rag, story: Path) -> None:
    first, second = (ask(rag, story, "Who leads the CHP?", "answer") for _ in range(2))
    assert (first.answer, first.citations) == (second.answer, second.citations)
