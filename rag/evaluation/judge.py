"""A language model as an additional judge of answers, only where it is asked for. Layer: faces.

It is shown the question, the accepted answers and the given one, and says yes or no (as in Zheng et al. 2023, "Judging
LLM-as-a-Judge", with a reference answer). What it says is never mixed into the other metrics.
"""

from __future__ import annotations

import re
from pathlib import Path

from rag.evaluation.questions import Question
from rag.evaluation.runner import Judge
from rag.ports import LanguageModel
from rag.prompting import checked
from rag.types import Answer, Message

_TEMPLATE = Path(__file__).with_name("judge.txt")
_TOKENS = 8
_VERDICT = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_MARKER = re.compile(r"\s*\[\d+\]")


def make_judge(llm: LanguageModel) -> Judge:
    """A judge that asks this model. Raises NotReadyError where the template is damaged."""
    text = _TEMPLATE.read_text("utf-8")
    template = checked(_TEMPLATE.name, text, frozenset({"question", "expected", "answer"}))

    def judge(question: Question, answer: Answer) -> bool | None:
        expected = question.answers or tuple(s.quote for s in question.support)
        joined = (" and " if question.kind == "list" else " or ").join(expected)
        said = " ".join(_MARKER.sub("", answer.answer).split())
        message = Message("user", template.substitute(question=question.question, expected=joined, answer=said).strip())
        reply = "".join(llm.stream([message], max_tokens=_TOKENS))
        verdict = _VERDICT.match(reply)
        return verdict[1].lower() == "yes" if verdict else None

    return judge
