"""A report as HTML: a page whole in itself, no script, nothing loaded; or a part of the server's. Layer: faces.

`html` and `part` take the object that `rag eval --json` prints, fresh or read from a file. Articles, questions and
answers are escaped by the template engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup

from rag.evaluation import plots
from rag.evaluation.plots import Bar
from rag.evaluation.report import Json, scored
from rag.evaluation.tables import NONE, about, cut
from rag.resampling import reliability, risk_coverage

_HEADLINE = {
    "answer_right": "answerable questions answered right",
    "answered_answerable": "answerable questions answered",
    "refused_unanswerable": "unanswerable questions refused",
    "citations_verbatim": "citations word for word",
    "citation_recall": "sentences supported by their citations",
    "hit_at_1": "right article found first",
}
_GROUPS: tuple[tuple[str, Callable[[Json], bool]], ...] = (
    ("Answered, and the answer is wrong", lambda q: q["answerable"] and q["answered"]),
    ("Answered, and there is no answer", lambda q: not q["answerable"]),
    ("Refused, and there is an answer", lambda q: q["answerable"] and not q["answered"]),
)
_NOTES = {
    "kinds": (
        "Right by kind of question",
        "Answered right, or refused where there is no answer. The line is the 95 % interval, the number in brackets "
        "how many questions there are.",
    ),
    "risk": (
        "Risk and coverage",
        "If only the surest questions were answered, how many of these answers would be wrong. Lower is better.",
    ),
    "reliability": (
        "Reliability of the refusal model",
        "Whether the probability behind a refusal can be believed: on the diagonal it can. A bigger dot stands for "
        "more questions.",
    ),
    "times": (
        "Time",
        "Milliseconds from the question to each stage: median (bar) and 95th percentile (line). cpu: processor time.",
    ),
}


def html(report: Json) -> str:
    """The page of one report."""
    return _template("page").render(**_shown_parts(report), linked=False)


def part(report: Json) -> str:
    """The report alone, each quotation with a link that opens it in the server's page."""
    return _template("report").render(**_shown_parts(report), linked=True, article_link=_article_link)


def _article_link(article_id: str, start: int, end: int) -> str:
    """The address of an article in the server's page, at the words where they are known."""
    return "./#" + urlencode({"article": article_id, "start": start, "end": end})


def _shown_parts(report: Json) -> dict[str, Any]:
    questions = report["questions"]
    failed = [q for q in questions if q["right"] is False]
    groups = [{"title": title, "questions": [_failure(q) for q in failed if test(q)]} for title, test in _GROUPS]
    return {
        "about": about(report),
        "headline": [{"what": what, **_shown(report["metrics"][name])} for name, what in _HEADLINE.items()],
        "judged": sum(q["right"] is not None for q in questions),
        "failed": len(failed),
        "groups": [group for group in groups if group["questions"]],
        "plots": _plots(report),
        "metrics": [{"name": name, **_shown(own)} for name, own in report["metrics"].items()],
    }


@cache
def _template(name: str) -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(f"{name}.html.jinja")


def _shown(own: Json | None) -> dict[str, Any]:
    if own is None:
        return {"value": NONE, "interval": NONE, "n": 0}
    return {"value": cut(own["value"]), "interval": f"{cut(own['low'])} – {cut(own['high'])}", "n": own["n"]}


def _failure(question: Json) -> dict[str, Any]:
    """What a person needs to judge one failure: what was asked, said, cited and expected."""
    expected = question["expected"]
    missed = [s for s in expected["support"] if s["article_id"] not in question["found"]]
    return {
        **question,
        "cited": [_placed(c) for c in question["cited"]],
        "expected": {**expected, "support": [_placed(s) for s in expected["support"]]},
        "turns": [turn if isinstance(turn, str) else _turn(turn) for turn in question["history"]],
        "sure": cut(question["probability"]),
        "not_found": sorted({s["article_id"] for s in missed}),
    }


def _placed(words: Json) -> Json:
    """A quotation with its place; 0 to 0 where that is not known."""
    start = words.get("start")
    return {**words, "start": start or 0, "end": 0 if start is None else start + len(words["quote"])}


def _turn(turn: Any) -> str:
    if isinstance(turn, dict) and {"role", "content"} <= turn.keys():
        return f"{turn['role']}: {turn['content']}"
    return str(turn)


def _plots(report: Json) -> list[dict[str, Any]]:
    """Title, drawing and a sentence on how to read it."""
    rows = [scored(q) for q in report["questions"]]
    drawn = {"kinds": _kinds(report), "times": _times(report)}
    if curve := risk_coverage(rows):
        drawn["risk"] = plots.risk_coverage(curve, _here(report))
    if bins := reliability(rows):
        drawn["reliability"] = plots.reliability(bins)
    return [
        {"title": title, "svg": drawn[name], "note": note} for name, (title, note) in _NOTES.items() if name in drawn
    ]


def _kinds(report: Json) -> Markup:
    rows = []
    for kind, own in report["kinds"].items():
        measured = own["metrics"]["answer_right"] or own["metrics"]["refused_unanswerable"]
        if measured:
            shown = f"{cut(measured['value'])} ({measured['n']})"
            rows.append(Bar(kind.replace("_", " "), measured["value"], measured["low"], measured["high"], shown))
    return plots.bars("Right by kind of question", rows)


def _here(report: Json) -> tuple[float, float] | None:
    """Coverage and risk of the run as it was."""
    about_it = [q for q in report["questions"] if q["right_if_answered"] is not None]
    answered = [q for q in about_it if q["answered"]]
    if not answered:
        return None
    return len(answered) / len(about_it), sum(not q["right_if_answered"] for q in answered) / len(answered)


def _times(report: Json) -> Markup:
    rows: list[Bar] = []
    longest = max((t["p95"] for t in report["timings_ms"].values() if t["p95"]), default=1.0)
    for stage, timing in report["timings_ms"].items():
        if timing["n"]:
            share: Sequence[float] = [timing["median"] / longest, timing["p95"] / longest]
            shown = f"{timing['median']:.0f}, {timing['p95']:.0f}"
            rows.append(Bar(stage.replace("_", " "), share[0], share[0], share[1], shown))
    return plots.bars("Milliseconds by stage", rows)
