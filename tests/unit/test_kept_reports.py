"""Reports kept beside the index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag import kept_reports
from rag.errors import StoreError


def report(*article_ids: str) -> dict[str, Any]:
    return {"split": "dev", "mode": "quote", "questions": [{"cited": [{"article_id": i}]} for i in article_ids]}


def test_a_report_comes_back_and_says_what_it_measured(tmp_path: Path) -> None:
    file = kept_reports.keep(tmp_path, report("a"))
    (kept,) = kept_reports.kept(tmp_path)
    assert (kept.name, kept.split, kept.mode) == (file.stem, "dev", "quote")
    assert kept.written.endswith("+00:00")
    found = kept_reports.file_of(tmp_path, kept.name)
    assert found == file
    assert json.loads(file.read_text("utf-8")) == report("a")


def test_the_newest_are_kept_and_listed_first(tmp_path: Path) -> None:
    written = [kept_reports.keep(tmp_path, report("a")).stem for _ in range(kept_reports.KEPT + 2)]
    assert [kept.name for kept in kept_reports.kept(tmp_path)] == written[:1:-1]
    assert len(list((tmp_path / kept_reports.FOLDER).iterdir())) == kept_reports.KEPT


@pytest.mark.parametrize("name", ["", "..", "../keys", "20260101T000000000000Z-dev-quote", "a/b", "x\0y"])
def test_only_a_report_is_found(tmp_path: Path, name: str) -> None:
    kept_reports.keep(tmp_path, report("a"))
    (tmp_path / "keys.json").write_text("{}", "utf-8")
    assert kept_reports.file_of(tmp_path, name) is None


def test_removed_articles_take_the_reports_that_name_them(tmp_path: Path) -> None:
    odd = 'ä "odd" id'
    first, second, third = (kept_reports.keep(tmp_path, report(i)).stem for i in ("a-1", "a-10", odd))
    kept_reports.forget(tmp_path, ["a-1"])
    assert [kept.name for kept in kept_reports.kept(tmp_path)] == [third, second]
    kept_reports.forget(tmp_path, [odd, "other"])
    assert [kept.name for kept in kept_reports.kept(tmp_path)] == [second]
    assert first not in (second, third)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / kept_reports.FOLDER).write_text("a file", "utf-8")
    with pytest.raises(StoreError, match="cannot keep the report"):
        kept_reports.keep(tmp_path, report("a"))
    assert kept_reports.kept(tmp_path) == []
