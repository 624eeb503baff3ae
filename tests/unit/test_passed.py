"""Other models' sentences held against the passages that their writers had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.evaluation.passed import load, passing
from tests.doubles import HashEmbedder

PASSAGE = "The ferry sank off Brenna on Friday. Twelve of the 40 passengers died, the coast guard said."


def written(folder: Path, *answers: str) -> Path:
    data = {
        "documents": [{"document_id": "d1", "text": PASSAGE}, {"document_id": "d2", "text": "Forty died in Adana."}],
        "tasks": [{"task_id": "t1", "input": [{"text": "What sank?"}], "contexts": [{"document_id": "d1"}]}],
        "evaluations": [{"task_id": "t1", "model_id": "m", "model_response": answer} for answer in answers],
    }
    file = folder / "answers.json"
    file.write_text(json.dumps(data), "utf-8")
    return file


def test_only_sentences_pass_that_a_passage_of_their_writer_supports(tmp_path: Path) -> None:
    answer = "The ferry sank off Brenna. The ferry sank off Adana. Forty died in Adana."
    passages, drafts = load(written(tmp_path, answer))
    assert [d.text for d in drafts] == [
        "The ferry sank off Brenna.",
        "The ferry sank off Adana.",
        "Forty died in Adana.",
    ]
    (row,) = passing(passages, drafts, HashEmbedder(), 0.75)
    assert (row["text"], row["shown_as"], row["sentence"]) == ("The ferry sank off Brenna.", "verified", 0)
    (place,) = row["cited"]
    assert passages[place["article_id"]][place["start"] : place["end"]] == row["quotes"][0]


def test_a_copy_is_a_quotation(tmp_path: Path) -> None:
    passages, drafts = load(written(tmp_path, "The ferry sank off Brenna on Friday."))
    (row,) = passing(passages, drafts, HashEmbedder(), 0.75)
    assert row["shown_as"] == "quoted"


def test_another_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text('{"documents": []}', "utf-8")
    with pytest.raises(UsageError, match="no file of MTRAG"):
        load(file)
    with pytest.raises(UsageError, match="cannot read"):
        load(tmp_path / "none.json")
