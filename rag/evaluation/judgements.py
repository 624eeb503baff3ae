"""Answer sentences drawn at random to be judged by a person, and what the judgements say. Layer: faces.

`python -m rag.evaluation.judgements draw ANSWERS --set NAME --system NAME --sentences N --out FILE` draws from what
`rag ask --batch` or `rag eval --json` wrote, of a question one sentence at most; `table FILE...` prints the shares of
docs/evaluation.md; `wikinews ARTICLES --out FILE` writes the questions of rag/training/wikinews.jsonl as a set for
`rag eval --format jsonl`, whose lines `rag ask --batch` reads too.

A judgement is one line: where the sentence stands, `support` (fully, partly or not) and `answers` (yes, partly or no;
null where nobody looked) with a `reason`. Other people's texts are not kept: there the article's id and the offsets say
which words were judged.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rag.errors import UsageError
from rag.evaluation.curves import given, load

SUPPORT, ANSWERS = ("fully", "partly", "not"), ("yes", "partly", "no")
WIKINEWS = Path(__file__).parents[1] / "training" / "wikinews.jsonl"
_Z = 1.959963984540054  # 95 %
Row = dict[str, Any]


def answers(file: Path) -> list[Row]:
    """Answered questions with their sentences and citations, of a batch or of a report; a report's that the refusal
    model would have refused are left out. Raises UsageError: cannot be read, or is neither."""
    try:
        rows = [json.loads(line) for line in file.read_text("utf-8").split("\n") if line.strip()]
    except OSError as exc:
        raise UsageError(f"cannot read {file}: {exc.strerror}") from exc
    except ValueError:
        rows = []  # a report is one object over many lines
    if rows and all(isinstance(row, dict) and "id" in row for row in rows):
        return [{**row, "cited": row["citations"]} for row in rows if row.get("answered")]
    run = load(file)
    return [q for q in run.questions if given(run, q)]


def draw(answered: Sequence[Row], count: int, seed: int, *, drafted: bool) -> list[Row]:
    """So many shown sentences: of random questions, and of each a random one. Fewer where there are no more.

    `drafted`: only what the model wrote and the check let through, no quotations.
    """
    rng = random.Random(seed)
    questions = sorted(answered, key=lambda q: str(q["id"]))
    rng.shuffle(questions)
    return [row for q in questions if (row := _one(q, rng, drafted=drafted))][:count]


def _one(question: Row, rng: random.Random, *, drafted: bool) -> Row | None:
    shown = [(i, s) for i, s in enumerate(question["sentences"]) if not drafted or s["support"] == "verified"]
    if not shown:
        return None
    place, sentence = rng.choice(shown)
    cited = [c for c in question["cited"] if c["number"] in sentence["citations"]]
    return {
        "question_id": question["id"],
        "sentence": place,
        "shown_as": sentence["support"],
        "cited": [{"article_id": c["article_id"], "start": c["start"], "end": c["end"]} for c in cited],
        "digest": hashlib.sha256(sentence["text"].encode()).hexdigest()[:16],
        "question": question["question"],
        "text": sentence["text"],
        "quotes": [c["quote"] for c in cited],
    }


def without_texts(row: Row) -> Row:
    """A judgement that can be published where the texts cannot."""
    return {name: value for name, value in row.items() if name not in ("question", "text", "quotes")}


def read(files: Iterable[Path]) -> list[Row]:
    """Judgements. Raises UsageError: cannot be read, a line without a judgement, or one judged twice."""
    rows: list[Row] = []
    for file in files:
        try:
            lines = file.read_text("utf-8").splitlines()
            found = [json.loads(line) for line in lines if line.strip()]
        except (OSError, ValueError) as exc:
            raise UsageError(f"cannot read the judgements {file}: {exc}") from exc
        for number, row in enumerate(found, start=1):
            if (
                row.get("support") not in SUPPORT
                or row.get("answers", "") not in (*ANSWERS, None)
                or not row.get("reason")
            ):
                raise UsageError(f"{file}, line {number}: support, answers (or null) and a reason are wanted")
        rows += found
    places = [(r["set"], r["system"], r["question_id"], r["sentence"]) for r in rows]
    if len(set(places)) < len(places):
        raise UsageError("a sentence was judged twice")
    return rows


def table(rows: Sequence[Row]) -> list[str]:
    """Markdown: how many are fully supported and how many answer the question, by set and system, and together."""
    lines = ["| set | system | n | fully supported | partly | not | answers the question | partly | no |"]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for key in sorted({(r["set"], r["system"]) for r in rows}):
        lines.append(_line(*key, [r for r in rows if (r["set"], r["system"]) == key]))
    for system in sorted({r["system"] for r in rows}):
        lines.append(_line("all", system, [r for r in rows if r["system"] == system]))
    return [*lines, _line("**all**", "**all**", rows)]


def _line(name: str, system: str, rows: Sequence[Row]) -> str:
    support = [sum(r["support"] == value for r in rows) for value in SUPPORT]
    answers = [sum(r["answers"] == value for r in rows) for value in ANSWERS]
    full, good = (_shown(counts[0], sum(counts)) for counts in (support, answers))
    cells = (name, system, len(rows), full, *support[1:], good, *answers[1:])
    return f"| {' | '.join(map(str, cells))} |"


def _shown(count: int, n: int) -> str:
    if not n:
        return "–"
    low, high = wilson(count, n)
    return f"{count / n:.3f} ({low:.3f}–{high:.3f})"


def wilson(count: int, n: int) -> tuple[float, float]:
    """95 % interval of a share, by Wilson (Probable inference, the law of succession, and statistical inference,
    1927): of use near 1, where the usual one has no width."""
    share = count / n
    middle, spread = share + _Z**2 / (2 * n), _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + _Z**2 / n)), min(1.0, (middle + spread) / (1 + _Z**2 / n))


def wikinews(articles: Path) -> list[Row]:
    """The questions about Wikinews stories as lines of a set, each with its whole story."""
    stories = {row["url"]: row for row in map(json.loads, articles.open(encoding="utf-8"))}
    rows = []
    for number, row in enumerate(map(json.loads, WIKINEWS.open(encoding="utf-8"))):
        story = stories[row["url"]]
        answers = [story["text"][slice(*row["answer"])]] if row["answer"] else []
        context = [{"title": story["title"], "text": story["text"]}]
        rows.append({"id": f"wikinews-{number}", "question": row["question"], "answers": answers, "context": context})
    return rows


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.evaluation.judgements", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("draw", help="draw sentences from the answers of a batch or a report")
    drawing.add_argument("answers", type=Path)
    drawing.add_argument("--set", required=True, help="whose questions they are")
    drawing.add_argument("--system", required=True, help="what answered")
    drawing.add_argument("--sentences", type=int, required=True)
    drawing.add_argument("--drafted", action="store_true", help="only what the model wrote, no quotations")
    drawing.add_argument("--seed", type=int, default=0)
    drawing.add_argument("--out", type=Path, required=True)
    showing = commands.add_parser("table", help="print the shares")
    showing.add_argument("files", type=Path, nargs="+")
    converting = commands.add_parser("wikinews", help="write the Wikinews questions as a set")
    converting.add_argument("articles", type=Path)
    converting.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.command == "table":
        print("\n".join(table(read(options.files))))
        return
    if options.command == "draw":
        drawn = draw(answers(options.answers), options.sentences, options.seed, drafted=options.drafted)
        rows = [{"set": options.set, "system": options.system, **row} for row in drawn]
    else:
        rows = wikinews(options.articles)
    options.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


if __name__ == "__main__":
    main()
