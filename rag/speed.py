"""How fast a language model is here, and what follows for the prompt. Layer: pure."""

from __future__ import annotations

from dataclasses import dataclass

_OVERHEAD = 130  # tokens of a prompt that are no evidence: instructions, question, outlets and dates
_WRITTEN = 30  # tokens of a usual answer
_LEAST = 50


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second of an undisturbed machine: CPU time is what was measured, shared among the threads."""

    prompt: float
    generation: float

    def answer_seconds(self, evidence_tokens: int) -> float:
        """From a cold model to the end of a usual answer over this much evidence."""
        return (_OVERHEAD + evidence_tokens) / self.prompt + _WRITTEN / self.generation

    def affordable(self, evidence_tokens: int, seconds: float) -> int:
        """Of `evidence_tokens`, as many as are read with their prompt in this time; never less than a sentence."""
        return max(_LEAST, min(evidence_tokens, int(seconds * self.prompt) - _OVERHEAD))
