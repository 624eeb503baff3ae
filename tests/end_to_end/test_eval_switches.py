"""A part that is broken shows in the metric that watches it, and the gate on that metric fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.retrieval import Retriever
from rag.types import Filters, Hit, Verdict
from tests.doubles import ScriptedLLM

Rag = Callable[..., Any]
SET: list[dict[str, Any]] = [
    {
        "id": "coast-q1",
        "question": "How many civilians were executed in the coastal towns of Tarva?",
        "kind": "how_many",
        "split": "dev",
        "answers": ["340"],
        "support": [{"article_id": "coast-1", "quote": "At least 340 civilians were executed"}],
    },
    {
        "id": "bridge-q1",
        "question": "How much will the repairs of the Osterlay bridge cost?",
        "kind": "how_many",
        "split": "dev",
        "answers": ["48 million crowns"],
        "support": [{"article_id": "bridge-1", "quote": "two years of repairs costing 48 million crowns"}],
    },
    {
        "id": "other-q1",
        "question": "Which team won the ice hockey final in Brakenmoor?",
        "kind": "outside",
        "split": "dev",
        "answers": [],
        "support": [],
    },
]
WATCHED = {"retriever": "hit_at_1", "verifier": "citation_recall", "refuser": "refused_unanswerable"}
DRAFT = "All ferries of Marisel were sold on Sunday [1]."


def break_retriever(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Retriever.search

    def worst_first(self: Retriever, question: str, k: int, filters: Filters, typed: str) -> Sequence[Hit]:
        return whole(self, question, k, filters, typed)[::-1]

    monkeypatch.setattr(Retriever, "search", worst_first)


def break_verifier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.drafting.verify", lambda *_, **__: Verdict(True, 1.0, ()))


def break_refuser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.answering.Found.answers", property(lambda found: bool(found.chosen)))


BREAK = {"retriever": break_retriever, "verifier": break_verifier, "refuser": break_refuser}


@pytest.mark.parametrize("part", BREAK)
def test_a_broken_part_shows_and_fails_the_gate(
    rag: Rag, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in SET), "utf-8")
    # A model that drafts: one that reads quotes, and there is nothing to verify.
    monkeypatch.setenv("NEWSRAG_ADAPTER", "none")
    monkeypatch.setattr("rag.loading.load_llm", lambda *_: ScriptedLLM(*[DRAFT] * 9))
    metric = WATCHED[part]
    command = ("eval", file, "--index", index, "--json", "--fail-under", f"{metric}=1")
    intact = rag(*command)
    assert intact.code == 0, intact.err
    assert intact.json["metrics"][metric]["value"] == 1
    BREAK[part](monkeypatch)
    broken = rag(*command)
    assert broken.code == 1
    assert broken.json["metrics"][metric]["value"] < 1
    assert broken.err.splitlines()[-1].startswith(f"rag: {metric} is ")
    sound = {name: own["value"] for name, own in broken.json["metrics"].items() if name in WATCHED.values()}
    assert [name for name, value in sound.items() if value < 1] == [metric]
