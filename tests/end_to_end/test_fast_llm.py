"""The bundled model's faster copy, its measured speed, and what stays evaluated between two questions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from rag import kept_speed, loading, resources, wiring
from rag.errors import ModelError
from rag.llms import quantising
from rag.llms.files import model_file
from rag.llms.llama_cpp import LlamaCppModel
from rag.settings import Settings
from rag.types import Message


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def load(cache: Path, told: list[str] | None = None) -> LlamaCppModel:
    return LlamaCppModel(
        "bundled",
        context_tokens=1024,
        threads=1,
        extra_buffers=resources.extra_buffers("auto"),
        cache=cache,
        notice=(told if told is not None else []).append,
    )


@pytest.fixture(scope="module")
def model(cache: Path) -> LlamaCppModel:
    return load(cache)


@pytest.fixture
def evaluated(model: LlamaCppModel, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens each evaluation got, in order."""
    sizes: list[int] = []
    evaluate = model._llama.eval

    def counted(tokens: Sequence[int]) -> None:
        sizes.append(len(tokens))
        evaluate(tokens)

    monkeypatch.setattr(model._llama, "eval", counted)
    return sizes


def test_the_bundled_model_runs_from_an_8_bit_copy(model: LlamaCppModel, cache: Path) -> None:
    copy = cache / f"{resources.LLM_SHA256}-q8_0.gguf"
    assert model._llama.model_path == str(copy)
    assert model._llama.metadata["general.file_type"] == "7"  # MOSTLY_Q8_0
    assert model.name == "SmolLM2-135M-Instruct-Q4_1"
    assert copy.with_suffix(".sha256").read_text("ascii") == resources.sha256(copy)
    assert not [file for file in cache.iterdir() if "part" in file.name]


def test_the_copy_answers(model: LlamaCppModel) -> None:
    system = Message("system", "You answer in one short sentence.")
    asked = [system, Message("user", "What is the capital of France?")]
    assert "Paris" in "".join(model.stream(asked, max_tokens=16))


def test_a_copy_is_made_once_and_again_when_damaged(
    model: LlamaCppModel, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    requantise = quantising.requantise

    def counted(source: Path, target: Path, threads: int) -> None:
        made.append(target)
        requantise(source, target, threads)

    monkeypatch.setattr(quantising, "requantise", counted)
    copy = model_file("bundled", None, cache, 1, pytest.fail).path
    assert not made
    whole = copy.read_bytes()
    copy.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert model_file("bundled", None, cache, 1, pytest.fail).path == copy
    assert len(made) == 1
    assert copy.read_bytes() == whole


def test_without_a_place_for_the_copy_the_model_runs_as_installed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    told: list[str] = []
    model = load(tmp_path / "file" / "cache", told)
    assert model._llama.model_path == str(resources.bundled_llm())
    assert len(told) == 1
    assert "runs as installed, slower: cannot keep" in told[0]


def test_what_is_no_gguf_cannot_be_requantised(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(ModelError, match=r"^llama.cpp cannot requantise model.gguf$"):
        quantising.kept(
            tmp_path / "cache" / "copy.gguf", lambda copy: quantising.requantise(tmp_path / "model.gguf", copy, 1)
        )
    assert not list((tmp_path / "cache").iterdir())


def test_the_speed_is_measured_at_the_first_load_and_kept(model: LlamaCppModel, cache: Path) -> None:
    speed = kept_speed.load(cache, resources.model_key("bundled"), 1)
    assert speed is not None
    assert speed.prompt > speed.generation > 0


def test_the_instructions_are_evaluated_once_for_all_questions(model: LlamaCppModel, evaluated: list[int]) -> None:
    system = Message("system", wiring.load_prompts().system)
    questions = [[system, Message("user", f"[1] Twelve people died off {place}.\n\nWhere?")] for place in "ABC"]
    shared = 0
    for question, following in itertools.pairwise(questions):
        pairs = zip(model.prompt_tokens(question), model.prompt_tokens(following), strict=False)
        shared = next(i for i, (a, b) in enumerate(pairs) if a != b)
    assert shared > model.count_tokens(system.content)
    model._llama.reset()  # type: ignore[no-untyped-call]
    firsts = []
    for question in questions:
        evaluated.clear()
        list(model.stream(question, max_tokens=4))
        firsts.append(evaluated[0])
    assert firsts[0] == len(model.prompt_tokens(questions[0]))
    assert firsts[1:] == [len(model.prompt_tokens(q)) - shared for q in questions[1:]]


def test_the_settings_decide_where_the_copy_is(cache: Path, model: LlamaCppModel) -> None:
    settings = Settings(threads=1, context_tokens=512, cache=cache.parent)
    assert loading.llm_cache(settings) == cache.parent / "llms"
