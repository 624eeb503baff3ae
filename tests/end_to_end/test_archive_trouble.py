"""Killed, crowded out, locked out: the index stays whole, and each trouble is one line that says what to do."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from rag import opening, wiring
from rag.errors import StoreError
from rag.stores import connection
from rag.stores.connection import Connection
from rag.stores.locking import LOCK_FILE, writing
from tests import killing
from tests.end_to_end.conftest import ARTICLES, Run
from tests.end_to_end.test_archive import TAKEDOWN, traces, write

ROOT = Path(__file__).resolve().parents[2]
OTHER = {"id": "other", "title": "Another", "text": "Something else happened in Lirien."}


def one_line(err: str, *said: str) -> None:
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert all(words in lines[0] for words in said), err


# ── kill -9


def test_killed_at_random_moments_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """Few kills; `python -m tests.killing 50` does many."""
    counts = killing.run(2, 5, tmp_path)
    assert counts["kills"] == 2


def test_a_removal_that_is_killed_is_told_of_and_finished_by_the_next(rag: Run, index: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    rag("index", write(tmp_path / "in.jsonl", TAKEDOWN), "--index", folder)
    program = (
        "import os, signal, sys; from rag import wiring; from pathlib import Path; "
        "from rag.stores.sqlite import SqliteStore; "
        "SqliteStore.wipe = lambda self: os.kill(os.getpid(), signal.SIGKILL); "
        "wiring.remove_articles(['gone-1'], Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(folder)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert rag("articles", "show", "gone-1", "--index", folder).code == 2
    assert traces(folder)
    one_line(rag("status", "--check", "--index", folder).err, "still hold words of removed articles", "articles remove")
    rag("index", write(tmp_path / "in.jsonl", OTHER), "--index", folder)
    assert traces(folder) == []
    assert rag("status", "--check", "--index", folder).code == 0


# ── two writers


@contextmanager
def another_writer(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that writes until its input ends."""
    program = (
        "import sys; from pathlib import Path; from rag.stores.locking import writing\n"
        "with writing(Path(sys.argv[1]), 'rag index'): print('has it', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        assert process.stdout.readline() == "has it\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_writer_is_told_who_writes_and_waits(rag: Run, index: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    with another_writer(folder) as process:
        threading.Timer(0.5, process.kill).start()
        done = rag("index", write(tmp_path / "in.jsonl", OTHER), "--index", folder, "--json")
    assert (done.code, done.json["added"]) == (0, 1)
    one_line(done.err, f"waiting: process {process.pid} (rag index, since 20", "is writing to")


def test_one_that_does_not_wait_for_ever_says_who_writes(index: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    with another_writer(folder) as process, pytest.raises(StoreError) as raised:
        wiring.remove_articles(["bridge-1"], folder, wait_s=0.2)
    assert str(raised.value).startswith(f"process {process.pid} (rag index, since 20")
    assert str(raised.value).endswith("try again when it is done")
    assert wiring.remove_articles(["bridge-1"], folder, wait_s=0.2) == 1


def test_first_writers_in_parallel_all_keep_their_articles(tmp_path: Path) -> None:
    """One that gets no article takes back the folder that it made, and never what another one wrote meanwhile."""
    folder = tmp_path / "new" / "index"
    problems: list[BaseException] = []

    def empty_handed() -> None:
        try:
            with wiring.open_store(folder, create=True):
                time.sleep(0.002)
        except BaseException as exc:
            problems.append(exc)

    for round_ in range(15):
        threads = [threading.Thread(target=empty_handed) for _ in range(4)]
        for thread in threads:
            thread.start()
        with wiring.open_store(folder, create=True) as store:
            store.set_facts({"round": str(round_)})
            store.put([(prepared := killing.prepared(round_))])
        for thread in threads:
            thread.join()
        with wiring.open_store(folder) as store:
            assert (store.size(), store.facts()) == (1, {"round": str(round_)})
            assert store.article(prepared[0].id) == prepared[0]
        shutil.rmtree(folder.parent)
    assert problems == []


def test_a_writer_without_articles_leaves_no_folder(tmp_path: Path) -> None:
    with wiring.open_store(tmp_path / "a" / "b", create=True):
        assert (tmp_path / "a" / "b" / LOCK_FILE).exists()
    assert not (tmp_path / "a").exists()


def test_the_lock_ends_with_its_process(index: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    with another_writer(folder) as process:
        process.kill()
        process.wait()
        with writing(folder, "a test", wait_s=0):
            assert json.loads((folder / LOCK_FILE).read_text())["pid"] == os.getpid()


# ── disk full, read-only, locked


def test_a_full_disk_is_one_line_and_what_was_committed_stays(
    rag: Run, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    stories = [{"title": f"Story {i}", "text": f"Story {i} has {i} words. " * 20} for i in range(300)]
    prepare = Connection._prepare

    def small(self: Connection) -> None:
        prepare(self)  # SQLite gives the error of a full disk when a file may grow no more
        pages = self._db.execute("PRAGMA page_count").fetchone()[0]
        self._db.execute(f"PRAGMA max_page_count = {pages + 250}")

    monkeypatch.setattr(Connection, "_prepare", small)
    done = rag("index", write(tmp_path / "in.jsonl", *stories), "--index", folder)
    monkeypatch.undo()
    assert done.code == 4
    one_line(done.err, "no space left for", "what was committed before stays")
    kept = len(rag("articles", "list", "--index", folder, "--json").lines)
    assert len(ARTICLES) < kept < len(ARTICLES) + 300
    again = rag("index", tmp_path / "in.jsonl", "--index", folder, "--json").json
    assert (again["added"], again["unchanged"]) == (300 + len(ARTICLES) - kept, kept - len(ARTICLES))
    assert rag("status", "--check", "--index", folder).code == 0


def test_a_locked_database_is_one_line(rag: Run, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_LOCK_WAIT_S", 0.05)
    folder = shutil.copytree(index, tmp_path / "index")
    with closing(sqlite3.connect(folder / opening.DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = rag("index", write(tmp_path / "in.jsonl", OTHER), "--index", folder)
    assert (done.code, done.out) == (4, "")
    one_line(done.err, "another process is writing to", "try again when it is done")


def test_a_folder_that_may_not_be_written_is_one_line(rag: Run, index: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(index, tmp_path / "index")
    article = write(tmp_path / "in.jsonl", OTHER)
    if os.geteuid() == 0:
        pytest.skip("the rights of files do not bind root")
    folder.chmod(0o500)
    try:
        done = rag("index", article, "--index", folder)
    finally:
        folder.chmod(0o700)
    assert (done.code, done.out) == (4, "")
    one_line(done.err, "cannot write the index folder")


def test_what_the_writer_cannot_read_is_no_fault_of_the_index(tmp_path: Path) -> None:
    missing = tmp_path / "missing.txt"
    with pytest.raises(FileNotFoundError) as raised, wiring.open_store(tmp_path / "index", create=True):
        missing.read_bytes()
    assert raised.value.filename == str(missing)


def test_files_of_an_empty_index_that_cannot_be_taken_back_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(Path, "rmdir", refuse)
    with pytest.raises(StoreError) as raised, wiring.open_store(tmp_path / "index", create=True):
        pass
    assert str(raised.value) == f"cannot write the index folder {tmp_path / 'index'}: Read-only file system"
