"""Settings for every test: no model hub is ever asked, and the same examples come up on every machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# Before the model libraries are imported: they read these once, at import.
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
# What newsrag keeps between runs, away from the user's own.
os.environ["NEWSRAG_CACHE"] = str(Path(tempfile.gettempdir()) / "newsrag-tests-cache")

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
# Looks for new examples: `python -m tests.check --hypothesis-profile explore`.
settings.register_profile("explore", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser tests last: once Playwright's event loop runs in this thread, no test can start one of its own."""
    items.sort(key=lambda item: "browser" in item.path.parts)
