"""The same pairs from any kind of file, and what is told where they can't be read."""

import numpy as np
import pandas as pd
import pytest

from mine_lightning.errors import InputError
from mine_lightning.estimation.sources import read_file

ROWS = np.random.default_rng(0).normal(size=(1000, 4))


@pytest.fixture
def files(tmp_path):
    np.save(tmp_path / "pairs.npy", ROWS)
    np.savez(tmp_path / "pairs.npz", x=ROWS[:, :2], z=ROWS[:, 3])
    frame = pd.DataFrame(ROWS, columns=["a", "b", "c", "label"])
    frame["group"] = np.arange(1000) % 3
    frame["word"] = "u"
    frame.to_csv(tmp_path / "pairs.csv", index=False)
    frame.to_parquet(tmp_path / "pairs.parquet", row_group_size=300)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "x", "z"),
    [
        ("pairs.npy", [0, 1], 3),
        ("pairs.npz", None, None),
        ("pairs.csv", ["a", "b"], "label"),
        ("pairs.parquet", ["a", "b"], "label"),
    ],
)
def test_the_same_pairs_from_any_file(files, name, x, z):
    left, right = read_file(files / name, x, z)
    np.testing.assert_allclose(np.asarray(left), ROWS[:, :2])
    np.testing.assert_allclose(np.asarray(right).reshape(-1), ROWS[:, 3])


def test_an_npy_stays_on_disk_and_two_columns_need_no_names(files):
    np.save(files / "two.npy", ROWS[:, :2])
    x, z = read_file(files / "two.npy")
    assert isinstance(x, np.memmap)
    np.testing.assert_array_equal(z[:, 0], ROWS[:, 1])


def test_columns_of_an_npy_that_do_not_lie_beside_each_other(files):
    x, _ = read_file(files / "pairs.npy", [3, 0], 1)
    np.testing.assert_array_equal(x, ROWS[:, [3, 0]])


def test_parquet_lies_on_disk_with_its_types(files):
    x, z = read_file(files / "pairs.parquet", "a", "group")
    assert isinstance(x, np.memmap)
    assert z.dtype == np.int64
    np.testing.assert_array_equal(z[:, 0], np.arange(1000) % 3)


@pytest.mark.parametrize(
    ("name", "x", "z", "message"),
    [
        ("none.npy", 0, 1, "there is no '.*none.npy'; check the path"),
        ("pairs.txt", 0, 1, r"Expected a file of pairs in .npy, .npz, .csv, .parquet but got"),
        ("pairs.npy", None, 1, "Expected x as column numbers from 0 to 3 .* but got None"),
        ("pairs.npy", 0, 4, "Expected z as column numbers from 0 to 3 .* but got 4"),
        ("pairs.csv", "a", "lable", "it has no 'lable'; nearest: label"),
        ("pairs.parquet", "a", "lable", "it has no 'lable'; nearest: label"),
        ("pairs.parquet", "word", "a", "column 'word' is .*string; encode it as numbers"),
        ("pairs.csv", None, "a", "Expected x as one or more columns of .* but got None; it has a, b, c"),
        ("broken.npy", 0, 1, "Expected pairs in .*broken.npy but it can't be read"),
        ("empty.npy", 0, 1, "Expected pairs in .*empty.npy but it can't be read"),
        ("empty.npz", None, None, "Expected pairs in .*empty.npz but it can't be read"),
        ("garbled.npy", 0, 1, "Expected pairs in .*garbled.npy but it can't be read"),
        ("broken.npz", None, None, "Expected pairs in .*broken.npz but it can't be read"),
        ("broken.parquet", "a", "b", "Expected a Parquet file in .*broken.parquet but"),
        ("cube.npy", 0, 1, r"Expected rows of columns in .* but got shape \[3, 3, 3\]"),
    ],
)
def test_what_cannot_be_read_is_told(files, name, x, z, message):
    (files / "broken.npy").write_bytes(b"not an array")
    (files / "empty.npy").write_bytes(b"")
    (files / "empty.npz").write_bytes(b"")
    np.save(files / "garbled.npy", np.zeros((9, 2)))
    (files / "garbled.npy").write_bytes((files / "garbled.npy").read_bytes().replace(b"'shape': (", b"'shape': (("))
    np.savez(files / "broken.npz", x=np.zeros(9), z=np.zeros(9))
    (files / "broken.npz").write_bytes((files / "broken.npz").read_bytes()[:-40])
    (files / "broken.parquet").write_bytes(b"not a table")
    np.save(files / "cube.npy", np.zeros((3, 3, 3)))
    with pytest.raises(InputError, match=message):
        read_file(files / name, x, z)


def test_missing_values_of_whole_numbers_and_booleans_are_told(tmp_path):
    """As a whole number a missing value would become one, as a boolean False."""
    for kind, values in (("Int64", [1, None, 3, 4]), ("boolean", [True, None, False, True])):
        table = pd.DataFrame({"a": pd.array(values, kind), "b": [0.1, 0.2, 0.3, 0.4]})
        table.to_parquet(tmp_path / "a.parquet")
        with pytest.raises(InputError, match=r"a value in each row of .* but column 'a' has none in some"):
            read_file(tmp_path / "a.parquet", "a", "b")


def test_one_array_of_an_npz_makes_a_side(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros(3), b=np.zeros(3), z=np.zeros(3))
    with pytest.raises(InputError, match=r"one array of .* as x but got a, b; join them"):
        read_file(tmp_path / "a.npz", ["a", "b"])
