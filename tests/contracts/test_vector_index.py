"""What every `rag.ports.VectorIndex` does, and what the FAISS file does with damage."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import StoreError
from rag.ports import Ids, VectorIndex, Vectors
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
    path = tmp_path / "x.faiss"
    FaissVectors(path, DIMENSION).rebuild("s", [batch(_7=[1, 0, 0], _9=[0, 1, 0])])
    return path


def test_a_reopened_file_keeps_its_stamp_and_vectors(path: Path) -> None:
    index = FaissVectors(path, DIMENSION)
    assert (index.stamp, index.search(query(1, 0.5, 0), 2)) == ("s", [(7, 1.0), (9, 0.5)])


def test_only_the_file_and_its_manifest_are_left_behind(path: Path) -> None:
    assert sorted(p.name for p in path.parent.iterdir()) == ["x.faiss", "x.json"]


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
    path.with_suffix(".json").write_text(json.dumps({"crc32": manifest["crc32"]}))


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
    with pytest.raises(StoreError, match=r"cannot write .*x\.faiss"):
        index.rebuild("t", [batch(_3=[1, 0, 0])])
    assert (index.stamp, len(index)) == ("s", 2)
    assert not list(path.parent.glob(".x.faiss.*"))
