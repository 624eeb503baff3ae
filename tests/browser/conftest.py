"""The real server over the sample corpus and a few awkward articles, and Debian's Chromium looking at its page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.visits import EMOJI, EVALUATED, HOSTILE, Api, NewVisit, Visit

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
READY = re.compile(r"at (http://\S+)")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server's index and log are."""
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="session")
def base(folder: Path) -> Iterator[str]:
    """The address of `rag serve` over a fresh index."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    awkward = folder / "awkward.jsonl"
    awkward.write_text("".join(json.dumps(article) + "\n" for article in (HOSTILE, EMOJI)), encoding="utf-8")
    index = folder / "index"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NEWSRAG_SERVER_RATE_PER_MINUTE": "0"}
    rag = [sys.executable, "-m", "rag"]
    indexing = [*rag, "index", str(ROOT / "eval" / "corpus"), str(awkward), "--index", str(index)]
    subprocess.run(indexing, env=environment, cwd=folder, check=True, capture_output=True, timeout=600)
    log = (folder / "serve.log").open("w+", encoding="utf-8")
    command = [*rag, "serve", "--port", "0", "--index", str(index)]
    with log, subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log) as server:
        try:
            yield _address(server, folder / "serve.log")
        finally:
            server.terminate()


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Where the server says that it listens, once it does."""
    for _ in range(3000):
        if found := READY.search(log.read_text(encoding="utf-8")):
            return found[1]
        if server.poll() is not None:
            break
        try:
            server.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(f"the server did not start: {log.read_text(encoding='utf-8')}")


@pytest.fixture(scope="session")
def evaluated(base: str, folder: Path) -> Path:
    """The report of a real `rag eval` over the server's index; all but one of its questions fail."""
    asked = folder / "set.jsonl"
    asked.write_text("".join(json.dumps(question) + "\n" for question in EVALUATED), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "rag", "eval", str(asked), "--mode", "quote", "--index", str(folder / "index")]
    subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, timeout=600)
    return next((folder / "index" / "reports").glob("*.json"))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright, base: str) -> Iterator[Browser]:
    # Chromium's sandbox needs rights that root in a container does not have; the only pages it opens here are ours.
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture
def new_visit(browser: Browser, base: str) -> Iterator[NewVisit]:
    """Makes visitors with their own storage. None of them may see an error or ask another host for anything."""
    visits: list[Visit] = []

    def make(width: int = 1280, height: int = 800, **options: Any) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce", **options)
        context.set_default_timeout(90_000)  # a busy machine of two cores
        visits.append(Visit(context, base))
        return visits[-1]

    yield make
    for visit in visits:
        visit.context.close()
        assert visit.complaints == []
        assert visit.foreign == []


@pytest.fixture
def visit(new_visit: NewVisit) -> Visit:
    return new_visit()


@pytest.fixture(scope="session")
def api(base: str) -> Api:
    """Calls the server without the page: `api("/ask", question=...)` posts, without fields it gets."""

    def call(path: str, **fields: Any) -> Any:
        data = json.dumps(fields).encode() if fields else None
        request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"} if data else {})
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)

    return call
