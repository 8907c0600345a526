"""What may be given, and the one sentence for what may not."""

import time

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

from mine_lightning.errors import InputError
from mine_lightning.estimation.pairs import Pairs, read_pairs

RNG = np.random.default_rng(0)
X, Z = RNG.normal(size=(200, 2)), RNG.normal(size=200)


class OfItems(Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i], Z[i]


@pytest.mark.parametrize(
    "given",
    [
        (X, Z),
        (torch.from_numpy(X), torch.from_numpy(Z)),
        (pd.DataFrame(X, columns=["a", "b"]), pd.Series(Z)),
        (X.tolist(), Z.tolist()),
        (TensorDataset(torch.from_numpy(X), torch.from_numpy(Z)),),
        (OfItems(),),
    ],
    ids=["numpy", "tensors", "frames", "lists", "tensor data set", "data set"],
)
def test_the_same_pairs_in_any_form(given):
    x, z = read_pairs(*given)
    np.testing.assert_array_equal(x.raw.numpy(), X)
    np.testing.assert_array_equal(z.raw.numpy(), Z[:, None])
    assert x.labels is None
    assert z.labels is None


@pytest.mark.parametrize(
    "labels",
    [
        np.arange(200) % 3,
        np.arange(200, dtype=np.uint16) % 3,
        torch.arange(200) % 3,
        pd.Series(list("abc") * 66 + ["a", "b"]).astype("category"),
        pd.DataFrame({"label": pd.Series(list("abc") * 66 + ["a", "b"]).astype("category")}),
    ],
    ids=["numpy", "uint16", "tensor", "category", "frame"],
)
def test_few_whole_numbers_are_labels(labels):
    side = read_pairs(X, labels)[1]
    assert side.labels.tolist() == [0, 1, 2]
    assert Pairs(read_pairs(X, labels)[0], side, True, 0).shapes == ((2,), (3,))


def test_booleans_are_labels_and_many_whole_numbers_are_not():
    assert read_pairs(X, Z > 0)[1].labels.tolist() == [False, True]
    assert read_pairs(X, np.arange(200) * 7 % 199)[1].labels is None


def test_labels_with_axes_of_one_are_labels():
    sides = read_pairs(X, (np.arange(200) % 3)[:, None, None])
    assert Pairs(*sides, True, 0)[torch.arange(5)][1].shape == (5, 3)


def test_images_get_a_channel():
    x, _ = read_pairs(RNG.normal(size=(200, 8, 9)), Z)
    assert x.raw.shape == (200, 1, 8, 9)


@pytest.mark.parametrize("mode", ["r", "c"])
def test_a_memory_mapped_array_stays_on_disk(tmp_path, mode):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode=mode)
    assert read_pairs(mapped, Z)[0].raw.data_ptr() == mapped.ctypes.data


@pytest.mark.parametrize("cached", [(10, 10**9), (10**9, 599)])
def test_margins_of_large_data_are_applied_as_batches_are_read(monkeypatch, cached):
    sides = read_pairs(X, Z)
    index = torch.tensor([5, 3, 100])
    kept = Pairs(*sides, True, 0)[index]
    monkeypatch.setattr("mine_lightning.estimation.pairs.CACHED", cached)
    read = Pairs(*sides, True, 0)[index]
    assert all(torch.equal(a, b) for a, b in zip(kept, read, strict=True))


def with_nan(rows):
    x = X.copy()
    x[rows, 1] = np.nan
    return x


WRONG = {
    "lengths": ((X, Z[:-1]), "Expected as many x as z but got 200 and 199; give pairs."),
    "few": ((X[:50], Z[:50]), "Expected at least 100 pairs but got 50;"),
    "nan": ((with_nan([7, 9]), Z), "x has 2 NaN or infinite, the first in row 7, column 1; drop or fill"),
    "infinite": ((X, np.where(Z > 2, np.inf, Z)), "z has .* NaN or infinite, the first in row"),
    "constant": ((np.stack([X[:, 0], 0 * Z + 3], 1), Z), "column 1 of x is constant; drop it."),
    "constant images": ((np.ones((200, 4, 4)), Z), "Expected images that vary but those of x are all the same"),
    "strings": ((X, np.array(["a"] * 200)), "Expected numbers in z but got type <U1; encode it"),
    "object column": ((pd.DataFrame({"a": Z, "b": ["u"] * 200}), Z), "Expected numbers in x but got column 'b'"),
    "identical": ((X, X[:, 1]), "column 1 of x determines column 0 of z, .* the mutual information is then infinite"),
    "rising": ((X, np.exp(X[:, 0])), "column 0 of x determines column 0 of z"),
    "falling": ((X, -X[:, 0]), "column 0 of x determines column 0 of z"),
    "no z": ((X,), "Expected z beside x but got none"),
    "data set and z": ((OfItems(), Z), "Expected a Dataset of pairs alone but got z beside it"),
    "no pairs": ((TensorDataset(torch.zeros(200, 1)),), r"Expected a Dataset whose items are pairs \(x, z\)"),
    "five axes": ((np.zeros((200, 1, 1, 1, 1)), Z), r"but got shape \[200, 1, 1, 1, 1\]"),
    "ragged": ((X, [[1.0]] * 199 + [[1.0, 2.0]]), "Expected samples of one shape in z but"),
    "sparse": ((X, torch.eye(200).to_sparse()), "Expected z to be dense but it is sparse_coo"),
    "masked": ((np.ma.masked_less(X, -2.5), Z), "Expected a value in each row of x but some are masked"),
    "no columns": ((X[:, 2:], Z), r"Expected at least one column in x but got shape \[200, 0\]"),
    "many categories": (
        (X, pd.Series([f"c{i % 60}" for i in range(200)], dtype="category")),
        "at most 50 categories but",
    ),
    "huge numbers": ((np.full(200, 2**63, np.uint64), Z), r"Expected whole numbers below 2\^63 in x but got 9223"),
    "with gradient": (([torch.ones(2, requires_grad=True)] * 200, Z), "Expected samples of one shape in x but"),
    "complex": ((X, torch.complex(torch.ones(200), torch.ones(200))), "Expected real numbers in z"),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_input_is_told_in_one_sentence(given, message):
    with pytest.raises(InputError, match=message) as caught:
        read_pairs(*given)
    assert "\n" not in str(caught.value)


def test_many_columns_are_compared_in_no_time():
    stream = np.random.default_rng(0)
    x, z = stream.standard_normal((2, 500, 2000))
    x[:, :1900] = stream.integers(2, size=(500, 1900))  # of two values, which tell nothing by their ranks
    began = time.process_time()
    read_pairs(x, z)
    assert time.process_time() - began < 20  # every pair of columns by itself would take 220 s
    z[:, 7] = -x[:, 1950]
    with pytest.raises(InputError, match="column 1950 of x determines column 7 of z"):
        read_pairs(x, z)


@pytest.mark.parametrize("kind", [bool, np.uint8, ">f4", np.float16])
def test_vectors_of_any_kind_of_number_are_read(kind):
    vectors = (10 * RNG.random((200, 3))).astype(int) % 2 if kind is bool else 10 * RNG.random((200, 3))
    given = vectors.astype(kind)
    pairs = Pairs(*read_pairs(given, Z), gaussianise=True, seed=0)
    assert pairs.shapes == ((3,), (1,))
    assert pairs[torch.arange(200)][0].isfinite().all()


def test_equal_labels_are_no_error():
    labels = np.arange(200) % 4
    assert read_pairs(labels, labels)[0].labels is not None


def test_reversed_arrays_are_read():
    x, z = read_pairs(X[::-1], pd.Series(Z)[::-1])
    np.testing.assert_array_equal(x.raw.numpy(), X[::-1])
    np.testing.assert_array_equal(z.raw.numpy(), Z[::-1, None])


@pytest.mark.parametrize("kind", [torch.uint16, torch.uint32])
def test_unsigned_tensors_are_read(kind):
    counts = torch.arange(200)
    assert torch.equal(read_pairs(counts.to(kind), Z)[0].raw, counts[:, None])


def test_categories_need_no_series_and_ordered_ones_are_numbers():
    bins = pd.cut(Z, 4)  # a Categorical
    for given in (bins, pd.CategoricalIndex(bins), pd.Series(bins)):
        assert read_pairs(X, given)[1].labels.tolist() == [0, 1, 2, 3]
    fine = pd.cut(Z, np.linspace(-6, 6, 400))
    assert fine.ordered
    assert read_pairs(X, fine)[1].labels is None


def test_a_missing_category_is_told():
    labels = pd.Series(["a", None, "b"] * 40, dtype="category")
    with pytest.raises(InputError, match="a category in each row but some have none"):
        read_pairs(torch.randn(120), labels)


def test_long_doubles_are_read_as_doubles():
    x, z = read_pairs(np.random.default_rng(0).normal(size=100).astype(np.longdouble), torch.randn(100))
    assert x.raw.dtype == torch.float64
    assert len(z.raw) == 100


class Polars:
    """What a polars.DataFrame has of what pandas's has, and what it lacks."""

    def __init__(self, array):
        self.array, self.columns, self.dtypes = array, [f"c{i}" for i in range(array.shape[1])], ["Float64"]

    def __array__(self, dtype=None, copy=None):
        return self.array


@pytest.mark.parametrize("columns", [1, 2])
def test_a_table_that_is_not_of_pandas_is_an_array(columns):
    given = np.random.default_rng(0).normal(size=(200, columns))
    assert read_pairs(Polars(given), Z)[0].raw.tolist() == given.tolist()


def test_numbers_that_may_be_missing_are_numbers_where_none_is():
    frame = pd.DataFrame({"a": np.arange(200), "b": X[:, 0]}).convert_dtypes()
    frame["c"] = pd.array(np.arange(200) % 2, "Int64")
    assert np.allclose(read_pairs(frame, Z)[0].raw.numpy(), np.stack([np.arange(200), X[:, 0], np.arange(200) % 2], 1))
    frame.loc[3, "c"] = pd.NA
    with pytest.raises(InputError, match="x has 1 NaN or infinite, the first in row 3, column 2"):
        read_pairs(frame, Z)


def test_two_pandas_objects_of_different_indexes_are_refused():
    x, z = (pd.Series(side) for side in np.random.default_rng(0).normal(size=(2, 100)))
    read_pairs(x, z)
    read_pairs(x.sort_values().to_numpy(), z)
    with pytest.raises(InputError, match=r"one index, row by row, but theirs differ; give z.loc"):
        read_pairs(x, z.sort_values())
