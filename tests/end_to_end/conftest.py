"""The command line, run in this process with the real bundled models, and a small index to ask."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rag import cli

ARTICLES: list[dict[str, Any]] = [
    {
        "id": "coast-1",
        "title": "Monitor counts the dead on the coast of Tarva",
        "source": "The Ansel Courier",
        "published": "2025-03-08",
        "url": "https://ansel-courier.example/coast",
        "text": "At least 340 civilians were executed in the coastal towns of Tarva, the Tarva Observatory said on "
        "Saturday. The total number of dead stands at 553, including soldiers. The mayor of Port Hale, Ilse Brandt, "
        "asked the government to open the coastal road for ambulances.",
    },
    {
        "id": "bridge-1",
        "title": "Osterlay bridge closes for two years of repairs",
        "source": "Osterlay Echo",
        "published": "2025-11-03T08:00:00+00:00",
        "text": "The Osterlay bridge will close on 1 December for two years of repairs costing 48 million crowns. "
        "Engineers found cracks in six of its nine piers. Ferries will run every ten minutes meanwhile.",
    },
    {
        "id": "bakery-1",
        "title": "A bakery in Lirien wins the golden loaf",
        "published": "2024-05-20",
        "text": "The bakery of Anton Velle in Lirien won the golden loaf on Monday. The jury of twelve praised its rye "
        "bread. Velle, who is 61, said he would share the prize with his daughter.",
    },
    {
        "id": "hostile-1",
        "title": "Weather \u001b[31mwarning\u001b]0;owned\u0007 for [red]Quillon[/red]",
        "source": "[bold]Wire[/bold]\u009b2J",
        "published": "2025-01-02",
        "text": "A storm will reach Quillon on Thursday with gusts of 120 kilometres an hour, \u001b[2Jforecasters "
        "said. Schools in Quillon stay shut until Friday.",
    },
]
QUESTION = "How many civilians were executed in the coastal towns of Tarva?"
UNANSWERABLE = "Which team won the ice hockey final in Brakenmoor?"


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.split("\n") if line]


Run = Callable[..., Result]


@pytest.fixture
def rag(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs one command: `rag("ask", QUESTION, "--index", index, stdin=b"...")`."""

    def run(*arguments: object, stdin: bytes = b"", main: Callable[[list[str]], int] = cli.main) -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Result(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of ARTICLES. Shared by all tests: a test that changes it works on a copy."""
    folder = tmp_path_factory.mktemp("index")
    file = folder / "articles.jsonl"
    file.write_text("".join(json.dumps(article) + "\n" for article in ARTICLES), "utf-8")
    assert cli.main(["index", str(file), "--index", str(folder / "built")]) == 0
    return folder / "built"


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with nothing in it, so that no default index is found."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
