"""What may stand in a history, and which questions are about a citation of the last answer."""

from __future__ import annotations

import pytest

from rag.conversation import Exchange, Place, SourceAsked, exchanges, source_asked
from rag.errors import UsageError
from rag.types import Message


def test_turns_of_every_shape_are_read() -> None:
    history = [
        {"role": "system", "content": "Be kind."},
        "Who leads the CHP?",
        {"role": "user", "content": " Since when? ", "name": "A"},
        {"role": "assistant", "content": "Since 2023 [1].", "citations": [{"article_id": "a", "start": 3, "end": 9}]},
        Message("user", "Why?"),
        {"role": "assistant", "content": None},
        {"role": "tool", "content": "x"},
    ]
    assert exchanges(history) == [
        Exchange("Who leads the CHP?"),
        Exchange("Since when?", "Since 2023 [1].", (Place("a", 3, 9),)),
        Exchange("Why?"),
    ]


def test_an_answer_without_a_question_is_nothing() -> None:
    assert exchanges([{"role": "assistant", "content": "Hello."}]) == []


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ("Who?", "history must be a list of turns"),
        ({"role": "user"}, "history must be a list of turns"),
        (["Who?", 7], "history: turn 2 must be text or an object with role and content"),
        ([{"question": "Who?"}], "history: turn 1 needs a role and a content, both text"),
        ([{"role": "user", "content": ["Who?"]}], "history: turn 1 needs a role and a content, both text"),
        (
            ["Q", {"role": "assistant", "content": "A", "citations": [{"start": 1}]}],
            "history: a citation of turn 2 lacks its article_id, start or end",
        ),
        (
            ["Q", {"role": "assistant", "content": "A", "citations": 3}],
            "history: the citations of turn 2 must be a list",
        ),
    ],
)
def test_a_turn_of_another_shape_is_named(history: object, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        exchanges(history)  # type: ignore[arg-type]
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What did the second source say?", SourceAsked(2, "")),
        ("what does source 3 say about the bridge?", SourceAsked(3, "the bridge")),
        ("And what did the last article report?", SourceAsked(-1, "")),
        ("Show me [1]", SourceAsked(1, "")),
        ("Can you quote the first citation?", SourceAsked(1, "")),
        ("Tell me more about the third story", SourceAsked(3, "")),
        ("[12]?", SourceAsked(12, "")),
        ("What does [2] say on costs", SourceAsked(2, "costs")),
        ("What did the second minister say?", None),
        ("Who was the source of the report?", None),
        ("What did the source say?", None),
        ("Which team won the first match?", None),
    ],
)
def test_a_question_about_a_citation_is_recognised(question: str, expected: SourceAsked | None) -> None:
    assert source_asked(question) == expected
