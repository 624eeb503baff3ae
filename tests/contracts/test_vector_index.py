"""What every `rag.ports.VectorIndex` does, and what the FAISS file does with damage."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import StoreError
from rag.ports import Ids, VectorIndex, Vectors
from rag.stores import vector_kinds
from rag.stores.faiss_vectors import FaissVectors
from tests.doubles import NumpyVectors

DIMENSION = 3
Make = Callable[[], VectorIndex]


@pytest.fixture(params=["faiss", "numpy"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> VectorIndex:
    return NumpyVectors(DIMENSION) if request.param == "numpy" else FaissVectors(tmp_path / "x.faiss", DIMENSION)


def batch(**rows: list[float]) -> tuple[Ids, Vectors]:
    """`_7=[1, 0, 0]` is the vector of id 7."""
    ids = np.asarray([int(name.strip("_")) for name in rows], dtype=np.int64)
    return ids, np.asarray(list(rows.values()), dtype=np.float32).reshape(len(rows), DIMENSION)


def query(*values: float) -> Vectors:
    return np.asarray([values], dtype=np.float32)


def test_a_new_index_is_empty_and_unstamped(index: VectorIndex) -> None:
    assert (index.stamp, len(index), index.search(query(1, 0, 0), 5)) == (None, 0, [])


def test_the_best_come_first_with_their_inner_products(index: VectorIndex) -> None:
    index.rebuild("s", [batch(_7=[1, 0, 0], _9=[0, 1, 0]), batch(_4=[0.5, 0.25, 0])])
    assert index.search(query(1, 0.5, 0), 2) == [(7, 1.0), (4, 0.625)]
    assert (index.stamp, len(index)) == ("s", 3)


def test_of_equal_ones_the_smaller_id_comes_first(index: VectorIndex) -> None:
    index.rebuild("s", [batch(_9=[1, 0, 0], _7=[1, 0, 0]), batch(_8=[1, 0, 0], _1=[0, 1, 0])])
    everything = np.asarray([9, 8, 7, 1])
    for allowed in (None, everything):
        assert [i for i, _ in index.search(query(1, 0, 0), 4, allowed)] == [7, 8, 9, 1]


def test_more_are_wanted_than_there_are(index: VectorIndex) -> None:
    index.rebuild("s", [batch(_7=[1, 0, 0], _9=[0, 1, 0])])
    assert [i for i, _ in index.search(query(-1, -2, 0), 50)] == [7, 9]
    assert index.search(query(1, 0, 0), 0) == []


def test_a_filter_leaves_the_best_of_what_it_allows(index: VectorIndex) -> None:
    index.rebuild("s", [batch(_1=[1, 0, 0], _2=[0.5, 0, 0], _3=[0.25, 0, 0], _4=[-1, 0, 0])])
    assert index.search(query(1, 0, 0), 3, np.asarray([4, 2, 99])) == [(2, 0.5), (4, -1.0)]
    assert index.search(query(1, 0, 0), 3, np.asarray([], dtype=np.int64)) == []


def test_rebuilding_replaces_everything(index: VectorIndex) -> None:
    index.rebuild("old", [batch(_1=[1, 0, 0])])
    index.rebuild("new", [batch(_2=[1, 0, 0])])
    assert (index.stamp, index.search(query(1, 0, 0), 5)) == ("new", [(2, 1.0)])


def test_an_index_of_nothing_is_a_built_one(index: VectorIndex) -> None:
    index.rebuild("s", [])
    assert (index.stamp, len(index), index.search(query(1, 0, 0), 5)) == ("s", 0, [])


def test_a_failed_rebuild_changes_nothing(index: VectorIndex) -> None:
    def failing() -> Iterator[tuple[Ids, Vectors]]:
        yield batch(_2=[1, 0, 0])
        raise StoreError("gone")

    index.rebuild("old", [batch(_1=[1, 0, 0])])
    with pytest.raises(StoreError, match="gone"):
        index.rebuild("new", failing())
    assert (index.stamp, index.search(query(1, 0, 0), 5)) == ("old", [(1, 1.0)])


# Small whole numbers: their products are exact in float32, so no two implementations may differ in the last bit.
_VECTOR = st.tuples(*[st.integers(-9, 9)] * DIMENSION)


@given(st.dictionaries(st.integers(0, 2**62), _VECTOR, max_size=40), _VECTOR, st.integers(1, 50), st.data())
def test_faiss_finds_what_an_exact_search_finds(
    rows: dict[int, tuple[int, ...]], wanted: tuple[int, ...], k: int, data: st.DataObject
) -> None:
    scored = {sum(a * b for a, b in zip(v, wanted, strict=True)): i for i, v in rows.items()}
    distinct = {i: rows[i] for i in scored.values()}  # of a tie any order is right
    ids = np.asarray(list(distinct), dtype=np.int64)
    vectors = np.asarray(list(distinct.values()), dtype=np.float32).reshape(len(distinct), DIMENSION)
    allowed = data.draw(st.none() | st.lists(st.sampled_from([*distinct, 2**62 + 1])).map(np.asarray))
    allowed = None if allowed is None else allowed.astype(np.int64)
    oracle = NumpyVectors(DIMENSION)
    oracle.rebuild("s", [(ids, vectors)])
    with tempfile.TemporaryDirectory() as folder:
        index = FaissVectors(Path(folder) / "x.faiss", DIMENSION)
        index.rebuild("s", [(ids[:7], vectors[:7]), (ids[7:], vectors[7:])])
        reopened = FaissVectors(Path(folder) / "x.faiss", DIMENSION)
    expected = oracle.search(query(*wanted), k, allowed)
    assert index.search(query(*wanted), k, allowed) == expected
    assert reopened.search(query(*wanted), k, allowed) == expected


# ── the FAISS file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.vectors"
    FaissVectors(path, DIMENSION).rebuild("s", [batch(_7=[1, 0, 0], _9=[0, 1, 0])])
    return path


def test_a_reopened_file_keeps_its_stamp_and_vectors(path: Path) -> None:
    index = FaissVectors(path, DIMENSION)
    assert (index.stamp, index.search(query(1, 0.5, 0), 2)) == ("s", [(7, 1.0), (9, 0.5)])


def test_only_the_file_and_its_manifest_are_left_behind(path: Path) -> None:
    assert sorted(p.name for p in path.parent.iterdir()) == ["x.json", "x.vectors"]


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip_a_bit(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-9] ^= 1
    path.write_bytes(raw)


def _garbage(path: Path) -> None:
    path.write_bytes(b"not an index at all")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _delete(path: Path) -> None:
    path.unlink()


def _manifest(content: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.with_suffix(".json").write_text(content)

    return damage


def _no_stamp(path: Path) -> None:
    manifest = json.loads(path.with_suffix(".json").read_text())
    del manifest["stamp"]
    path.with_suffix(".json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "damage",
    [_truncate, _flip_a_bit, _garbage, _empty, _delete, _no_stamp, *map(_manifest, ["", "{}", "[1]", "\x00\xff"])],
)
def test_a_damaged_file_is_an_empty_index_that_can_be_rebuilt(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    index = FaissVectors(path, DIMENSION)
    assert (index.stamp, len(index)) == (None, 0)
    index.rebuild("t", [batch(_3=[1, 0, 0])])
    assert FaissVectors(path, DIMENSION).search(query(1, 0, 0), 5) == [(3, 1.0)]


def test_a_file_of_another_dimension_is_not_used(path: Path) -> None:
    assert FaissVectors(path, DIMENSION + 1).stamp is None


def test_a_folder_that_cannot_be_written_is_a_store_error_and_keeps_the_old_vectors(path: Path) -> None:
    index = FaissVectors(path, DIMENSION)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match=r"cannot write .*x\.vectors"):
        index.rebuild("t", [batch(_3=[1, 0, 0])])
    assert (index.stamp, len(index)) == ("s", 2)
    assert not list(path.parent.glob(".x.*"))


def test_files_where_no_file_can_be_are_an_error_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"cannot write .*x\.vectors: Not a directory"):
        FaissVectors(tmp_path / "file" / "x", DIMENSION).rebuild("s", [batch(_7=[1, 0, 0])])


# ── big archives: an index of codes, and the rows to compare again


@pytest.fixture(params=["sq8", "ivf-sq8"])
def coded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(vector_kinds, "CODES_FROM", 100)
    monkeypatch.setattr(vector_kinds, "LISTS_FROM", 10**9 if request.param == "sq8" else 100)
    return str(request.param)


def _many(count: int, dimension: int = 16) -> tuple[Ids, Vectors]:
    rows = np.random.default_rng(3).standard_normal((count, dimension)).astype(np.float32)
    ids = np.arange(count, dtype=np.int64) * 3 + 1
    return ids, np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def test_codes_find_what_exact_search_finds_with_its_very_scores(coded: str, tmp_path: Path) -> None:
    ids, vectors = _many(2000)
    index, oracle = FaissVectors(tmp_path / "x", 16), NumpyVectors(16)
    for each in (index, oracle):
        each.rebuild("s", [(ids, vectors)])
    facts = FaissVectors.recorded(tmp_path / "x")
    assert facts is not None
    assert (facts["kind"], facts["count"], facts["stamp"]) == (coded, 2000, "s")
    assert facts["recall"]["10"] >= (0.98 if coded == "sq8" else 0.3)
    if coded == "sq8":
        for query in vectors[:20]:
            exact, found = oracle.search(query[None], 10), index.search(query[None], 10)
            assert [i for i, _ in found] == [i for i, _ in exact]
            assert [s for _, s in found] == pytest.approx([s for _, s in exact], abs=1e-6)
    reopened = FaissVectors(tmp_path / "x", 16)
    assert reopened.search(vectors[5:6], 10) == index.search(vectors[5:6], 10)


@pytest.mark.parametrize("kept", [3, 1500])
def test_a_filter_is_exact_whatever_the_codes_say(coded: str, kept: int, tmp_path: Path) -> None:
    ids, vectors = _many(2000)
    index, oracle = FaissVectors(tmp_path / "x", 16), NumpyVectors(16)
    for each in (index, oracle):
        each.rebuild("s", [(ids[::-1].copy(), vectors[::-1].copy())])  # in no ascending order
    allowed = np.random.default_rng(4).permutation(ids)[:kept]
    for query in vectors[:10]:
        exact, found = oracle.search(query[None], 50, allowed), index.search(query[None], 50, allowed)
        assert [i for i, _ in found] == [i for i, _ in exact]


def test_an_archive_that_shrinks_loses_its_codes(coded: str, tmp_path: Path) -> None:
    ids, vectors = _many(200)
    index = FaissVectors(tmp_path / "x", 16)
    index.rebuild("big", [(ids, vectors)])
    assert {p.name for p in tmp_path.iterdir()} == {"x.faiss", "x.json", "x.vectors"}
    index.rebuild("small", [(ids[:50], vectors[:50])])
    assert {p.name for p in tmp_path.iterdir()} == {"x.json", "x.vectors"}
    assert FaissVectors(tmp_path / "x", 16).search(vectors[:1], 1)[0][0] == 1


@pytest.mark.parametrize("damage", [_truncate, _flip_a_bit, _garbage, _empty, _delete])
def test_damaged_codes_are_an_empty_index(coded: str, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    FaissVectors(tmp_path / "x", 16).rebuild("s", [_many(200)])
    damage(tmp_path / "x.faiss")
    assert FaissVectors(tmp_path / "x", 16).stamp is None


def test_a_byte_that_changed_without_a_trace_is_found_when_every_byte_is_read(path: Path) -> None:
    before = path.stat()
    _flip_a_bit(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert FaissVectors(path, DIMENSION).stamp == "s"
    assert FaissVectors(path, DIMENSION, verify=True).stamp is None


def test_the_kind_grows_with_the_archive() -> None:
    kinds = [vector_kinds.choice(count) for count in (0, 19_999, 20_000, 1_000_000, 2_000_000)]
    assert kinds == ["flat", "flat", "sq8", "sq8", "ivf-sq8"]
