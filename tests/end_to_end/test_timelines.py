"""A topic told in dated quotations: on the command line, in a batch and over HTTP."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rag import cli
from tests.end_to_end.conftest import Run
from tests.serving import serving

FLOOD = [
    {
        "id": "third",
        "title": "Aldra flood toll cut to 23",
        "text": "The coroner has lowered the number of deaths in the Aldra flood to 23. The rain has stopped.",
        "published": "2025-11-06",
        "source": "Post",
    },
    {
        "id": "first",
        "title": "Twelve die as river floods Aldra",
        "text": "Twelve people died when the river Ansel broke its bank on Monday and flooded Aldra. Shops were shut.",
        "published": "2025-11-04",
        "source": "Courier",
    },
    {
        "id": "copy",
        "title": "Twelve die as river floods Aldra",
        "text": "Twelve people died when the river Ansel broke its bank on Monday and flooded Aldra. Shops were shut.",
        "published": "2025-11-05",
        "source": "Wire",
    },
    {"id": "cup", "title": "Rovers win the cup", "text": "Rovers won the cup on Saturday.", "published": "2025-06-07"},
]
TOPIC = "the Aldra flood"


@pytest.fixture(scope="module")
def flood(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flood")
    file = folder / "articles.jsonl"
    file.write_text("".join(json.dumps(article) + "\n" for article in FLOOD), "utf-8")
    assert cli.main(["index", str(file), "--index", str(folder / "built")]) == 0
    return folder / "built"


def test_lines_are_dated_quotations_oldest_first_and_copies_are_one(rag: Run, flood: Path) -> None:
    shown = rag("ask", "--timeline", TOPIC, "--index", flood)
    assert shown.code == 0
    lines = shown.out.split("\n\n")[0].splitlines()
    assert lines[0].startswith("2025-11-03  “Twelve people died when the river Ansel broke its bank on Monday")
    assert any(line.startswith("2025-11-06 (published)  “The coroner has lowered") for line in lines)
    assert shown.out.count("“Twelve people died") == 1
    assert "Rovers" not in shown.out


def test_the_json_says_where_each_date_is_from(rag: Run, flood: Path) -> None:
    answer = json.loads(rag("ask", "--timeline", TOPIC, "--index", flood, "--json").out)
    dates = {s["citations"][0]: (s["date"], s["dated_by"]) for s in answer["sentences"]}
    assert dates[1] == ("2025-11-03", "event")
    assert ("2025-11-06", "article") in dates.values()
    texts = {article["id"]: article["text"] for article in FLOOD}
    for citation in answer["citations"]:
        assert texts[citation["article_id"]][citation["start"] : citation["end"]] == citation["quote"]
    assert answer["model"]["llm"] is None


def test_a_citation_says_how_its_story_stands_as_in_any_answer(rag: Run, flood: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(flood, tmp_path / "index")
    words = "Twelve people died when the river Ansel broke its bank on Monday and flooded Aldra."
    file = tmp_path / "update.jsonl"
    file.write_text(json.dumps({**FLOOD[0], "text": str(FLOOD[0]["text"]).replace("23", "22")}))
    assert rag("index", file, "--index", folder).code == 0
    cited = json.loads(rag("ask", "--timeline", TOPIC, "--index", folder, "--json").out)["citations"]
    told = {citation["quote"]: citation for citation in cited}
    assert (told[words]["copies"], set(told[words]["copy_outlets"])) == (1, {"Courier", "Wire"})
    assert told[words]["independent_outlets"] == [told[words]["source"]]
    lowered = told["The coroner has lowered the number of deaths in the Aldra flood to 22."]
    assert (lowered["version"], lowered["correction"]["kind"]) == (2, "changed")
    assert lowered["correction"]["words"] == "The coroner has lowered the number of deaths in the Aldra flood to 23."


def test_a_topic_that_nothing_covers_is_refused(rag: Run, flood: Path) -> None:
    refused = rag("ask", "--timeline", "the volcano of Iceland", "--index", flood, "--json")
    assert refused.code == 1
    assert not json.loads(refused.out)["answered"]


def test_a_batch_gives_a_timeline_a_line(rag: Run, flood: Path) -> None:
    rows = json.dumps({"id": "a", "question": TOPIC}).encode() + b"\n"
    [line] = rag("ask", "--timeline", "--batch", "-", "--index", flood, stdin=rows).out.splitlines()
    assert json.loads(line)["sentences"][0]["date"] == "2025-11-03"


def test_a_filter_holds(rag: Run, flood: Path) -> None:
    answer = json.loads(rag("ask", "--timeline", TOPIC, "--index", flood, "--json", "--since", "2025-11-06").out)
    assert {c["article_id"] for c in answer["citations"]} == {"third"}


def test_over_http(flood: Path) -> None:
    with serving(flood) as served:
        answer = served("POST", "/ask", {"question": TOPIC, "timeline": True}).json
        assert [s["date"] for s in answer["sentences"]] == sorted(s["date"] for s in answer["sentences"])
        events = served("POST", "/ask", {"question": TOPIC, "timeline": True}, accept="text/event-stream").events
    assert events[1][1]["sentence"]["date"] == "2025-11-03"
    assert events[-1][1]["answer"] == answer["answer"]
