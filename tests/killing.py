"""Kill `rag index` with signal 9 at random moments, and look at what is left.

    python -m tests.killing [KILLS] [SEED]

Each round starts the real process on an archive that changes from round to round, kills it at a random moment, and
checks: the index opens, `rag status --check` finds nothing wrong, no article that was there is lost or doubled, and
none is half new and half old. At the end one undisturbed run must finish the work without embedding what is there.
Prints one line of JSON with the counts.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from rag import wiring
from rag.errors import NotReadyError
from rag.ports import Vectors, View
from rag.settings import Settings
from rag.stores.sqlite import SqliteStore
from rag.types import Article, Passage, Span
from tests.doubles import HashEmbedder

ROOT = Path(__file__).resolve().parent.parent
ARTICLES = 400
WORDS = (
    "harbour bridge council flood ferry report engineer minister crossing market winter timber railway signal valley "
    "tunnel school hospital budget strike orchard glacier lantern quarry meadow festival reservoir turbine mill court"
).split()


class Archive:
    """A file of articles, each with the number of the round that wrote it in title and text."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.index = folder / "index"
        self.revision = dict.fromkeys(range(ARTICLES), 0)
        self.write()

    def change(self) -> None:
        """Some articles are written anew, so that every round has something to do."""
        for number in self.random.sample(range(ARTICLES), ARTICLES // 4):
            self.revision[number] += 1
        self.write()

    def write(self) -> None:
        """All articles into one file of JSON Lines."""
        lines = [json.dumps(self.article(number, revision)) for number, revision in self.revision.items()]
        (self.folder / "articles.jsonl").write_text("\n".join(lines) + "\n", "utf-8")

    def article(self, number: int, revision: int) -> dict[str, str]:
        """Its fields in a revision."""
        story = number - 1 if is_copy(number) else number
        words = random.Random(story).choices(WORDS, k=40)
        text = f"Report {story} in revision {revision}. It was written in revision {revision} by desk {story % 7}. "
        text += ". ".join(" ".join(words[at : at + 10]).capitalize() for at in range(0, 40, 10)) + "."
        text += " (Printed by another desk.)" if is_copy(number) else ""
        return {"id": f"report-{number}", "title": f"Report {number}, revision {revision}", "text": text}

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """A `rag` process on the index, in a process group of its own."""
        variables = {**os.environ, "PYTHONPATH": str(ROOT), "NEWSRAG_THREADS": "1", "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "rag", *arguments, "--index", str(self.index), "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables, cwd=self.folder,
        )  # fmt: skip

    def indexing(self) -> subprocess.Popen[str]:
        """`rag index` on the file."""
        return self.command("index", str(self.folder / "articles.jsonl"))

    def stored(self) -> dict[str, str]:
        """Title of each stored article; empty where there is no index yet."""
        if not wiring.exists(self.index):
            return {}
        with closing(SqliteStore(self.index / "articles.sqlite")) as store:
            articles = list(store.articles())
        assert len({article.id for article in articles}) == len(articles), "an article is there twice"
        for article in articles:
            assert article.title.rpartition(" ")[2] in article.text, f"{article.id} is half old and half new"
        return {article.id: article.title for article in articles}

    def wrongly_grouped(self) -> list[int]:
        """Numbers of the articles that are in one story with the one before them and should not be, or the reverse."""
        with closing(SqliteStore(self.index / "articles.sqlite")) as store:
            keys = {number: store.key_of(f"report-{number}") for number in range(ARTICLES)}
            found = store.stories([key for key in keys.values() if key is not None])
        story = [found[key] for key in keys.values() if key is not None]
        return [
            number
            for number in range(1, ARTICLES)
            if (story[number] == story[number - 1])
            != (is_copy(number) and self.revision[number] == self.revision[number - 1])
        ]

    def broken(self) -> Sequence[str]:
        """What the check of `rag status --check` finds, but for vector files that will be rebuilt."""
        try:
            found = list(wiring.check_index(self.index, Settings.load()))
        except NotReadyError:
            return []
        return [line for line in found if "vector file" not in line]


class Clock:
    """The CPU seconds of a process; where the system does not say, those since it began. On a busy machine a moment of
    the clock on the wall would be another moment of the work each time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.spent, self._began = process, 0.0, time.monotonic()

    def runs(self) -> bool:
        """Whether it has not ended; takes the time."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
            self.spent = max(self.spent, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
        except OSError:
            self.spent = time.monotonic() - self._began
        return self.process.poll() is None

    def end(self) -> float:
        """Wait for its end; what it took."""
        while self.runs():
            time.sleep(0.02)
        self.process.communicate()
        return self.spent


def is_copy(number: int) -> bool:
    """Whether an article is printed from the one before it."""
    return number % 4 == 1


def run(kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """Kill so many times; what was counted. Raises AssertionError when an index is not as it should be."""
    archive = Archive(folder, seed)
    Clock(archive.indexing()).end()
    archive.change()
    length = Clock(archive.indexing()).end()
    counts = {"kills": 0, "finished": 0, "while_writing": 0}
    known = archive.stored()
    while counts["kills"] < kills:
        archive.change()
        clock = Clock(process := archive.indexing())
        # Mostly while it writes: its start, when nothing can go wrong, is half of it.
        moment = archive.random.uniform(length * 0.4, length)
        while clock.runs() and clock.spent < moment:
            time.sleep(0.005)
        time.sleep(archive.random.uniform(0, 0.05))  # what waits for the disk spends nothing
        if clock.runs():
            process.send_signal(signal.SIGKILL)
            counts["kills"] += 1
        else:
            counts["finished"] += 1
            length = clock.spent
        process.communicate()
        now = archive.stored()
        assert now.keys() >= known.keys(), f"lost: {sorted(known.keys() - now.keys())}"
        for article_id, title in now.items():
            number, revision = int(article_id.partition("-")[2]), int(title.rpartition(" ")[2])
            least = int(known.get(article_id, " 0").rpartition(" ")[2])
            assert least <= revision <= archive.revision[number], f"{article_id} went from {least} to {revision}"
        counts["while_writing"] += known != now and len(set(now.items()) & wanted(archive)) < ARTICLES
        assert not (lines := archive.broken()), lines
        known = now
        print(json.dumps(counts), file=sys.stderr, flush=True)
    missing = len(wanted(archive) - set(known.items()))
    out, _ = archive.indexing().communicate()
    report = json.loads(out)
    done = report["added"] + report["updated"]
    assert (done, report["unchanged"]) == (missing, ARTICLES - missing), report
    assert set(archive.stored().items()) == wanted(archive)
    assert not (wrong := archive.wrongly_grouped()), wrong
    checked = archive.command("status", "--check")
    assert checked.wait() == 0, checked.communicate()[1]
    checked.communicate()
    copies = sum(is_copy(n) and archive.revision[n] == archive.revision[n - 1] for n in range(ARTICLES))
    return {**counts, "articles": ARTICLES, "copies": copies, "done_at_the_end": done, "left_to_do": missing}


def wanted(archive: Archive) -> set[tuple[str, str]]:
    """Ids and titles when all is indexed."""
    articles = (archive.article(number, revision) for number, revision in archive.revision.items())
    return {(article["id"], article["title"]) for article in articles}


def prepared(number: int) -> tuple[Article, Sequence[Passage], Mapping[View, Vectors]]:
    """An article with all that a store wants of it."""
    article = Article(f"report-{number}", f"Report {number}", f"Report {number} says nothing new.")
    span = Span(0, len(article.text))
    vectors = HashEmbedder().embed_documents([article.text])
    return article, [Passage(article.id, 0, *span, article.text, (span,))], {"lead": vectors, "passage": vectors}


if __name__ == "__main__":
    given = [int(value) for value in sys.argv[1:]]
    kills, seed = [*given, *(50, 1)[len(given) :]]
    with tempfile.TemporaryDirectory() as made:
        print(json.dumps(run(kills, seed, Path(made))))
