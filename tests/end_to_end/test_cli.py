"""The contract of the commands: standard output, standard error, exit codes, JSON."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO

import pytest

from rag import __version__, cli, wiring
from rag.evaluation.command import Options
from rag.settings import Settings
from tests.end_to_end.conftest import ARTICLES, QUESTION, UNANSWERABLE, Run

ANSWER_FIELDS = (
    "question standalone_question answered refusal answer sentences citations disagreements confidence unsure "
    "timings_ms model"
).split()
CITATION_FIELDS = (
    "number article_id title source url published start end quote speaker copies version copy_outlets "
    "independent_outlets correction"
).split()
HIT_FIELDS = "article_id title source url published start end text score copies".split()


def stored_text(index: Path, article_id: str) -> str:
    with wiring.open_store(index) as store:
        article = store.article(article_id)
    assert article is not None
    return article.text


def read_to_end(terminal: int) -> str:
    """What was shown on a terminal whose other side is closed."""
    shown = b""
    with open(terminal, "rb", buffering=0) as screen, contextlib.suppress(OSError):  # Linux: its end is an error
        while part := screen.read(4096):
            shown += part
    return shown.decode().replace("\r\n", "\n")


def check_answer(answer: dict[str, Any], index: Path) -> None:
    """Every rule of the contract that holds for any answer."""
    assert list(answer) == ANSWER_FIELDS
    assert answer["answered"] == (answer["refusal"] is None) == bool(answer["sentences"])
    cited = [n for sentence in answer["sentences"] for n in sentence["citations"]]
    assert list(dict.fromkeys(cited)) == [c["number"] for c in answer["citations"]]
    assert [int(n) for n in re.findall(r"\[(\d+)\]", answer["answer"])] == cited
    assert {s["support"] for s in answer["sentences"]} <= {"verified", "quoted"}
    closest = answer["refusal"]["closest"] if answer["refusal"] else []
    for citation in answer["citations"] + closest:
        assert list(citation) == CITATION_FIELDS
        assert stored_text(index, citation["article_id"])[citation["start"] : citation["end"]] == citation["quote"]


# ── index


def test_indexing_twice_changes_nothing(rag: Run, tmp_path: Path) -> None:
    file, folder = tmp_path / "articles.jsonl", tmp_path / "new" / "index"
    file.write_text("".join(json.dumps(article) + "\n" for article in ARTICLES[1:3]), "utf-8")
    first = rag("index", file, "--index", folder)
    assert first == (0, f"2 added, 0 updated, 0 unchanged, 2 passages in {folder}\n", "")
    changed = [{**ARTICLES[1], "text": "The bridge stays open."}, ARTICLES[2], {"title": "No text"}]
    file.write_text("".join(json.dumps(article) + "\n" for article in changed), "utf-8")
    second = rag("index", file, "--index", folder, "--json")
    assert second.code == 0
    assert second.json == {
        "index": str(folder),
        "added": 0,
        "updated": 1,
        "unchanged": 1,
        "passages": 1,
        "removed": 0,
        "sentences": 0,
        "problems": [{"where": f"{file}:3", "reason": "text is missing"}],
        "stored": {"articles": 2, "passages": 2, "sentences": 4},
    }
    assert second.err == f"rag: warning: {file}:3: text is missing\n"


def test_articles_come_from_standard_input(rag: Run, tmp_path: Path) -> None:
    done = rag("index", "-", "--index", tmp_path / "index", stdin=json.dumps(ARTICLES[0]).encode())
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("1 added, 0 updated, 0 unchanged, 1 passages in ")


# ── ask


def test_an_answer_for_a_person(rag: Run, index: Path) -> None:
    done = rag("ask", QUESTION, "--index", index)
    assert (done.code, done.err) == (0, "")
    answer, rest = done.out.split("\n\n", 1)
    assert "[1]" in answer
    assert "\n" not in answer
    about = "[1] The Ansel Courier, 8 March 2025, “Monitor counts the dead on the coast of Tarva”"
    assert rest.startswith(f"{about}, according to the Tarva Observatory\n    ")
    assert "At least 340 civilians were executed" in rest
    assert "    https://ansel-courier.example/coast\n" in rest
    assert rest.endswith("\n")


@pytest.mark.parametrize("mode", ["answer", "quote"])
def test_an_answer_for_a_program(rag: Run, index: Path, mode: str) -> None:
    done = rag("ask", QUESTION, "--index", index, "--json", "--mode", mode)
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 1
    check_answer(done.json, index)
    assert "340" in done.json["citations"][0]["quote"]
    assert (done.json["model"]["llm"] is None) == (mode == "quote")


def test_quoting_loads_no_language_model(rag: Run, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSRAG_LLM", "/nowhere/model.gguf")
    assert rag("ask", QUESTION, "--index", index, "--mode", "quote").code == 0


def test_a_refusal(rag: Run, index: Path) -> None:
    done = rag("ask", UNANSWERABLE, "--index", index)
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("I could not find that in these articles.\n\nClosest:\n[1] ")
    done = rag("ask", UNANSWERABLE, "--index", index, "--json")
    assert (done.code, done.err) == (1, "")
    check_answer(done.json, index)
    assert done.json["refusal"]["reason"] == "not_in_corpus"
    assert done.json["answer"] == "I could not find that in these articles."


def test_the_question_comes_from_standard_input(rag: Run, index: Path) -> None:
    done = rag("ask", "-", "--index", index, "--json", "--mode", "quote", stdin=f"{QUESTION}\n".encode())
    assert (done.code, done.json["question"]) == (0, QUESTION)


def test_ask_is_rag_ask(rag: Run, index: Path) -> None:
    done = rag(QUESTION, "--index", index, "--json", "--mode", "quote", main=cli.ask_main)
    assert done.code == 0
    check_answer(done.json, index)


def test_a_terminal_gets_the_same_words_wrapped_and_coloured(
    rag: Run, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = rag("ask", QUESTION, "--index", index, "--mode", "quote").out
    master, slave = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with open(slave, "w") as terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", terminal)
        assert cli.main(["ask", QUESTION, "--index", str(index), "--mode", "quote"]) == 0
    shown = read_to_end(master)
    assert "\x1b[1;36m[1]\x1b[0m" in shown
    without_colour = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert without_colour.split() == plain.split()
    assert max(len(line) for line in without_colour.split("\n") if "https://" not in line) <= 50


def test_articles_cannot_reach_the_terminal(rag: Run, index: Path) -> None:
    for command in ("ask", "search"):
        shown = rag(command, "When will the storm reach Quillon?", "--index", index).out
        assert "[red]Quillon[/red]" in shown
        assert all(c.isprintable() for c in shown.replace("\n", ""))


# ── filters


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--source", "osterlay echo"], {"bridge-1"}),
        (["--since", "2025-03"], {"coast-1", "bridge-1"}),
        (["--until", "2024"], {"bakery-1"}),
        (["--since", "2025-01-02", "--until", "2025-03"], {"hostile-1", "coast-1"}),
    ],
)
def test_filters(rag: Run, index: Path, options: list[str], found: set[str]) -> None:
    done = rag("search", "what happened", "--index", index, "--json", *options)
    assert done.code == 0
    assert {hit["article_id"] for hit in done.json["hits"]} == found


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--since", "yesterday"], "since: 'yesterday' is not a date; write YYYY-MM-DD, YYYY-MM or YYYY"),
        (["--until", "2025-02-30"], "until: '2025-02-30' is not a date; write YYYY-MM-DD, YYYY-MM or YYYY"),
        (["--until", "2025-00"], "until: '2025-00' is not a date; write YYYY-MM-DD, YYYY-MM or YYYY"),
        (["--since", "2025", "--until", "2024"], "since 2025-01-01 is after until 2024-12-31: no article can match"),
        (["--source", " "], "source is empty: name an outlet, or leave it out"),
    ],
)
def test_filters_that_cannot_be(rag: Run, options: list[str], error: str) -> None:
    for command in ("ask", "search"):
        assert rag(command, "What happened?", *options) == (2, "", f"rag: error: {error}\n")


def test_an_outlet_that_is_not_there_is_an_error_and_no_absent_fact(rag: Run, index: Path) -> None:
    for command in ("ask", "search"):
        done = rag(command, "What happened?", "--index", index, "--source", "Osterlay Eco")
        assert done == (2, "", "rag: error: no article is from 'Osterlay Eco': the nearest are Osterlay Echo\n")


def test_articles_without_a_date_are_not_left_out_silently(rag: Run, tmp_path: Path) -> None:
    lines = tmp_path / "news.jsonl"
    lines.write_text('{"title": "Storm", "text": "A storm came."}\n{"title": "Sun", "text": "It shone."}\n', "utf-8")
    assert rag("index", lines, "--index", tmp_path / "index").code == 0
    done = rag("search", "storm", "--index", tmp_path / "index", "--since", "2025")
    assert (done.code, done.out) == (1, "")
    assert "rag: 2 articles have no date: --since and --until leave them out\n" in done.err


# ── search


def test_an_answer_explains_itself(rag: Run, index: Path) -> None:
    plain = rag("ask", QUESTION, "--index", index)
    told = rag("ask", QUESTION, "--index", index, "--explain")
    assert told.out == plain.out, "what explains does not go where the answer goes"
    assert re.search(r"^answerable_read: 0\.\d\d against 0\.\d\d: answered$", told.err, re.MULTILINE)
    assert re.search(r"^quoted \[1\], support 1\.00: “At least 340 civilians", told.err, re.MULTILINE)
    for_a_program = rag("ask", QUESTION, "--index", index, "--explain", "--json").json
    assert for_a_program["explain"]["sentences"][0]["text"] == for_a_program["sentences"][0]["text"]
    assert "explain" not in rag("ask", QUESTION, "--index", index, "--json").json
    line = json.dumps({"id": 1, "question": QUESTION}).encode()
    [batched] = rag("ask", "--batch", "-", "--index", index, "--explain", "--mode", "quote", stdin=line).lines
    assert batched["explain"]["reader"] is None


def test_a_search_explains_itself(rag: Run, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSRAG_TODAY", "2025-11-10")
    words = "What was said about the bridge last week?"
    for_a_program = rag("search", words, "--index", index, "--explain", "--json", "--since", "2025").json
    assert for_a_program["explain"]["dates"] == {
        "words": ["last week"],
        "periods": [{"first": "2025-11-03", "last": "2025-11-09"}],
    }
    assert for_a_program["explain"]["articles_searched"] == 3
    first = for_a_program["hits"][0]
    assert first["article_id"] == "bridge-1"
    assert first["explain"]["views"]["lexical"]["rank"] == 1
    assert first["explain"]["score_parts"]["date"] > 0
    assert sum(first["explain"]["score_parts"].values()) == pytest.approx(first["score"], abs=1e-3)
    for_a_person = rag("search", words, "--index", index, "--explain").out
    assert for_a_person.startswith("searched 4 articles\n“last week”, asked on 2025-11-10: published near 2025-11-03")
    assert "words #1 (" in for_a_person
    assert "explain" not in rag("search", words, "--index", index, "--json").json


def test_today_must_be_a_day(rag: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSRAG_TODAY", "soon")
    done = rag("search", "bridge")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("rag: error: environment variable NEWSRAG_TODAY: ")


def test_a_misspelt_setting_is_one_line(rag: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSRAG_THREAD", "1")
    done = rag("search", "bridge")
    assert (done.code, done.out) == (2, "")
    why = "there is no such setting; the nearest is NEWSRAG_THREADS"
    assert done.err == f"rag: error: environment variable NEWSRAG_THREAD: {why}\n"


def test_hits_for_a_person(rag: Run, index: Path) -> None:
    done = rag("search", "bridge repairs", "--index", index, "-k", "2")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(
        "1.  Osterlay bridge closes for two years of repairs\n    Osterlay Echo, 3 November 2025, score "
    )
    assert "\n\n2.  " in done.out
    assert "\n\n3.  " not in done.out


def test_hits_for_a_program(rag: Run, index: Path) -> None:
    done = rag("search", "bridge repairs", "--index", index, "--json")
    assert (done.code, done.err) == (0, "")
    assert list(done.json) == ["query", "hits"]
    assert done.json["query"] == "bridge repairs"
    hits = done.json["hits"]
    assert hits[0]["article_id"] == "bridge-1"
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    for hit in hits:
        assert list(hit) == HIT_FIELDS
        assert stored_text(index, hit["article_id"])[hit["start"] : hit["end"]] == hit["text"]


def test_nothing_found(rag: Run, index: Path) -> None:
    arguments = ("search", "bridge", "--index", index, "--since", "2099")
    assert rag(*arguments) == (1, "", "rag: nothing found\n")
    done = rag(*arguments, "--json")
    assert (done.code, done.json) == (1, {"query": "bridge", "hits": []})


# ── status


def test_status(rag: Run, index: Path) -> None:
    done = rag("status", "--index", index)
    assert (done.code, done.err) == (0, "")
    assert f"{index}: 4 articles, 4 passages" in done.out
    assert "extra buffers are o" in done.out
    done = rag("status", "--index", index, "--json")
    assert done.json["newsrag"] == __version__
    assert done.json["index"]["facts"]["embedder_digest"].startswith("53aa5117")
    assert done.json["index"]["vectors_in_step"] is True
    assert done.json["models"]["llm"]["found"] is True


def test_status_without_an_index(rag: Run, empty_folder: Path) -> None:
    done = rag("status")
    assert (done.code, done.err) == (0, "")
    assert "none in indexes/default" in done.out
    done = rag("status", "--check")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("rag: error: no index in indexes/default: ")
    assert not list(empty_folder.iterdir())


def test_check_passes_on_a_good_index(rag: Run, index: Path) -> None:
    done = rag("status", "--check", "--json", "--index", index)
    assert (done.code, done.err, done.json["checked"]) == (0, "", True)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("DELETE FROM vectors_lead WHERE id = 1", "1 articles have no lead vector"),
        ("UPDATE articles SET text = replace(text, '340', '430')", "lexical index does not match"),
        ("UPDATE passages SET stop = 100000 WHERE key = 1", "does not fit its offsets"),
        ("UPDATE facts SET value = '80' WHERE name = 'passage_tokens'", "built with passage_tokens 80"),
    ],
)
def test_check_names_what_is_broken(rag: Run, index: Path, tmp_path: Path, damage: str, named: str) -> None:
    broken = shutil.copytree(index, tmp_path / "broken")
    with closing(sqlite3.connect(broken / "articles.sqlite")) as database, database:
        database.execute(damage)
    done = rag("status", "--check", "--index", broken)
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("rag: check failed: ")
    assert named in done.err
    assert done.err.count("\n") == 1


def test_check_sees_a_damaged_vector_file(rag: Run, index: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(index, tmp_path / "broken")
    (broken / "passage.vectors").write_bytes(b"damaged")
    done = rag("status", "--check", "--index", broken)
    assert (done.code, done.out) == (4, "")
    assert "the passage vector file is damaged or out of date" in done.err


# ── eval


def test_eval_gets_its_options(rag: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []

    def run(options: object, settings: object, out: TextIO, notice: object) -> int:
        called.append((options, settings))
        print("the table", file=out)
        print("a library's noise")
        return 1

    monkeypatch.setattr("rag.evaluation.command.run", run)
    done = rag("eval", tmp_path / "q.jsonl", "--index", "X", "--split", "test", "--mode", "quote", "--json",
               "--fail-under", "right=0.5", "--fail-under", "mrr=0.6")  # fmt: skip
    assert done == (1, "the table\n", "a library's noise\n")
    given = Options(
        file=tmp_path / "q.jsonl", index=Path("X"), split="test", mode="quote", json_output=True,
        fail_under=("right=0.5", "mrr=0.6"),
    )  # fmt: skip
    assert called == [(given, Settings.load())]


# ── usage


def test_version(rag: Run) -> None:
    assert rag("--version") == (0, f"newsrag {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["ask"],
        ["ask", "one", "two"],
        ["ask", "Who?", "--nonsense"],
        ["ask", "Who?", "--mode", "guess"],
        ["ask", "Who?", "--batch", "-"],
        ["search"],
        ["search", "words", "-k", "0"],
        ["index"],
        ["eval", "--split"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_one_line(rag: Run, empty_folder: Path, arguments: list[str]) -> None:
    done = rag(*arguments)
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r"rag: error: .+\n", done.err)
    assert not list(empty_folder.iterdir())


def test_a_bad_setting_is_one_line(rag: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSRAG_THREADS", "many")
    done = rag("ask", QUESTION)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("rag: error: environment variable NEWSRAG_THREADS: ")


# ── what must never be seen


def failing(error: BaseException) -> Any:
    def choose_index(*_: object) -> Path:
        raise error

    return choose_index


def test_an_internal_error_is_one_line(rag: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "choose_index", failing(KeyError("lost\nkey")))
    line = r"rag: internal error: KeyError: 'lost\nkey' (set NEWSRAG_DEBUG=1 for the traceback)" + "\n"
    assert rag("ask", QUESTION) == (4, "", line)
    monkeypatch.setenv("NEWSRAG_DEBUG", "1")
    done = rag("ask", QUESTION)
    assert done.code == 4
    assert done.err.startswith("Traceback ")


def test_an_interrupt_is_silent(rag: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "choose_index", failing(KeyboardInterrupt()))
    assert rag("ask", QUESTION) == (130, "", "")


def test_noise_of_libraries_stays_off_standard_output(rag: Run, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = wiring.choose_index

    def noisy(*arguments: Any) -> Path:
        os.write(1, b"native noise\n")
        print("python noise")
        return original(*arguments)

    monkeypatch.setattr(wiring, "choose_index", noisy)
    done = rag("ask", QUESTION, "--index", index, "--json", "--mode", "quote")
    check_answer(done.json, index)
    assert sorted(done.err.split("\n")) == ["", "native noise", "python noise"]


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--json"]], ids=" ".join)
def test_a_closed_pipe_is_silent(arguments: list[str]) -> None:
    code = "import sys; from rag.cli import main; sys.exit(main(sys.argv[1:]))"
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], stdout=pipe, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (141, b"")
