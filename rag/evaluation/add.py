"""`rag eval add`: a person's own questions, written with the articles at hand. Layer: faces.

It asks on standard error and reads replies line by line, from a person or a pipe. What it writes has passed the
validator.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, get_args

from rag.answering import ANY, Rag
from rag.articles import one_line
from rag.errors import UsageError
from rag.evaluation.checks import answering_sentence
from rag.evaluation.questions import UNANSWERABLE, Kind, Question, Split, Support, load, match
from rag.ports import Store
from rag.types import Evidence

_SHOWN = 8
_NUMBER = re.compile(r"-\d+$")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Questions to the person, and the replies."""

    replies: TextIO
    say: Say

    def ask(self, prompt: str, default: str = "") -> str:
        """One line; an empty one is the default. Raises UsageError at the end of the input: nothing is written then."""
        self.say(f"{prompt} [{default}]" if default else prompt)
        line = self.replies.readline()
        if not line:
            raise UsageError("the input ended before the question was complete: nothing was written")
        return line.strip() or default

    def choose(self, prompt: str, choices: Sequence[str], default: str) -> str:
        """One of the choices, asked until it is one."""
        while (reply := self.ask(f"{prompt} ({', '.join(choices)})", default)) not in choices:
            self.say(f"{reply!r} is none of these")
        return reply


def add_question(file: Path, rag: Rag, store: Store, dialogue: Dialogue) -> Question:
    """Ask for one question and append it to the file, which is made where there is none.

    Raises UsageError where the input ends, and what the validator says of the file with the new question in it; the
    file then stays as it was.
    """
    taken = {q.id for q in load(file).questions} if file.exists() else set()
    words = _asked(dialogue)
    chosen = _chosen(rag, words, dialogue)
    if chosen:
        answers, support = _answers(chosen, store, dialogue)
        kinds = [k for k in get_args(Kind) if k not in UNANSWERABLE]
        kind = dialogue.choose("Kind of question", kinds, "other")
    else:
        answers, support = (), ()
        kind = dialogue.choose("Why is there no answer", sorted(UNANSWERABLE), "absent")
    story = dialogue.ask("Story", _NUMBER.sub("", chosen[0].article.id) if chosen else "outside")
    split = dialogue.choose("Split", get_args(Split), "dev")
    number = next(n for n in range(1, len(taken) + 2) if f"{story}-q{n}" not in taken)
    made = Question.model_validate(
        {"id": f"{story}-q{number}", "question": words, "kind": kind, "split": split, "answers": answers,
         "support": support}
    )  # fmt: skip
    _append(file, made, store)
    return made


def _asked(dialogue: Dialogue) -> str:
    while not (words := dialogue.ask("Question")):
        dialogue.say("write the question, in words that the article does not use")
    return words


def _chosen(rag: Rag, question: str, dialogue: Dialogue) -> list[Evidence]:
    """The sentences that answer, picked from what a search brings up; none where the articles do not answer."""
    searched = question
    while True:
        ranked = rag.find(searched, ANY).ranked
        shown = ranked[:_SHOWN]
        for number, item in enumerate(shown, start=1):
            dialogue.say(f"{number}. ({item.article.id}) {one_line(item.text)}")
        reply = dialogue.ask("Which of these answer it? Numbers; other words to search for; or none")
        if reply == "none" and _none_answers(ranked, dialogue):
            return []
        numbers = [int(n) for n in re.findall(r"\d+", reply)] if re.fullmatch(r"[\d\s,]+", reply) else []
        if numbers and all(1 <= n <= len(shown) for n in numbers):
            return [shown[n - 1] for n in dict.fromkeys(numbers)]
        if reply and reply != "none" and not numbers:
            searched = reply


def _none_answers(ranked: Sequence[Evidence], dialogue: Dialogue) -> bool:
    sentence = answering_sentence(ranked)
    if sentence is None:
        return True
    prompt = f"{one_line(sentence.text)}\nThis seems to answer it. Is there no answer all the same?"
    return dialogue.choose(prompt, ("yes", "no"), "no") == "yes"


def _answers(
    chosen: Sequence[Evidence], store: Store, dialogue: Dialogue
) -> tuple[tuple[str, ...], tuple[Support, ...]]:
    """The quotation of each sentence with its place, and the accepted answers."""
    support = []
    for item in chosen:
        start, quote = item.span.start, item.text
        while True:
            reply = dialogue.ask(f"Words to quote from {item.article.id}; nothing: the whole sentence") or quote
            place = item.article.text.find(reply, start)
            if place >= 0:
                break
            dialogue.say("these words do not stand there: copy them exactly")
        support.append(Support(article_id=item.article.id, quote=reply, start=place))
    answers = []
    while reply := dialogue.ask("An accepted answer, the article's own words first; nothing: no more"):
        answers.append(reply)
    return tuple(answers), tuple(support)


def _append(file: Path, made: Question, store: Store) -> None:
    """Write the file anew with the question in it, once the whole has passed the validator."""
    before = file.read_text("utf-8") if file.exists() else ""
    line = made.model_dump_json(exclude_none=True, exclude=None if made.history else {"history"})
    text = before + ("" if not before or before.endswith("\n") else "\n") + line + "\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".rag-eval-") as folder:
            draft = Path(folder) / file.name
            draft.write_text(text, "utf-8")
            found = load(draft)
            match(found, [made], store.articles())
            draft.replace(file)
    except OSError as exc:
        raise UsageError(f"cannot write {file}: {exc.strerror}") from exc
