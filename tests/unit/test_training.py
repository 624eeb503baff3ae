"""Packing, permuting and cutting down: what training does to data, checked without training."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("peft", reason="the train extra is not installed")

from rag import reading
from rag.reading import Line
from rag.training import average, batches, build, disturbing, records
from rag.training.export import adapter_pairs, permuted, truncated


class Letters:
    """A tokenizer of one token per character."""

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        return [ord(c) for c in text]


def test_packed_questions_see_the_evidence_and_themselves_only() -> None:
    writer = batches.Writer(Letters())  # type: ignore[arg-type]
    tasks = [records.Task("Who?", (1,), "Ada"), records.Task("When?", (0,), None)]
    packed = writer.pack("T\n[1] Ada left.", 1, tasks, random.Random(1))
    start = len(writer.prefix("T\n[1] Ada left."))
    text = "".join(map(chr, packed.tokens[0].tolist()))
    second = text.index("\n\nQuestion: When?")
    assert text.endswith("Answer: none [0]<|im_end|>")
    assert "Answer: Ada [1]<|im_end|>" in text
    mask = packed.mask[0, 0]
    assert mask[second, :start].all()
    assert not mask[second:, start:second].any()
    assert mask[second + 3, second : second + 4].all()
    assert not mask.triu(1).any()
    # Both questions stand where they would stand alone.
    assert packed.positions[0, second] == packed.positions[0, start] == start


def test_the_loss_is_on_the_answers_alone_and_the_number_apart() -> None:
    writer = batches.Writer(Letters())  # type: ignore[arg-type]
    packed = writer.pack("T\n[1] Ada left.", 1, [records.Task("Who?", (1,), "Ada")], random.Random(1))
    said = "".join(chr(label) for label in packed.labels.tolist() if label != batches.IGNORED)
    assert said == " Ada []<|im_end|>"
    [(position, gold)] = packed.choices
    assert gold == (1,)
    assert chr(packed.tokens[0, position]) == "["
    assert chr(packed.tokens[0, position + 1]) == "1"


def test_distractors_never_hold_the_answer_and_gold_is_never_cut() -> None:
    corpus = records.Corpus("c")
    corpus.add_article("a", "T", "T", [f"Sentence {i} is here." for i in range(20)] + ["Ada left.", "Ada came."])
    corpus.records.append(records.Record("q", "train", "a", "Who left?", "Ada", (20,), tuple(range(22))))
    for seed in range(20):
        [packed] = batches.epoch(corpus, "train", batches.Writer(Letters()), seed)  # type: ignore[arg-type]
        text = "".join(map(chr, packed.tokens[0].tolist()))
        assert "Ada left." in text
        assert "Ada came." not in text
        number = packed.choices[0][1][0]
        assert f"[{number}] Ada left." in text


def test_the_permutation_is_that_of_rotated_pairs() -> None:
    """GGUF interleaves the two halves of each head: row i of the first half comes before row i of the second."""
    rows = np.arange(8, dtype=np.float32)[:, None]  # one head of dimension 8
    assert permuted(rows, 1)[:, 0].tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    two = permuted(np.arange(8, dtype=np.float32)[:, None], 2)[:, 0].tolist()
    assert two == [0, 2, 1, 3, 4, 6, 5, 7]


def test_cutting_to_a_rank_keeps_the_product_as_well_as_can_be() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((4, 30)).astype(np.float32), rng.standard_normal((20, 4)).astype(np.float32)
    same_a, same_b = truncated(a, b, 4)
    assert np.allclose(same_b @ same_a, b @ a, atol=1e-4)
    less_a, less_b = truncated(a, b, 2)
    values = np.linalg.svd(b @ a, compute_uv=False)
    assert np.linalg.norm(b @ a - less_b @ less_a) == pytest.approx(np.sqrt((values[2:] ** 2).sum()), rel=1e-3)


def test_an_adapter_gets_ggufs_names_and_order() -> None:
    name = "base_model.model.model.layers.3.self_attn.k_proj.lora_{}.default.weight"
    state = {name.format("A"): torch.ones(2, 576), name.format("B"): torch.arange(192.0)[:, None].expand(192, 2)}
    [(target, a, b)] = adapter_pairs(state)
    assert target == "blk.3.attn_k.weight"
    assert a.shape == (2, 576)
    assert b[:4, 0].tolist() == [0, 32, 1, 33]
    with pytest.raises(ValueError, match="not a parameter of a LoRA adapter: x"):
        list(adapter_pairs({"x": torch.ones(1)}))


@pytest.mark.parametrize(("file", "questions"), [(build.WEBNEWS, 1190), (build.WEBMORE, 2364), (build.WICE, 1680)])
def test_our_questions_over_pages_point_at_words(file: Path, questions: int) -> None:
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert len(rows) == len({(row["page"], row["question"]) for row in rows}) == questions
    for row in rows:
        assert (row["answer"] is None) != (row["trap"] is None), row
        start, stop = row["answer"] or row["trap"]
        assert row["sentence"][0] <= start < stop <= row["sentence"][1], row
    pages = {fold: {r["page"] for r in rows if r["fold"] == fold} for fold in ("train", "dev", "test")}
    assert not pages["train"] & (pages["dev"] | pages["test"])
    assert not pages["dev"] & pages["test"]


# ── disturbed sequences

EVIDENCE = [
    Line("a", 0, "Ada Byrne wins (Echo)", "Ada Byrne won 340 votes in 2021."),
    Line("a", 50, "Ada Byrne wins (Echo)", "Byrne thanked 3,400 helpers, and 340.5 is another number."),
    Line("b", 0, "T", "Nobody else stood."),
]


def disturb_until(wanted: Callable[[list[Line], list[records.Task]], bool], tasks: list[records.Task]) -> Any:
    """The first of many draws that fulfils something."""
    for seed in range(300):
        lines, asked = disturbing.disturbed(EVIDENCE, tasks, ["Cato Dorn", "Egil Fenn"], random.Random(seed))
        if wanted(lines, asked):
            return lines, asked
    raise AssertionError("never drawn")


def test_an_exchanged_number_is_another_one_in_sentence_and_answer_alike() -> None:
    task = records.Task("How many votes did Byrne win?", (1,), "340 votes")
    lines, [asked] = disturb_until(lambda _, tasks: tasks[0].answer != "340 votes", [task])
    figure = asked.answer.removesuffix(" votes")
    assert f"won {figure} votes in 2021" in lines[0].text
    assert any("3,400 helpers, and 340.5" in line.text for line in lines)


def test_an_exchanged_name_is_another_one_everywhere() -> None:
    tasks = [records.Task("Who won?", (1,), "Ada Byrne"), records.Task("Whom did Byrne thank?", (0,), None)]
    lines, asked = disturb_until(lambda _, tasks: tasks[0].answer != "Ada Byrne", tasks)
    assert asked[0].answer in ("Cato Dorn", "Egil Fenn")
    surname = asked[0].answer.split()[1]
    assert asked[1].question == f"Whom did {surname} thank?"
    assert not any("Byrne" in line.text + line.about for line in lines)


def test_a_foreign_sentence_is_never_right_and_moves_the_numbers_behind_it() -> None:
    tasks = [records.Task("Who stood?", (3,), "Nobody else"), records.Task("Why?", (0,), None)]
    lines, asked = disturb_until(lambda lines, _: len(lines) == 4, tasks)
    foreign = next(i for i, line in enumerate(lines, start=1) if line.text not in {e.text for e in EVIDENCE})
    assert [lines[n - 1].text for n in asked[0].gold] == ["Nobody else stood."]
    assert foreign not in asked[0].gold
    assert asked[1].gold == (0,)


def test_a_full_prompt_takes_no_foreign_sentence() -> None:
    full = [Line("a", i, "T", f"Sentence {i} says nothing.") for i in range(reading.MOST)]
    for seed in range(50):
        lines, _ = disturbing.disturbed(full, [records.Task("Why?", (0,), None)], [], random.Random(seed))
        assert len(lines) == reading.MOST


def test_the_mean_of_runs_is_that_of_each_weight() -> None:
    one, two = {"x": torch.tensor([1.0, 2.0])}, {"x": torch.tensor([3.0, 6.0])}
    assert average.mean([one, two])["x"].tolist() == [2.0, 4.0]
    with pytest.raises(ValueError, match="adapters of different shapes"):
        average.mean([one, {"x": torch.ones(3)}])


def test_an_epoch_can_be_left_undisturbed() -> None:
    corpus = records.Corpus("c")
    corpus.add_article("a", "T", "T", ["Ada Byrne won 340 votes.", "Nobody else stood."])
    corpus.records.append(records.Record("q", "train", "a", "How many votes?", "340 votes", (0,), (0, 1)))

    def shown(disturb: bool) -> set[str]:
        drawn = (
            next(batches.epoch(corpus, "train", batches.Writer(Letters()), seed, disturb=disturb))  # type: ignore[arg-type]
            for seed in range(40)
        )
        return {"".join(map(chr, packed.tokens[0].tolist())) for packed in drawn}

    assert all("won 340 votes" in text for text in shown(disturb=False))
    assert not all("won 340 votes" in text for text in shown(disturb=True))
