"""The eval set over real news: the file that the repository has, and how its words come back."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import UsageError
from rag.evaluation import news
from rag.evaluation.questions import UNANSWERABLE, Question, load, match
from rag.readers import read
from rag.types import Article

FILES = {
    name: [json.loads(line) for line in news.QUESTIONS.with_name(name).read_text("utf-8").splitlines()]
    for name in (news.QUESTIONS.name, "typed.jsonl")
}
of_each_file = pytest.mark.parametrize(("header", "rows"), [(h, rows) for h, *rows in FILES.values()], ids=FILES)

FLOOD = "Nineteen people died when the river rose.\n\nThe mayor, Ann Ray, said that 2,300 people had left their homes."
FERRY = "The ferry company Nord said on Monday that it will sell “Alma” and two other ships. " * 4
PAGE = "5f0c9a31d2"
HTML = """<html lang="en"><head><title>Nord to sell three ships</title>
<meta property="og:site_name" content="Port Post">
<meta property="article:published_time" content="2019-11-20T08:00:00Z"></head>
<body><article><h1>Nord to sell three ships</h1><p>The ferry company Nord will sell them.</p></article></body></html>"""

Run = Callable[..., None]


def place(name: str, text: str, words: str) -> list[Any]:
    return [name, text.index(words), text.index(words) + len(words)]


def is_place(part: Any, header: dict[str, Any]) -> bool:
    if not (isinstance(part, list) and [type(item) for item in part] == [str, int, int]):
        return False
    return part[0] in header["sha256"] and 0 <= part[1] < part[2]


# ── the file


def as_question(row: dict[str, Any]) -> Question:
    """With each place for its own words."""
    support = [{"article_id": name, "quote": f"{start}-{end}"} for name, start, end in row["support"]]
    return Question.model_validate({**row, "answers": [str(a) for a in row["answers"]], "support": support})


@of_each_file
def test_every_row_is_a_question(header: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    found = [as_question(row) for row in rows]
    assert len({question.id for question in found}) == len(found)
    for question in found:
        unanswerable = question.kind in UNANSWERABLE
        assert [not question.answers, not question.support] == [unanswerable, unanswerable], question.id


@pytest.mark.parametrize(
    ("header", "row"),
    [pytest.param(h, row, id=row["id"]) for h, *rows in FILES.values() for row in rows],
)
def test_places_are_places_and_other_words_are_few(header: dict[str, Any], row: dict[str, Any]) -> None:
    assert all(is_place(part, header) for part in row["support"])
    for answer in row["answers"]:
        if isinstance(answer, str):
            assert 0 < len(answer.split()) <= 6, "words of an article belong there as a place"
        else:
            assert is_place(answer, header)
            assert any(answer[0] == s[0] and s[1] <= answer[1] < answer[2] <= s[2] for s in row["support"])
    for said in row.get("history", ()):
        assert said["role"] in ("user", "assistant")
        assert all(isinstance(part, str) or is_place(part, header) for part in said["content"])


@of_each_file
def test_the_header_knows_the_texts_that_are_used_and_no_others(
    header: dict[str, Any], rows: list[dict[str, Any]]
) -> None:
    used = {part[0] for row in rows for part in row["support"]}
    told = (part for row in rows for said in row.get("history", ()) for part in said["content"])
    used |= {part[0] for part in told if is_place(part, header)}
    assert set(header["sha256"]) == used
    assert {len(known) for known in header["sha256"].values()} == {news.DIGITS}
    assert header["articles"] >= len(used)


@of_each_file
def test_the_splits_share_no_story_and_no_article(header: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    splits: dict[str, str] = {}
    for question in map(as_question, rows):
        for name in (question.story, *(support.article_id for support in question.support)):
            assert splits.setdefault(name, question.split) == question.split, name
    assert set(splits.values()) == {"dev", "test"}


# ── the words


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two stories, of which the second has no question, a page and one that is too short; and the questions."""
    stories = [
        {"title": "Flood", "published": "2004-11-13", "text": FLOOD},
        {"title": "Fair", "text": "A fair opened."},
    ]
    (tmp_path / "stories.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in stories), "utf-8")
    folder = tmp_path / "web" / "html"
    folder.mkdir(parents=True)
    truth = {PAGE: {"articleBody": FERRY}, "00aa": {"articleBody": "Subscribe to read on."}}
    (folder.parent / "ground-truth.json").write_text(json.dumps(truth), "utf-8")
    (folder / f"{PAGE}.html.gz").write_bytes(gzip.compress(HTML.encode()))
    asked = {"kind": "how_many", "split": "dev"}
    died, left = "Nineteen people died", "2,300 people had left their homes"
    ferry = "p5f0c9a31"
    told = ["It will sell ", place(ferry, FERRY, "“Alma” and two other ships"), "."]
    rows: list[dict[str, Any]] = [
        {"articles": 3, "sha256": {"w00": news.digest(FLOOD), ferry: news.digest(FERRY)}},
        {"id": "flood-q1", "question": "How many people died in the flood?", **asked,
         "support": [place("w00", FLOOD, died)], "answers": [place("w00", FLOOD, "Nineteen"), "19"]},
        {"id": "flood-q2", "question": "And how many left?", **asked, "support": [place("w00", FLOOD, left)],
         "answers": [place("w00", FLOOD, "2,300")], "history": [
             {"role": "user", "content": ["What will Nord do?"]}, {"role": "assistant", "content": told}]},
        {"id": "ferry-q1", "question": "Who buys the ships of Nord?", "kind": "absent", "split": "test", "support": [],
         "answers": []},
    ]  # fmt: skip
    (tmp_path / "news.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return tmp_path


@pytest.fixture
def run(data: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_with(**changed: Path) -> None:
        given = {"wikinews": data / "stories.jsonl", "web": data / "web", "out": data / "made dir"} | changed
        given.setdefault("questions", data / "news.jsonl")
        arguments = [word for name, value in given.items() for word in (f"--{name}", str(value))]
        monkeypatch.setattr("sys.argv", ["news", *arguments])
        news.main()

    return run_with


def test_the_words_come_back(data: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    out = data / "made dir"
    articles = [found for found in read([str(out / "articles.jsonl")]) if isinstance(found, Article)]
    assert [a.id for a in articles] == ["p5f0c9a31", "w00", "w01"]
    assert [articles[0].title, articles[0].source] == ["Nord to sell three ships", "Port Post"]
    assert str(articles[0].published).startswith("2019-11-20")
    found = load(out / "questions.jsonl")
    assert match(found, found.questions, articles).articles == 3
    first, second, third = found.questions
    assert first.answers == ("Nineteen", "19")
    assert [(s.article_id, s.quote) for s in first.support] == [("w00", "Nineteen people died")]
    assert second.history[1] == {"role": "assistant", "content": "It will sell “Alma” and two other ships."}
    assert [third.answers, third.support, third.split] == [(), (), "test"]
    assert capsys.readouterr().out.splitlines() == [
        "3 questions over 3 articles. Now run:",
        f"rag index '{out}/articles.jsonl' --index '{out}/index'",
        f"rag eval '{out}/questions.jsonl' --index '{out}/index' --split test",
    ]


def test_another_text_is_refused(data: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    file = data / "stories.jsonl"
    file.write_text(file.read_text("utf-8").replace("Nineteen people", "Nineteen men"), "utf-8")
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the text of the article w00 is not the one" in line
    assert news.digest(FLOOD) in line
    assert not (data / "made dir").exists()


@pytest.mark.parametrize(
    ("broken", "content", "reason"),
    [
        ("stories.jsonl", None, "cannot read {file}: No such file or directory"),
        ("stories.jsonl", b'{"title": "Flood"}\n', "each line must have a text"),
        ("stories.jsonl", b"\xff\n", "is not JSON Lines in UTF-8"),
        ("stories.jsonl", b"[]\n", "must hold one JSON object a line"),
        ("stories.jsonl", b'{"text": "A fair opened."}\n', "asks over 3 articles, not 2"),
        ("web/ground-truth.json", b"[]", "is not the benchmark's"),
        ("web/ground-truth.json", b'{"a": {}}', "is not the benchmark's"),
        (f"web/html/{PAGE}.html.gz", None, "cannot read {file}: No such file or directory"),
        (f"web/html/{PAGE}.html.gz", b"<html>", "is not a page packed with gzip"),
        (f"web/html/{PAGE}.html.gz", gzip.compress(b"<html>")[:10] + b"\xff" * 9, "is not a page packed with gzip"),
        ("news.jsonl", None, "cannot read {file}: No such file or directory"),
        ("news.jsonl", b'{"id": "flood-q1"}\n', "is not eval/news.jsonl of newsrag"),
        ("made dir", b"", "cannot write {file}/articles.jsonl"),
    ],
)
def test_a_file_that_is_missing_or_wrong_is_one_clear_line(
    broken: str, content: bytes | None, reason: str, data: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    file = data / broken
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason.format(file=file) in line


def test_an_article_that_is_missing_is_named(data: Path) -> None:
    articles = news.stories(data / "stories.jsonl") * 2
    with pytest.raises(UsageError, match=r"the article p5f0c9a31 of .* is missing"):
        news.questions(data / "news.jsonl", articles[:3])
