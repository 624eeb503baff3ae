"""The reports that `rag eval` leaves in the folder of the index it asked. Layer: adapters (files only).

A report quotes articles. So it lies beside them, goes where they go, and is deleted when one it names is removed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from rag.errors import StoreError

FOLDER = "reports"
KEPT = 10  # the oldest go first
_NAME = re.compile(r"(\d{8}T\d{6})\d{6}Z-(dev|test|all)-(answer|quote)")


class KeptReport(NamedTuple):
    """One report: its name, when it was written (ISO 8601, UTC), the split and the mode it measured."""

    name: str
    written: str
    split: str
    mode: str


def keep(index: Path, report: Mapping[str, Any]) -> Path:
    """Write a report, whole or not at all; its file. Raises StoreError when it cannot be written."""
    folder = index / FOLDER
    file = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{report['split']}-{report['mode']}.json"
    temporary = folder / f".{file.name}.{os.getpid()}"
    try:
        folder.mkdir(exist_ok=True)
        temporary.write_text(json.dumps(report), "utf-8")
        temporary.replace(file)
        for old in kept(index)[KEPT:]:
            _file(index, old.name).unlink(missing_ok=True)
    except OSError as exc:
        raise StoreError(f"cannot keep the report in {folder}: {exc.strerror}") from exc
    return file


def kept(index: Path) -> list[KeptReport]:
    """All reports, the newest first."""
    found = (_parsed(file.stem) for file in (index / FOLDER).glob("*.json"))
    return sorted((report for report in found if report), reverse=True)


def file_of(index: Path, name: str) -> Path | None:
    """The file of a report of `kept`; None where there is no such report, whatever else `name` may spell."""
    file = _file(index, name)
    return file if _parsed(name) and file.is_file() else None


def forget(index: Path, article_ids: Iterable[str]) -> None:
    """Delete every report that names one of these articles. Raises StoreError when one cannot be deleted."""
    spelled = [json.dumps(article_id) for article_id in article_ids]
    try:
        for report in kept(index):
            file = _file(index, report.name)
            text = file.read_text("utf-8")
            if any(name in text for name in spelled):
                file.unlink()
    except OSError as exc:
        raise StoreError(f"cannot delete a report of {index / FOLDER} that quotes removed articles: {exc}") from exc


def _file(index: Path, name: str) -> Path:
    return index / FOLDER / f"{name}.json"


def _parsed(name: str) -> KeptReport | None:
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    written = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return KeptReport(name, written.isoformat(), found[2], found[3])
