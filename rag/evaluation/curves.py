"""Right answers, quotations and refusals out of saved reports of `rag eval`, as docs/evaluation.md shows them.
Layer: faces. Needs the dev extra.

The reports are made with `NEWSRAG_ANSWERABLE_THRESHOLD=0 rag eval ... --json`: no question is refused, and what
refusing at the fitted threshold would have done is read off the probabilities.
`python -m rag.evaluation.curves REPORT...` prints each report, and a table of all over the questions they share;
`--squad FILE` parts the questions of SQuAD by whether their page trained or fitted anything.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.evaluation.report import Json, read_report, scored
from rag.linear import LinearModel
from rag.matching import holds
from rag.resampling import estimate, estimates, percentile, risk_coverage
from rag.wiring import load_linear

UNSEEN = ("Computational_complexity_theory", "Huguenot", "Islamism", "Steam_engine")
"""Pages of SQuAD's dev set on which nothing was trained or fitted by the reader; see rag/training/README.md."""
_COVERAGES = (0.1, 0.25, 0.5, 0.75, 1.0)
Question = Json
Flag = Callable[[Question], bool | None]


@dataclass(frozen=True, slots=True)
class Run:
    """A saved report with the refusal model that its probabilities came from."""

    set: str
    system: str
    questions: tuple[Question, ...]
    model: LinearModel

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.set}, {self.system}"

    @property
    def answerable(self) -> list[Question]:
        """Those that the set answers, where it can be told right from wrong."""
        return [q for q in self.questions if q["answerable"] and q["right_if_answered"] is not None]

    def of(self, name: str, chosen: Callable[[Question], bool]) -> Run:
        """A part of it."""
        return Run(f"{self.set} ({name})", self.system, tuple(q for q in self.questions if chosen(q)), self.model)


def load(file: Path) -> Run:
    """A report. Raises UsageError where it is none, or refused something."""
    report = read_report(file)
    read = any("read" in q.get("signals", ()) for q in report["questions"])
    drafted = report["mode"] == "answer" and not read
    how = "reader" if read else "drafts" if drafted else "quote mode"
    return Run(
        Path(report["set"]["file"]).name,
        how,
        tuple(report["questions"]),
        load_linear("answerable_read" if read else "answerable"),
    )


def quoted(question: Question) -> bool | None:
    """Whether the words cited hold the gold answer; where the set marks sentences, whether they repeat half of one."""
    answers = question["expected"]["answers"]
    if not answers or question["kind"] == "yes_no":
        return bool(question["scores"].get("cited_right"))
    return any(holds(cited["quote"], answer) for cited in question["cited"] for answer in answers)


def first_quoted(question: Question) -> bool | None:
    """The same of the first citation alone; None where the set gives no answers to look for."""
    answers = question["expected"]["answers"]
    if not answers or question["kind"] == "yes_no":
        return None
    return any(holds(cited["quote"], answer) for cited in question["cited"][:1] for answer in answers)


def summary(run: Run) -> list[str]:
    """Right answers and refusals, without and with the right to refuse."""
    asked, kept = run.answerable, [q for q in run.answerable if given(run, q)]
    foreign = [q for q in run.questions if not q["answerable"]]
    lines = [f"**{run.name}**: {len(asked)} answerable, {len(foreign)} unanswerable", "", "| | | |", "|---|---|---|"]
    lines.append(f"| refusal off | right | {_share(asked, lambda q: q['right_if_answered'])} |")
    lines.append(f"| | citations hold the answer | {_share(asked, quoted)} |")
    lines.append(f"| | the first citation does | {_share(asked, first_quoted)} |")
    lines.append(f"| refusal on | answerable: answered | {_share(asked, lambda q: given(run, q))} |")
    lines.append(f"| | answerable: right | {_share(asked, lambda q: bool(given(run, q) and q['right_if_answered']))} |")
    lines.append(f"| | right of the answered | {_share(kept, lambda q: q['right_if_answered'])} |")
    lines.append(f"| | unanswerable: refused | {_share(foreign, lambda q: not given(run, q))} |")
    return lines


def refusing(run: Run) -> list[str]:
    """The risk–coverage curve, and the AUC of the refusal score with what each of its signals adds."""
    found = estimates([scored(q) for q in run.questions])
    whole, area = found["refusal_auc"], found["selective_accuracy"]
    if whole is None or area is None:
        return []
    curve = risk_coverage([scored(q) for q in run.questions])
    points = [next(risk for coverage, risk in curve if coverage >= at - 1e-9) for at in _COVERAGES]
    shown = ", ".join(f"{at:.0%}: {risk:.3f}" for at, risk in zip(_COVERAGES, points, strict=True))
    lines = ["", f"Risk at coverage {shown}; AURC {1 - area.value:.3f}.", ""]
    lines += [f"AUC of the refusal score {whole.value:.3f} ({whole.low:.3f}–{whole.high:.3f}).", ""]
    lines += ["| signal | weight | AUC alone | AUC without it |", "|---|---|---|---|"]
    labels = [bool(q["answerable"]) for q in run.questions]
    logits = [run.model.logit(q["signals"]) for q in run.questions]
    for signal, weight in run.model.weights.items():
        values = [q["signals"][signal] for q in run.questions]
        without = [z - weight * v for z, v in zip(logits, values, strict=True)]
        lines.append(f"| {signal} | {weight} | {_auc(values, labels):.3f} | {_auc(without, labels):.3f} |")
    others = sorted({s for q in run.questions for s in q["signals"]} - run.model.weights.keys())
    for signal in others:
        lines.append(f"| {signal} | | {_auc([q['signals'][signal] for q in run.questions], labels):.3f} | |")
    return lines


def together(runs: Sequence[Run]) -> list[str]:
    """One row a run, over the questions that all of them were asked; none for one run, nor for runs of several sets."""
    shared = frozenset.intersection(*(frozenset(q["id"] for q in run.questions) for run in runs))
    if len(runs) < 2 or not shared:
        return []
    parts = [run.of("shared", lambda q: q["id"] in shared) for run in runs]
    lines = [f"**the {len(parts[0].answerable)} answerable questions that all were asked**", ""]
    lines += ["| | right, refusal off | citations hold the answer | right, refusal on | CPU ms, median |"]
    lines += ["|---|---|---|---|---|"]
    for run, part in zip(runs, parts, strict=True):
        asked = part.answerable
        on = _share(asked, lambda q, run=run: bool(given(run, q) and q["right_if_answered"]))  # type: ignore[misc]
        off, cited = _share(asked, lambda q: q["right_if_answered"]), _share(asked, quoted)
        cpu = percentile([q["timings_ms"]["cpu"] for q in part.questions], 0.5)
        lines.append(f"| {run.name} | {off} | {cited} | {on} | {cpu:.0f} |")
    return lines


def given(run: Run, question: Question) -> bool:
    """Whether it is answered where refusing is allowed."""
    return bool(question["answered"]) and question["probability"] >= run.model.threshold


def _share(questions: Sequence[Question], flag: Flag) -> str:
    values = [float(value) for q in questions if (value := flag(q)) is not None]
    found = estimate(values) if values else None
    return f"{found.value:.3f} ({found.low:.3f}–{found.high:.3f}), n {found.n}" if found else "–"


def _auc(values: Sequence[float], labels: Sequence[bool]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, values)) if len(set(labels)) == 2 else float("nan")


def pages(file: Path) -> Mapping[str, str]:
    """Question id to page of a SQuAD file."""
    data = json.loads(file.read_text("utf-8"))["data"]
    return {qa["id"]: page["title"] for page in data for p in page["paragraphs"] for qa in p["qas"]}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.evaluation.curves", description=__doc__)
    parser.add_argument("reports", type=Path, nargs="+", help="saved reports of rag eval --json")
    parser.add_argument("--squad", type=Path, help="the SQuAD file of the reports: also show its unseen pages")
    options = parser.parse_args()
    runs = [load(file) for file in options.reports]
    page = pages(options.squad) if options.squad else {}
    parted: list[Run] = []
    for run in runs:
        parted.append(run)
        if page:
            parted.append(run.of("unseen pages", lambda q: page.get(q["id"]) in UNSEEN))
            parted.append(run.of("seen pages", lambda q: page.get(q["id"]) not in UNSEEN))
    for run in parted:
        print("\n".join([*summary(run), *refusing(run)]), end="\n\n")
    if rows := together(runs):
        print("\n".join(rows))


if __name__ == "__main__":
    main()
