"""Files of the store: whole or absent, appended and cut back, read in pieces; what goes wrong is said in a sentence."""

import dataclasses
import errno
import json
import multiprocessing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.full_disk import file_size_limit

from darkframe.errors import OutputError, StoreError
from darkframe.store.arrays import ArrayReader, ArrayWriter, open_array
from darkframe.store.atomic import content_key, plain, read_json, save_array, write_bytes, write_json, writing
from darkframe.store.lock import locked, try_lock
from darkframe.store.records import record_from_plain
from darkframe.store.tensors import read_tensors, write_tensors


def test_an_atomic_write_replaces_whole_files_and_leaves_nothing_beside(tmp_path):
    write_json(tmp_path / "a.json", {"x": 1})
    write_json(tmp_path / "a.json", {"x": (1.5, float("nan"), None), "path": tmp_path, "n": np.float32(0.5)})
    assert read_json(tmp_path / "a.json") == {"x": [1.5, None, None], "path": str(tmp_path), "n": 0.5}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    with file_size_limit(10_000), pytest.raises(StoreError, match=r"disk is full.*a\.bin.*Free some space"):
        write_bytes(path, bytes(20_000))
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_full_disk_under_an_array(tmp_path):
    writer = ArrayWriter(tmp_path / "a.npy", (4,), "<f4")
    writer.append(np.ones((100, 4)))
    writer.commit()
    with file_size_limit(4000), pytest.raises(StoreError, match="disk is full"):
        writer.append(np.ones((1000, 4)))
    writer.close()
    assert open_array(tmp_path / "a.npy").shape == (100, 4)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EACCES, OutputError, "not writable"),
        (errno.EROFS, StoreError, "not writable"),
        (errno.EIO, StoreError, "could not be written"),
    ],
)
def test_what_goes_wrong_is_a_sentence(tmp_path, code, kind, words):
    with pytest.raises(kind, match=words) as caught, writing(tmp_path / "thing", kind):
        raise OSError(code, "reason")
    assert "thing" in str(caught.value)
    assert caught.value.hint


def test_content_keys_are_canonical():
    assert content_key({"a": 1, "b": (1, 2)}) == content_key({"b": [1, 2], "a": 1})
    assert content_key({"a": 1}) != content_key({"a": 2})
    assert content_key({"a": np.int64(3)}) == content_key({"a": 3})
    with pytest.raises(TypeError):
        plain(object())


@given(
    blocks=st.lists(st.integers(0, 20), max_size=8),
    committed=st.integers(0, 7),
    dtype=st.sampled_from(["<f4", "<i4", "|b1", "|u1"]),
)
@settings(deadline=None, max_examples=40)
def test_an_array_reopened_at_its_committed_rows_is_what_it_would_have_been(tmp_path_factory, blocks, committed, dtype):
    path = tmp_path_factory.mktemp("arrays") / "a.npy"
    row = () if dtype in ("|b1", "|u1") else (3,)
    parts = [
        (np.random.default_rng(i).integers(0, 2 if dtype == "|b1" else 200, size=(n, *row))).astype(dtype)
        for i, n in enumerate(blocks)
    ]
    whole = np.concatenate([np.empty((0, *row), dtype), *parts])
    first, rest = parts[:committed], parts[committed:]
    writer = ArrayWriter(path, row, dtype)
    for part in first:
        writer.append(part)
    writer.commit()
    rows = writer.rows
    writer.append(np.ones((7, *row)))  # never committed
    writer.close()
    with ArrayWriter(path, row, dtype, rows=rows) as again:
        for part in rest:
            again.append(part)
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), whole)
    array = open_array(path)
    np.testing.assert_array_equal(array, whole)
    assert not array.flags.writeable
    assert path.stat().st_size == 128 + whole.nbytes


@given(n=st.integers(0, 50), size=st.integers(1, 20), data=st.data())
@settings(deadline=None, max_examples=40)
def test_reading_in_pieces(tmp_path_factory, n, size, data):
    path = tmp_path_factory.mktemp("arrays") / "a.npy"
    whole = np.random.default_rng(n).standard_normal((n, 3)).astype(np.float32)
    save_array(path, whole)
    reader = ArrayReader(path)
    pieces = [(first, block.copy()) for first, block in reader.blocks(size)]
    np.testing.assert_array_equal(np.concatenate([np.empty((0, 3)), *(b for _, b in pieces)]), whole)
    assert [first for first, _ in pieces] == list(range(0, n, size))
    numbers = np.array(sorted(data.draw(st.sets(st.integers(0, n - 1)) if n else st.just(set()))), np.int64)
    np.testing.assert_array_equal(reader.take(numbers), whole[numbers])


def test_rows_that_do_not_fit_are_refused(tmp_path):
    with ArrayWriter(tmp_path / "a.npy", (3,), "<f4") as writer, pytest.raises(ValueError, match="do not fit"):
        writer.append(np.ones((2, 4)))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY\x01\x00v\x00"])
def test_damaged_arrays_are_named(tmp_path, content):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    for read in (open_array, ArrayReader):
        with pytest.raises(StoreError, match=r"a\.npy"):
            read(path)
    with pytest.raises(StoreError, match="missing"):
        open_array(tmp_path / "b.npy")


def test_pickles_are_never_read(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(StoreError):
        open_array(tmp_path / "a.npy")


def test_tensors_have_the_same_bytes_for_the_same_content(tmp_path):
    arrays = {"b": np.arange(6.0).reshape(2, 3), "a": np.array([True, False]), "none": np.empty((0, 4))}
    write_tensors(tmp_path / "1", arrays, {"rows": 3})
    write_tensors(tmp_path / "2", dict(reversed(arrays.items())), {"rows": 3})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    found, record = read_tensors(tmp_path / "1")
    assert record == {"rows": 3}
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    (tmp_path / "1").write_bytes((tmp_path / "1").read_bytes()[:-5])
    with pytest.raises(StoreError, match="damaged"):
        read_tensors(tmp_path / "1")


@dataclasses.dataclass(frozen=True)
class Inner:
    value: float
    names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Outer:
    inner: Inner
    several: tuple[Inner, ...]
    maybe: Inner | None
    number: float | None
    table: dict[str, float] = dataclasses.field(default_factory=dict)
    late: int = 7


def test_records_come_back_from_json():
    record = Outer(Inner(1.5, ("a",)), (Inner(2.0), Inner(3.0)), None, None, {"x": 1.0})
    assert record_from_plain(Outer, json.loads(json.dumps(plain(record)))) == record
    written = plain(Outer(Inner(float("nan")), (), Inner(1.0), 2.0))
    del written["late"]
    back = record_from_plain(Outer, json.loads(json.dumps(written)))
    assert np.isnan(back.inner.value)
    assert back.late == 7
    assert back.maybe == Inner(1.0)
    del written["inner"]
    with pytest.raises(StoreError, match="no field 'inner'"):
        record_from_plain(Outer, written)
    with pytest.raises(StoreError, match="damaged"):
        record_from_plain(Outer, [1])


def _hold(path, held, release):
    with locked(path):
        held.set()
        release.wait(20)


def test_a_lock_is_waited_for(tmp_path):
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "lock", held, release))
    holder.start()
    assert held.wait(20)
    assert try_lock(tmp_path / "lock") is None
    waited = []

    def waiting():
        waited.append(True)
        release.set()

    with locked(tmp_path / "lock", waiting):
        assert waited == [True]
    holder.join()
