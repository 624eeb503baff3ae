"""Templates and the messages made from them. Layer: pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import Template

from rag.errors import NotReadyError
from rag.ports import Bounded
from rag.types import Evidence, Message

REFUSAL = "I could not find that in these articles."
_TEMPLATE_TOKENS = 64  # of the chat template itself, and of the opening of a reply


@dataclass(frozen=True, slots=True)
class Prompts:
    """The checked templates of one kind of answer."""

    system: str
    question: Template

    @classmethod
    def parse(cls, system: str, question: str) -> Prompts:
        """Check both templates. Raises NotReadyError naming the file and the placeholder at fault."""
        checked("prompts/system.txt", system, frozenset())
        return cls(system.strip(), checked("prompts/question.txt", question, frozenset({"evidence", "question"})))

    def messages(self, question: str, evidence: Sequence[Evidence]) -> list[Message]:
        """What the model is sent: the constant part first, the question last."""
        listed = "\n".join(evidence_line(i, item) for i, item in enumerate(evidence, start=1))
        body = self.question.substitute(evidence=listed, question=" ".join(question.split()))
        return [Message("system", self.system), Message("user", body.strip())]


def fitting(
    model: Bounded, items: Sequence[Evidence], messages: Callable[[Sequence[Evidence]], list[Message]], answer: int
) -> tuple[Sequence[Evidence], list[Message]] | None:
    """As many of the first items as fit the model's context beside an answer of so many tokens, and their prompt; None
    where not even one does."""
    limit = model.context_tokens - answer - _TEMPLATE_TOKENS
    for count in range(len(items), 0, -1):
        made = messages(items[:count])
        if sum(model.count_tokens(m.content) for m in made) <= limit:
            return items[:count], made
    return None


def checked(name: str, text: str, placeholders: frozenset[str]) -> Template:
    """A template with exactly these placeholders. Raises NotReadyError otherwise."""
    template = Template(text)
    if not template.is_valid():
        raise NotReadyError(f"{name}: a $ that starts no placeholder; write $$ for a dollar sign")
    found = set(template.get_identifiers())
    for missing in sorted(placeholders - found):
        raise NotReadyError(f"{name}: the placeholder ${missing} is missing")
    for unknown in sorted(found - placeholders):
        raise NotReadyError(f"{name}: unknown placeholder ${unknown}")
    return template


def evidence_line(number: int, item: Evidence) -> str:
    """`[1] (The Ansel Courier, 2025-11-03) Twelve people ...`: one line, whatever the article holds."""
    about = ", ".join(part for part in (item.article.source, (item.article.published or "")[:10]) if part)
    text = " ".join(item.text.split())
    return f"[{number}] ({about}) {text}" if about else f"[{number}] {text}"


def estimated_tokens(text: str) -> int:
    """Tokens of English text without a model: about one for four characters. For budgets, not for limits."""
    return len(text) // 4 + 1
