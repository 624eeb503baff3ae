"""`rag articles`, pruning, versions: what goes must leave nothing behind, what stays must be whole."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rag import opening, wiring
from tests.end_to_end.conftest import ARTICLES, QUESTION, Run
from tests.serving import serving

# No other text has these words or parts of them.
SECRET = ["Zyqwoxitra", "vukjembolph", "quxzandrify", "Wrybblonkst"]
TAKEDOWN = {
    "id": "gone-1",
    "title": f"{SECRET[0]} opens a harbour",
    "source": f"The {SECRET[3]} Post",
    "published": "2023-02-01",
    "authors": ["Plomjhavik Dreznyq"],
    "url": "https://hjkwpost.example/xlqvarno",
    "text": f"The harbour of {SECRET[0]} is led by the {SECRET[1]}. Ships of {SECRET[2]} may enter on Monday. "
    + " ".join(f"Pier {i} of {SECRET[0]} holds {i * 7} crates of {SECRET[1]}." for i in range(60)),
}
TRACES = [*SECRET, "Plomjhavik", "Dreznyq", "hjkwpost", "xlqvarno"]


def fragments(words: list[str], size: int = 5) -> set[bytes]:
    """All parts of the words of this size, as written and folded: an index keeps words by their differing ends."""
    forms = {form for word in words for form in (word, word.lower())}
    parts = {form[i : i + size] for form in forms for i in range(len(form) - size + 1)}
    return {part.encode(encoding) for part in parts for encoding in ("utf-8", "utf-16-le")}


def traces(folder: Path, words: list[str] = TRACES) -> list[tuple[str, bytes]]:
    """Where in the files of a folder a part of the words stands."""
    wanted = fragments(words)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [(path.name, part) for path in files for data in [path.read_bytes()] for part in wanted if part in data]


def write(file: Path, *articles: object) -> Path:
    file.write_text("".join(json.dumps(article) + "\n" for article in articles), "utf-8")
    return file


@pytest.fixture
def with_secret(index: Path, tmp_path: Path, rag: Run) -> Path:
    folder = shutil.copytree(index, tmp_path / "index")
    assert rag("index", write(tmp_path / "in.jsonl", TAKEDOWN), "--index", folder).code == 0
    corrected = {**TAKEDOWN, "text": f"{TAKEDOWN['text']} A correction was added about {SECRET[1]}."}
    assert rag("index", write(tmp_path / "in.jsonl", corrected), "--index", folder).code == 0
    assert {part for _, part in traces(folder)} >= {SECRET[2][:5].encode(), SECRET[0][:5].encode()}
    return folder


def test_articles_are_listed_and_shown(rag: Run, index: Path) -> None:
    done = rag("articles", "list", "--index", index, "--json")
    assert (done.code, done.err) == (0, "")
    assert [line["id"] for line in done.lines] == [article["id"] for article in ARTICLES]
    assert list(done.lines[0]) == ["id", "title", "source", "published", "url", "passages"]
    assert done.lines[0]["passages"] == 1
    chosen = rag("articles", "list", "--index", index, "--json", "--since", "2025-03", "--source", "osterlay echo")
    assert [line["id"] for line in chosen.lines] == ["bridge-1"]
    none = rag("articles", "list", "--index", index, "--source", "nobody")
    assert (none.code, none.out, none.err) == (1, "", "rag: no article matches\n")
    shown = rag("articles", "show", "bridge-1", "--index", index)
    assert ARTICLES[1]["text"] in shown.out
    assert "\x1b" not in rag("articles", "list", "--index", index).out
    as_json = rag("articles", "show", "bridge-1", "--index", index, "--json").json
    assert (as_json["text"], as_json["version"]) == (ARTICLES[1]["text"], 1)
    missing = rag("articles", "show", "nope", "--index", index)
    assert (missing.code, missing.out) == (2, "")
    assert "no article 'nope'" in missing.err


def test_an_update_keeps_its_history_and_a_removal_takes_all_of_it(rag: Run, with_secret: Path) -> None:
    done = rag("articles", "show", "gone-1", "--history", "--index", with_secret)
    assert done.code == 0
    assert f"+A correction was added about {SECRET[1]}." in done.out.splitlines()
    change = rag("articles", "show", "gone-1", "--history", "--index", with_secret, "--json").json["history"][0]
    assert (change["version"], change["before"], change["fields"]) == (2, TAKEDOWN["text"], {})
    done = rag("articles", "remove", "gone-1", "--index", with_secret)
    assert (done.code, done.err) == (0, "")
    assert traces(with_secret) == []
    assert rag("status", "--check", "--index", with_secret).code == 0
    assert rag("search", QUESTION, "--index", with_secret).code == 0
    assert traces(with_secret) == []


def test_nothing_is_left_in_any_page_of_the_word_index(rag: Run, with_secret: Path) -> None:
    rag("articles", "remove", "gone-1", "--index", with_secret)
    with closing(sqlite3.connect(with_secret / opening.DATABASE)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        assert {"articles_fts_data", "articles_fts_idx", "articles_fts_docsize"} <= set(tables)
        for table in tables:
            if table not in ("articles_fts", "vocabulary"):
                rows = repr(database.execute(f"SELECT * FROM {table}").fetchall()).encode()
                assert not [part for part in fragments(TRACES) if part in rows], table


@pytest.mark.parametrize("how", [["--source", f"the {SECRET[3].lower()} post"], ["--before", "2024"]])
def test_articles_are_removed_by_outlet_and_by_date(rag: Run, with_secret: Path, how: list[str]) -> None:
    refused = rag("articles", "remove", *how, "--index", with_secret)
    assert refused.code == 2
    assert "would remove 1 article for good: add --yes" in refused.err
    shown = rag("articles", "remove", *how, "--dry-run", "--json", "--index", with_secret)
    assert (shown.json["ids"], shown.json["removed"]) == (["gone-1"], 0)
    assert traces(with_secret)
    done = rag("articles", "remove", *how, "--yes", "--json", "--index", with_secret)
    assert (done.json["ids"], done.json["removed"]) == (["gone-1"], 1)
    assert traces(with_secret) == []
    assert len(rag("articles", "list", "--index", with_secret, "--json").lines) == len(ARTICLES)


def test_bad_removals_remove_nothing(rag: Run, with_secret: Path) -> None:
    for options, said in [
        (["gone-1", "nope"], "no article 'nope'"),
        (["gone-1", "--before", "2024"], "not both"),
        (["--before", "soon"], "is not a date"),
        ([], "nothing to remove"),
    ]:
        done = rag("articles", "remove", *options, "--index", with_secret)
        assert (done.code, said in done.err) == (2, True), done.err
    assert len(rag("articles", "list", "--index", with_secret, "--json").lines) == len(ARTICLES) + 1


def test_a_reader_of_the_old_state_is_waited_for_and_then_named(
    rag: Run, with_secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "READERS_WAIT_S", 0.3)
    with wiring.open_store(with_secret) as reader, reader.snapshot():
        done = rag("articles", "remove", "gone-1", "--index", with_secret)
        assert done.code == 4
        assert "another program still reads the old state" in done.err
        assert rag("articles", "list", "--index", with_secret, "--json").lines[-1]["id"] != "gone-1"
        checked = rag("status", "--check", "--index", with_secret)
        assert (checked.code, "still hold words of removed articles" in checked.err) == (4, True)
    assert rag("articles", "remove", "--index", with_secret).code == 0
    assert traces(with_secret) == []
    assert rag("status", "--check", "--index", with_secret).code == 0


def folder_of(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "stories"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text, "utf-8")
    return folder


def listed(rag: Run, index: Path) -> dict[str, str]:
    return {line["title"]: line["id"] for line in rag("articles", "list", "--json", "--index", index).lines}


def test_an_edited_file_replaces_its_article_and_a_deleted_one_is_pruned(rag: Run, tmp_path: Path) -> None:
    built = tmp_path / "built"
    files = folder_of(
        tmp_path, mill="The mill\n\nThe mill burned down on Monday.", weir=f"The weir\n\nThe weir {SECRET[1]} broke."
    )
    assert rag("index", files, "--index", built, "--json").json["added"] == 2
    before = listed(rag, built)
    for text in ("The mill burned down on Tuesday.", "The mill burned down on Tuesday night.", "It was Sunday."):
        folder_of(tmp_path, mill=f"The mill\n\n{text}")
        done = rag("index", files, "--index", built, "--json").json
        assert (done["added"], done["updated"], done["unchanged"]) == (0, 1, 1)
        again = rag("index", files, "--index", built, "--json").json
        assert (again["added"], again["updated"], again["unchanged"]) == (0, 0, 2)
    assert listed(rag, built) == before
    assert rag("articles", "show", before["The mill"], "--json", "--index", built).json["version"] == 4
    (files / "weir.txt").unlink()
    assert rag("index", files, "--index", built, "--json").json["removed"] == 0
    assert rag("index", files, "--index", built, "--prune", "--json").json["removed"] == 1
    assert list(listed(rag, built)) == ["The mill"]
    assert traces(built, [SECRET[1]]) == []
    assert rag("status", "--check", "--index", built).code == 0


def test_pruning_touches_only_what_came_from_there_and_could_be_read(rag: Run, tmp_path: Path) -> None:
    built, lines = tmp_path / "built", tmp_path / "lines.jsonl"
    files = folder_of(tmp_path, mill="The mill\n\nThe mill burned down on Monday.")
    other = write(tmp_path / "other.jsonl", *ARTICLES[:1])
    write(lines, *ARTICLES[1:3])
    rag("index", files, lines, other, "--index", built)
    rag("index", "-", "--index", built, stdin=json.dumps(TAKEDOWN).encode())
    other.unlink()
    (files / "mill.txt").rename(files / "moved.txt")
    done = rag("index", files, "--index", built, "--prune", "--json").json
    assert (done["removed"], done["unchanged"]) == (0, 1)
    lines.write_text(json.dumps(ARTICLES[1]) + "\n{broken\n")
    kept = rag("index", lines, "--index", built, "--prune", "--json")
    assert (kept.json["removed"], "without problems: 1" in kept.err) == (0, True)
    write(lines, ARTICLES[1])
    assert rag("index", lines, "--index", built, "--prune", "--json").json["removed"] == 1
    assert len(listed(rag, built)) == 4
    assert rag("index", tmp_path, "--index", built, "--prune", "--json").json["removed"] == 1
    assert ARTICLES[0]["title"] not in listed(rag, built)
    assert rag("status", "--check", "--index", built).code == 0


def test_edited_lines_without_ids_keep_their_articles_by_title(rag: Run, tmp_path: Path) -> None:
    built, lines = tmp_path / "built", tmp_path / "lines.jsonl"
    stories = [{"title": f"Story {i}", "text": f"This is what happened in story {i}."} for i in range(5)]
    rag("index", write(lines, *stories), "--index", built)
    before = listed(rag, built)
    edited = [{**s, "text": s["text"] + " More came later."} if i in (1, 3) else s for i, s in enumerate(stories)]
    done = rag("index", write(lines, {"title": "New", "text": "New."}, *edited), "--index", built, "--json").json
    assert (done["added"], done["updated"], done["unchanged"]) == (1, 2, 3)
    after = listed(rag, built)
    assert {title: after[title] for title in before} == before


def test_an_index_of_the_first_format_is_taken_over_as_it_is(rag: Run, index: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    with closing(sqlite3.connect(folder / opening.DATABASE)) as database:
        database.executescript("DROP TABLE origins; DROP TABLE versions; PRAGMA user_version = 1;")
    assert rag("status", "--check", "--index", folder).code == 0
    done = rag("index", write(tmp_path / "in.jsonl", *ARTICLES), "--index", folder, "--json").json
    assert (done["unchanged"], done["updated"], done["added"]) == (len(ARTICLES), 0, 0)
    assert rag("articles", "show", "bridge-1", "--index", folder, "--json").json["read_from"]


def test_a_running_server_lets_go_of_what_is_removed(rag: Run, with_secret: Path) -> None:
    """By its own route and by somebody else's command."""
    with serving(with_secret) as server:
        assert server("GET", "/articles/gone-1").status == 200
        assert server("DELETE", "/articles/gone-1").status == 204
        assert traces(with_secret) == []
        rag("index", write(with_secret.parent / "in.jsonl", TAKEDOWN), "--index", with_secret)
        assert server("POST", "/ask", {"question": QUESTION, "mode": "quote"}).json["answered"]
        done = rag("articles", "remove", "gone-1", "--index", with_secret)
        assert (done.code, done.err) == (0, "")
        assert traces(with_secret) == []
        assert server("POST", "/ask", {"question": QUESTION, "mode": "quote"}).json["answered"]
