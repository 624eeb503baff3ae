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

WIRE = (
    "Twenty-three people were hurt when a passenger ferry hit the pier at Brenna on Wednesday, the operator said. "
    "The Lady Ursula struck the end of the pier at a speed of about six knots. Many of the passengers were waiting at "
    "the doors. The union of the crews asked for an inquiry into the steering of the ship. A smaller boat will sail."
)


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
        (["--before", "0001"], "no day is before 0001-01-01"),
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


BEFORE_STORIES = """DROP TRIGGER articles_ungrouped; DROP TRIGGER copies_ungrouped; DROP TABLE stories;
    DROP TABLE story_keys; DROP TABLE ungrouped; DROP INDEX articles_canonical;
    DELETE FROM state WHERE name = 'grouping';
    """ + "".join(
    f"ALTER TABLE articles DROP COLUMN {column};"
    for column in "updated section byline inferred moment canonical format".split()
)


def test_an_index_without_stories_is_grouped_when_it_is_first_asked(rag: Run, tmp_path: Path) -> None:
    wire = [{"id": f"wire-{n}", "title": f"Headline {n}", "text": WIRE, "source": f"Outlet {n}"} for n in range(3)]
    lines, folder = tmp_path / "wire.jsonl", tmp_path / "index"
    rag("index", write(lines, *wire, ARTICLES[0]), "--index", folder)
    with closing(sqlite3.connect(folder / opening.DATABASE)) as database:
        database.executescript(f"{BEFORE_STORIES} PRAGMA user_version = 2;")
    asked = rag("search", "ferry pier", "--index", folder, "--json")
    assert asked.json["hits"][0]["copies"] == 2
    assert "looked for copies of one story among 4 articles" in asked.err
    again = rag("search", "ferry pier", "--index", folder, "--json")
    assert (again.json, again.err) == (asked.json, "")
    assert rag("status", "--check", "--index", folder).code == 0
    done = rag("index", lines, "--index", folder, "--json").json
    assert (done["unchanged"], done["updated"], done["added"]) == (4, 0, 0)


def test_copies_and_corrections_are_told_with_the_answer(rag: Run, tmp_path: Path) -> None:
    wire = [{"id": f"wire-{n}", "title": f"Headline {n}", "text": WIRE, "source": f"Outlet {n}"} for n in range(4)]
    own = {
        "title": "Seen from the quay", "source": "The Voice",
        "text": "Mariners looked on. The ferry crash at the pier of Brenna hurt 23 people. Gulls rose.",
    }  # fmt: skip
    lines, folder = tmp_path / "wire.jsonl", tmp_path / "index"
    question = "How many people were hurt when the ferry hit the pier at Brenna?"
    rag("index", write(lines, *wire, own), "--index", folder)
    asked = rag("ask", question, "--mode", "quote", "--index", folder, "--json").json
    first = asked["citations"][0]
    assert first["copies"] + 1 == len(first["copy_outlets"]) == 4
    assert sorted(o[:6] for o in first["independent_outlets"]) == ["Outlet", "The Vo"]
    assert first["correction"] is None
    assert "(4 copies, 2 independent outlets)" in rag("ask", question, "--mode", "quote", "--index", folder).out
    fixed = WIRE.replace("Twenty-three", "Thirty-seven") + " Correction: an earlier version of this story said 23."
    article = {**wire[0], "text": fixed, "updated": "2025-11-14T09:00:00+01:00"}
    rag("index", write(lines, article), "--index", folder)
    rag("articles", "remove", "--yes", "--index", folder, *(f"wire-{n}" for n in (1, 2, 3)))
    rag("articles", "remove", "--yes", "--source", "The Voice", "--index", folder)
    asked = rag("ask", question, "--mode", "quote", "--index", folder, "--json").json
    cited = next(c for c in asked["citations"] if "Thirty-seven" in c["quote"])
    assert (cited["version"], cited["correction"]["kind"]) == (2, "corrected")
    assert cited["correction"]["published"] == "2025-11-14T09:00:00+01:00"
    text = rag("ask", question, "--mode", "quote", "--index", folder).out
    assert "the story was corrected on 14 November 2025: it said before: “Twenty-three people" in text


def test_metadata_is_kept_shown_and_told_by_status(rag: Run, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    lines = write(
        tmp_path / "in.jsonl",
        {"id": "full", "title": "T", "text": "A full one.", "published": "2025-03-08T23:30:00-05:00",
         "section": "World",
         "updated": "2025-03-09T01:00:00-05:00", "byline": "By A. B. in Brenna",
         "url": "https://X.example/a?utm_source=b"},
        {"id": "bare", "title": "U", "text": "A bare one.", "url": "https://x.example/2025/04/01/bare"},
    )  # fmt: skip
    page = tmp_path / "note.txt"
    page.write_text("BRENNA, Dec 9, 2025 (Wire) - A ferry hit the pier.", "utf-8")
    rag("index", lines, page, "--index", folder)
    full = rag("articles", "show", "full", "--index", folder, "--json").json
    assert (full["published"], full["published_utc"]) == ("2025-03-08T23:30:00-05:00", "2025-03-09T04:30:00+00:00")
    assert (full["section"], full["byline"]) == ("World", "By A. B. in Brenna")
    assert (full["updated"], full["canonical_url"]) == ("2025-03-09T01:00:00-05:00", "https://x.example/a")
    assert (full["published_inferred"], full["format"]) == (False, "JSON Lines")
    bare = rag("articles", "show", "bare", "--index", folder, "--json").json
    assert (bare["published"], bare["published_inferred"]) == ("2025-04-01", True)
    shown = rag("articles", "show", "bare", "--index", folder).out
    assert "2025-04-01 (inferred from its text or address)" in shown
    assert "(JSON Lines)" in shown
    assert len(rag("search", "ferry", "--since", "2025-12-09", "--index", folder, "--json").json["hits"]) == 1
    status = rag("status", "--index", folder, "--json").json["index"]
    assert status["formats"] == {"JSON Lines": 2, "text": 1}
    assert "JSON Lines 2, text 1" in rag("status", "--index", folder).out


def test_an_index_of_the_first_format_is_taken_over_as_it_is(rag: Run, index: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    with closing(sqlite3.connect(folder / opening.DATABASE)) as database:
        database.executescript(f"{BEFORE_STORIES} DROP TABLE origins; DROP TABLE versions; PRAGMA user_version = 1;")
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
