"""What every `rag.ports.Embedder` does: the bundled model, any other sentence-transformers folder, each in
both runtimes; the double."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizer

from rag.embedders import choice
from rag.embedders.openvino_bert import OpenVinoBert, length_sorted
from rag.embedders.sentence_transformer import SentenceTransformerEmbedder
from rag.errors import ModelError, UnsupportedModelError
from rag.ports import Embedder, Vectors
from rag.resources import EMBEDDER_SHA256, bundled_embedder
from tests.doubles import HashEmbedder

TEXTS = [
    "The ferry sank off Brenna.",
    "Twelve people died.",
    "",
    "Özgür Özel leads the CHP 🚢",
    "The ferry sank off Brenna.",
]


def build_tiny(folder: Path) -> Path:
    """A sentence-transformers model of random weights: eight dimensions, single letters as tokens, its own prompts."""
    torch.manual_seed(1)
    (folder / "bert").mkdir(parents=True)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,:"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder / "bert")
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertModel(config).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=64)
    model = SentenceTransformer(
        modules=[transformer, Pooling(8)], prompts={"query": "question: ", "document": "news: "}, device="cpu"
    )
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module", params=["bundled", "tiny", "openvino bundled", "openvino tiny", "double"])
def embedder(request: pytest.FixtureRequest, tiny: Path) -> Embedder:
    if request.param == "double":
        return HashEmbedder()
    model = "bundled" if "bundled" in request.param else str(tiny)
    return (OpenVinoBert if "openvino" in request.param else SentenceTransformerEmbedder)(model, threads=1)


def test_it_says_what_it_is(embedder: Embedder) -> None:
    assert embedder.name
    assert len(bytes.fromhex(embedder.digest)) == 32
    assert embedder.max_tokens >= 32


def test_rows_are_unit_vectors_in_the_order_of_the_texts(embedder: Embedder) -> None:
    vectors = embedder.embed_documents(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] == pytest.approx(vectors[4], abs=1e-5)
    backwards = embedder.embed_documents(TEXTS[::-1])
    assert backwards == pytest.approx(vectors[::-1], abs=1e-5)


def test_no_texts_are_no_rows(embedder: Embedder) -> None:
    assert embedder.embed_documents([]).shape == (0, embedder.dimension)
    assert embedder.count_tokens([]) == []


def test_a_query_is_one_unit_row(embedder: Embedder) -> None:
    vector = embedder.embed_query("Who leads the CHP?")
    assert vector.shape == (1, embedder.dimension)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_what_else_is_in_a_batch_does_not_change_a_vector(embedder: Embedder) -> None:
    batch = embedder.embed_documents([*TEXTS, "long " * 150, *(f"filler number {i}" for i in range(60))])
    for text, vector in zip(TEXTS, batch, strict=False):
        assert vector == pytest.approx(embedder.embed_documents([text])[0], abs=1e-5)


def test_what_is_beyond_the_most_tokens_is_not_read(embedder: Embedder) -> None:
    long = "word " * embedder.max_tokens
    one, other = embedder.embed_documents([long + "ferry", long + "bridge " * 5000])
    assert one == pytest.approx(other, abs=1e-5)


def test_tokens_are_counted_whole_without_the_special_ones(embedder: Embedder) -> None:
    empty, one, many = embedder.count_tokens(["", "a", "a " * 3000])
    assert (empty, one, many) == (0, 1, 3000)


@settings(max_examples=25)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_any_text_gets_a_unit_vector(embedder: Embedder, texts: list[str]) -> None:
    vectors = np.concatenate([embedder.embed_documents(texts), embedder.embed_query(texts[0])])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert len(embedder.count_tokens(texts)) == len(texts)


# ── sentence-transformers


def test_the_bundled_model_is_the_original() -> None:
    embedder = SentenceTransformerEmbedder("bundled", threads=1)
    assert (embedder.name, embedder.digest, embedder.dimension) == ("all-MiniLM-L6-v2", EMBEDDER_SHA256, 384)
    near, far = embedder.embed_documents(["Twelve people died when the ferry sank.", "Shares in the bank rose."])
    query = embedder.embed_query("How many were killed on the boat?")[0]
    assert query @ near > query @ far + 0.3


def test_bfloat16_gives_nearly_the_same_vectors() -> None:
    exact = SentenceTransformerEmbedder("bundled", threads=1).embed_documents(TEXTS[:4])
    rounded = SentenceTransformerEmbedder("bundled", threads=1, bfloat16=True).embed_documents(TEXTS[:4])
    assert np.sum(exact * rounded, axis=1).min() > 0.999
    assert np.linalg.norm(rounded, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_models_own_prompts_are_used(tiny: Path) -> None:
    embedder = SentenceTransformerEmbedder(str(tiny), threads=1)
    bare = SentenceTransformer(str(tiny), device="cpu")
    for vector, prompt in (
        (embedder.embed_query("x")[0], "question: "),
        (embedder.embed_documents(["x"])[0], "news: "),
    ):
        assert vector == pytest.approx(bare.encode(f"{prompt}x", normalize_embeddings=True), abs=1e-5)


def test_the_digest_is_that_of_the_weights_wherever_they_lie(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "moved")
    here, moved = (SentenceTransformerEmbedder(str(path), threads=1) for path in (tiny, tmp_path / "moved"))
    assert here.digest == moved.digest
    other = SentenceTransformer(str(tiny), device="cpu")
    with torch.no_grad():
        next(other.parameters())[0, 0] += 0.5
    other.save(str(tmp_path / "other"), create_model_card=False)
    assert SentenceTransformerEmbedder(str(tmp_path / "other"), threads=1).digest != here.digest


def _without_weights(model: Path) -> None:
    next(model.rglob("model.safetensors")).unlink()


def _cut_weights(model: Path) -> None:
    weights = next(model.rglob("model.safetensors"))
    weights.write_bytes(weights.read_bytes()[:200])


def _no_json(model: Path) -> None:
    (model / "modules.json").write_text("{", encoding="utf-8")


def _unknown_module(model: Path) -> None:
    modules = json.loads((model / "modules.json").read_text(encoding="utf-8"))
    modules[0]["type"] = "nowhere.Transformer"
    (model / "modules.json").write_text(json.dumps(modules), encoding="utf-8")


@pytest.mark.parametrize("damage", [shutil.rmtree, _without_weights, _cut_weights, _no_json, _unknown_module])
def test_a_missing_or_damaged_model_is_an_error_of_one_line(
    tiny: Path, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny, model)
    damage(model)
    with pytest.raises(ModelError, match=r"^cannot load the embedder [^\n]*$") as caught:
        SentenceTransformerEmbedder(str(model), threads=1)
    assert str(model) in str(caught.value)


# ── OpenVINO: the same vectors without torch


@pytest.mark.parametrize("model", ["bundled", "tiny"])
@settings(max_examples=10)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_both_runtimes_give_the_same_vectors_and_tokens(tiny: Path, model: str, texts: list[str]) -> None:
    light, heavy = pair(str(tiny) if model == "tiny" else model)
    texts = [*texts, "ferry " * 400, *TEXTS]
    assert light.count_tokens(texts) == heavy.count_tokens(texts)
    assert light.embed_documents(texts) == pytest.approx(heavy.embed_documents(texts), abs=1e-5)
    assert light.embed_query(texts[0]) == pytest.approx(heavy.embed_query(texts[0]), abs=1e-5)


@cache
def pair(model: str) -> tuple[Embedder, Embedder]:
    return OpenVinoBert(model, threads=1), SentenceTransformerEmbedder(model, threads=1)


@pytest.mark.parametrize("model", ["bundled", "tiny"])
def test_either_runtime_reads_an_index_of_the_other(tiny: Path, model: str) -> None:
    light, heavy = pair(str(tiny) if model == "tiny" else model)
    for name in ("name", "digest", "dimension", "max_tokens"):
        assert getattr(light, name) == getattr(heavy, name)


def test_bfloat16_in_openvino_gives_nearly_the_same_vectors() -> None:
    exact, rounded = (OpenVinoBert("bundled", 1, bfloat16=b).embed_documents(TEXTS[:4]) for b in (False, True))
    assert np.sum(exact * rounded, axis=1).min() > 0.999


def test_several_threads_keep_the_order_of_the_texts() -> None:
    texts = [f"{'word ' * (i % 40)}number {i}" for i in range(60)]
    one, three = (OpenVinoBert("bundled", threads).embed_documents(texts) for threads in (1, 3))
    assert one == pytest.approx(three, abs=1e-5)


@given(st.lists(st.integers(1, 300), max_size=40), st.integers(1, 8))
def test_batches_hold_every_text_once_and_are_sorted_by_length(lengths: list[int], size: int) -> None:
    batches = length_sorted([[0] * length for length in lengths], size)
    flat = [i for batch in batches for i in batch]
    assert sorted(flat) == list(range(len(lengths)))
    assert [lengths[i] for i in flat] == sorted(lengths, reverse=True)
    assert all(len(batch) == size for batch in batches[:-1])


def test_an_unsorted_batch_does_not_pay_for_its_longest_text() -> None:
    embedder = OpenVinoBert("bundled", threads=1)
    shapes: list[tuple[int, ...]] = []
    start = embedder._queue.start_async

    def starting(inputs: list[Vectors], rows: list[int]) -> None:
        shapes.append(inputs[0].shape)
        start(inputs, rows)

    embedder._queue = SimpleNamespace(
        set_callback=embedder._queue.set_callback, wait_all=embedder._queue.wait_all, start_async=starting
    )
    embedder.embed_documents(["short one", "long " * 200] * 8)
    assert shapes == [(4, 208)] * 2 + [(4, 16)] * 2


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"model_type": "mpnet"}),
        ("config.json", {"hidden_act": "gelu_new"}),
        ("config.json", {"position_embedding_type": "relative_key"}),
        ("1_Pooling/config.json", {"pooling_mode": "max"}),
        ("1_Pooling/config.json", {"pooling_mode": None, "pooling_mode_max_tokens": True}),
    ],
)
def test_a_model_that_is_no_plain_bert_is_left_to_sentence_transformers(
    tiny: Path, tmp_path: Path, file: str, change: dict[str, object]
) -> None:
    shutil.copytree(tiny, tmp_path / "model")
    path = tmp_path / "model" / file
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **change}), encoding="utf-8")
    with pytest.raises(UnsupportedModelError):
        OpenVinoBert(str(tmp_path / "model"), threads=1)


def test_pooling_by_the_first_token(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "model")
    path = tmp_path / "model/1_Pooling/config.json"
    path.write_text(path.read_text("utf-8").replace("mean", "cls"), encoding="utf-8")
    light, heavy = pair(str(tmp_path / "model"))
    assert light.embed_documents(TEXTS) == pytest.approx(heavy.embed_documents(TEXTS), abs=1e-5)
    assert light.embed_documents(TEXTS) != pytest.approx(pair(str(tiny))[0].embed_documents(TEXTS), abs=1e-2)


# ── the choice between them


def chosen(model: str, folder: Path) -> tuple[Embedder, list[str]]:
    told: list[str] = []
    return choice.load(model, 1, False, folder, told.append), told


def test_the_bundled_model_runs_in_openvino_and_writes_nothing(tmp_path: Path) -> None:
    embedder, told = chosen("bundled", tmp_path)
    assert isinstance(embedder, OpenVinoBert)
    assert not told
    assert not list(tmp_path.iterdir())


def test_the_probe_holds_the_vectors_of_sentence_transformers() -> None:
    texts, known = choice._known()
    assert known[EMBEDDER_SHA256] == pytest.approx(choice._probed(pair("bundled")[1], texts), abs=1e-4)


def test_another_model_is_compared_once_with_sentence_transformers(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(chosen(str(tiny), tmp_path)[0], OpenVinoBert)
    (file,) = (tmp_path / "embedders").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(choice, "_heavy", lambda *_: pytest.fail("compared again"))
        assert isinstance(chosen(str(tiny), tmp_path)[0], OpenVinoBert)
    file.write_bytes(file.read_bytes()[:100])  # damaged: made again
    assert isinstance(chosen(str(tiny), tmp_path)[0], OpenVinoBert)
    assert file.stat().st_size > 100


def test_wrong_vectors_are_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenVinoBert, "embed_query", lambda self, text: self.embed_documents([f"not {text}"]))
    embedder, told = chosen("bundled", tmp_path)
    assert isinstance(embedder, SentenceTransformerEmbedder)
    assert len(told) == 1
    assert "differ on this CPU (cosine 0." in told[0]


def test_without_openvino_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rag.embedders.openvino_bert", None)
    embedder, told = chosen("bundled", tmp_path)
    assert isinstance(embedder, SentenceTransformerEmbedder)
    assert len(told) == 1
    assert "slower" in told[0]


def test_a_damaged_bundled_model_is_an_error_and_no_other_runtime_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(bundled_embedder(), tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[len(raw) // 2] ^= 1
    weights.write_bytes(raw)
    monkeypatch.setattr("rag.embedders.openvino_bert.bundled_embedder", lambda: tmp_path / "model")
    with pytest.raises(ModelError, match=r"^[^\n]*model.safetensors is damaged \(sha256 .*\): reinstall its package$"):
        chosen("bundled", tmp_path)
