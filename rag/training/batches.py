"""Records as packed sequences: one evidence prompt, several questions that do not see each other. Layer: faces.

Reading the evidence is the cost of training; questions about the same text share it. Each question's tokens attend to
the evidence and to themselves only, at the positions they would have alone, so the model sees exactly the product's
prompt for each. The evidence is drawn anew in every epoch: sentences that answer, and real distractors.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from rag.reading import INSTRUCTION, MOST, NONE, OPENING, evidence_text, question_text, reading_order
from rag.training.disturbing import disturbed, names_among
from rag.training.records import Corpus, Record, Task

_QUESTIONS = 6  # in one sequence
_GOLD = 4  # sentences that answer, over all of its questions
_SIZES = (6, 7, 8, 8, 8, 9)
IGNORED = -100


@dataclass(frozen=True, slots=True)
class Packed:
    """One training sequence of n tokens. `choices`: (position, numbers that are right), one for each question."""

    tokens: torch.Tensor  # (1, n)
    positions: torch.Tensor  # (1, n)
    mask: torch.Tensor  # (1, 1, n, n), true where a token is seen
    labels: torch.Tensor  # (n,): the next token of the answer's words, or IGNORED
    choices: tuple[tuple[int, tuple[int, ...]], ...]
    sentences: int


class Writer:
    """Text to tokens in the bundled model's chat format (ChatML)."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self.digits = [self._ids(str(n))[0] for n in range(MOST + 1)]

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def prefix(self, evidence: str) -> list[int]:
        """All that comes before the question."""
        return self._ids(f"<|im_start|>system\n{INSTRUCTION}<|im_end|>\n<|im_start|>user\n") + self._ids(evidence)

    def asked(self, question: str) -> list[int]:
        """The question, up to where the answer's words begin."""
        return self._ids(question_text(question)) + self._ids(f"<|im_end|>\n<|im_start|>assistant\n{OPENING}")

    def pack(self, evidence: str, sentences: int, tasks: Sequence[Task], rng: random.Random) -> Packed:
        """One sequence. Where several sentences answer, the one written as the answer's number is drawn."""
        tokens = self.prefix(evidence)
        start = len(tokens)
        positions = list(range(start))
        labels = [IGNORED] * start
        blocks, choices = [], []
        for task in tasks:
            asked, number = self.asked(task.question), rng.choice(task.gold)
            words = self._ids(f" {task.answer if number else NONE} [")
            written = [*words, self.digits[number], *self._ids("]<|im_end|>")]
            block = asked + written
            choices.append((len(tokens) + len(asked) + len(words) - 1, task.gold))
            blocks.append((len(tokens), len(tokens) + len(block)))
            tokens += block
            positions += range(start, start + len(block))
            # The number has a loss of its own, among the numbers on offer.
            written[len(words)] = IGNORED
            labels += [IGNORED] * (len(asked) - 1) + [*written, IGNORED]
        mask = torch.ones(len(tokens), len(tokens), dtype=torch.bool).tril()
        for i, (begin, end) in enumerate(blocks):
            if i:
                mask[begin:end, start:begin] = False
        return Packed(
            torch.tensor([tokens]), torch.tensor([positions]), mask[None, None], torch.tensor(labels), tuple(choices),
            sentences,
        )  # fmt: skip


def epoch(
    corpus: Corpus, fold: str, writer: Writer, seed: int, nothing: float = 0.5, disturb: bool = True
) -> Iterator[Packed]:
    """All questions of a fold once, in a random order and company; of those that nothing answers only a share.
    `disturb`: see `rag.training.disturbing`."""
    rng = random.Random(seed)
    groups: dict[str, list[Record]] = {}
    for record in corpus.records:
        if record.fold == fold and (record.answer or (not record.gold and rng.random() < nothing)):
            groups.setdefault(record.group, []).append(record)
    names = names_among(record.answer for records in groups.values() for record in records)
    for name in rng.sample(sorted(groups), len(groups)):
        records = rng.sample(groups[name], len(groups[name]))
        while records:
            taken, records = records[:_QUESTIONS], records[_QUESTIONS:]
            numbers = _evidence(corpus, taken, rng)
            tasks = [
                Task(r.question, gold or (0,), r.answer)
                for r in taken
                for gold in [tuple(n for n, i in enumerate(numbers, start=1) if i in r.gold)]
            ]
            lines = [corpus.lines[i] for i in numbers]
            if disturb:
                lines, tasks = disturbed(lines, tasks, names, rng)
            yield writer.pack(evidence_text(lines), len(lines), tasks, rng)


def _evidence(corpus: Corpus, records: Sequence[Record], rng: random.Random) -> list[int]:
    """Sentences for these questions, in reading order with the articles shuffled."""
    size = rng.choice(_SIZES)
    gold: list[int] = []
    for record in records:
        own = [i for i in record.gold if i not in gold]
        if own and not set(record.gold) & set(gold) and len(gold) < _GOLD:
            gold.append(rng.choice(own))
    answering = {i for r in records for i in r.gold}
    words = [r.answer.casefold() for r in records if r.answer and len(r.answer) > 2]
    # Mostly what a search would bring first; now and then something from further down.
    best: dict[int, float] = {}
    for record in records:
        for rank, i in enumerate(record.ranked):
            best[i] = min(best.get(i, 99.0), rank + rng.expovariate(1 / 3))
    others = [
        i
        for i in sorted(best, key=lambda i: best[i])
        if i not in answering and not any(w in corpus.lines[i].text.casefold() for w in words)
    ]
    chosen = gold + others[: max(0, size - len(gold))]
    rng.shuffle(chosen)
    return [chosen[i] for i in reading_order([corpus.lines[i] for i in chosen])]
