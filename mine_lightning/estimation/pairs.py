"""What a user gives, read as pairs of samples and checked: arrays, tensors, frames or a Dataset."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from mine_lightning.errors import InputError, check_dense
from mine_lightning.estimation.margins import fit_margin, pieces

__all__ = ["Pairs", "Side", "read_pairs"]

FEWEST = 100
MOST_LABELS = 50
CACHED = 500_000, 2**28  # pairs, and numbers of them, up to which the margins are applied once and kept


@dataclass
class Side:
    """One side as it was given: raw samples ``[n, d]`` or images, and the distinct labels where it is one label."""

    raw: Tensor
    labels: Tensor | None


class Pairs:
    """Pairs ready for a statistics network, by index; margins of large data are applied when a batch is read."""

    def __init__(self, x: Side, z: Side, gaussianise: bool, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._raw = x.raw, z.raw
        self._margins = [fit_margin(side.raw, side.labels, gaussianise, generator) for side in (x, z)]
        self.shapes = self._margins[0].shape, self._margins[1].shape  # of one x and one z as the network sees them
        self.margins = self._margins[0].name, self._margins[1].name
        self._ready: list[Tensor] | None = None
        numbers = len(self) * sum(math.prod(shape) for shape in self.shapes)
        if len(self) <= CACHED[0] and numbers <= CACHED[1]:
            self._ready = [margin.of_all(raw) for margin, raw in zip(self._margins, self._raw, strict=True)]
            self._margins.clear()  # ranks take as much as the data

    def __len__(self) -> int:
        return len(self._raw[0])

    def __getitem__(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return x ``[m, *]`` and z ``[m, *]`` of m pairs, float32."""
        if self._ready is not None:
            x, z = (side[index] for side in self._ready)
        else:
            x, z = (margin(raw[index]) for margin, raw in zip(self._margins, self._raw, strict=True))
        return x, z


def read_pairs(x: Any, z: Any = None) -> tuple[Side, Side]:
    """Return the two sides, checked.

    Args:
        x: samples, as NumPy array, tensor, pandas object or sequence of numbers; or a Dataset of pairs (x, z).
        z: their partners; None beside a Dataset.

    Raises:
        InputError: for lengths that differ, too few pairs, NaN or infinity, constant columns, things that are no
            numbers, and x that determines z column by column.
    """
    if isinstance(x, Dataset):
        if z is not None:
            raise InputError("Expected a Dataset of pairs alone but got z beside it; leave z out.")
        x, z = _of_dataset(x)
    elif z is None:
        raise InputError("Expected z beside x but got none; give both, or a Dataset of pairs (x, z).")
    _check_index(x, z)
    sides = _side(x, "x"), _side(z, "z")
    n, m = (len(side.raw) for side in sides)
    if n != m:
        raise InputError(f"Expected as many x as z but got {n} and {m}; give pairs.")
    if n < FEWEST:
        raise InputError(f"Expected at least {FEWEST} pairs but got {n}; an estimate from fewer means nothing.")
    for side, name in zip(sides, "xz", strict=True):
        _check_finite(side.raw, name)
        _check_constant(side.raw, name)
    _check_copies(*sides)
    return sides


def _check_index(x: Any, z: Any) -> None:
    """Refuse two pandas objects whose rows pandas itself would pair otherwise."""
    if not all(type(side).__module__.partition(".")[0] == "pandas" and hasattr(side, "index") for side in (x, z)):
        return
    if len(x) == len(z) and not x.index.equals(z.index):
        raise InputError(
            "Expected x and z to have one index, row by row, but theirs differ; give z.loc[x.index] if rows belong "
            "together by index, or .to_numpy() of both if by position."
        )


def _of_dataset(dataset: Dataset[Any]) -> tuple[Any, Any]:
    if isinstance(dataset, TensorDataset) and len(dataset.tensors) == 2:
        return dataset.tensors
    try:
        pairs = [dataset[i] for i in range(len(dataset))]  # type: ignore[arg-type]
        xs, zs = zip(*((torch.as_tensor(x), torch.as_tensor(z)) for x, z in pairs), strict=True)
        return torch.stack(xs), torch.stack(zs)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"Expected a Dataset whose items are pairs (x, z) of one shape each but {' '.join(str(error).split())}; "
            "give two arrays."
        ) from error


def _side(given: Any, name: str) -> Side:
    raw = _tensor(given, name)
    if raw.ndim == 0:
        raise InputError(f"Expected {name} as samples [n] or [n, ...] but got a single number; give an array.")
    if 0 in raw.shape[1:]:
        raise InputError(f"Expected at least one column in {name} but got shape {list(raw.shape)}; give one.")
    labels = _labels(raw)
    if raw.ndim == 1 or labels is not None:
        raw = raw.reshape(len(raw), 1)
    if raw.ndim == 3:
        raw = raw[:, None]  # images of one channel
    if raw.ndim > 4:
        raise InputError(
            f"Expected {name} as [n], vectors [n, d] or images [n, channels, height, width] but got shape "
            f"{list(raw.shape)}; flatten it."
        )
    return Side(raw, labels)


def _tensor(given: Any, name: str) -> Tensor:
    if isinstance(given, Tensor):
        raw = given.detach().cpu()
        if raw.is_inference():  # it could not enter a graph
            raw = raw.clone()
        if raw.dtype in (torch.uint16, torch.uint32, torch.uint64):  # torch can hardly compute with them
            return _tensor(raw.numpy(), name)
    else:
        if np.ma.is_masked(given):
            raise InputError(f"Expected a value in each row of {name} but some are masked; drop those rows.")
        try:
            array = np.asarray(_categories_as_codes(given))
        except (ValueError, TypeError, RuntimeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"Expected samples of one shape in {name} but {error}; give an array.") from error
        if array.dtype.kind not in "biuf":
            raise InputError(
                f"Expected numbers in {name} but got {_first_not_a_number(given, array)}; encode it as numbers, or as "
                "a pandas category if it is a label."
            )
        if array.dtype == np.longdouble and array.dtype.itemsize > 8:  # torch has none
            array = array.astype(np.float64)
        if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
            raise InputError(f"Expected whole numbers below 2^63 in {name} but got {array.max()}; give smaller ones.")
        if any(stride < 0 for stride in array.strides):  # torch has none
            array = array.copy()
        if array.dtype.kind == "u" and array.dtype.itemsize > 1:
            array = array.astype(np.int64)
        elif not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        with warnings.catch_warnings():  # of an array that can't be written to: nothing here writes
            warnings.simplefilter("ignore")
            raw = torch.from_numpy(array)  # shares memory, so that a memory-mapped one stays on disk
    check_dense(raw, name, "give it as a dense array")
    if raw.is_complex():
        raise InputError(f"Expected real numbers in {name} but got {raw.dtype}; give real and imaginary parts.")
    vectors_of_booleans = raw.dtype == torch.bool and raw.numel() != len(raw)
    return raw.float() if raw.dtype in (torch.float16, torch.bfloat16) or vectors_of_booleans else raw


def _categories_as_codes(given: Any) -> Any:
    """Return pandas categories, a Series or not, as their codes; everything else as it is."""
    if type(getattr(given, "dtype", None)).__name__ == "CategoricalDtype":
        codes = np.asarray(getattr(given, "cat", given).codes)  # a Series has them behind .cat
        if (codes < 0).any():  # what pandas gives a missing entry
            raise InputError("Expected a category in each row but some have none; drop those rows.")
        levels = len(np.unique(codes))
        if levels > MOST_LABELS and not given.dtype.ordered:  # codes in an order that means nothing
            raise InputError(
                f"Expected at most {MOST_LABELS} categories but got {levels}; merge the rare ones, or give numbers if "
                "their order means something."
            )
        return codes
    if not hasattr(given, "iloc") or not hasattr(given, "columns"):  # polars has columns too
        return given
    if len(given.columns) == 1:
        return _categories_as_codes(given.iloc[:, 0])
    if all(getattr(dtype, "kind", "O") in "biuf" for dtype in given.dtypes):  # numbers that may be missing, Int64 say
        return given.to_numpy(dtype=np.float64, na_value=np.nan) if np.asarray(given).dtype == object else given
    return given


def _first_not_a_number(given: Any, array: np.ndarray) -> str:
    for column in getattr(given, "columns", []):
        if getattr(given[column].dtype, "kind", "O") not in "biuf":
            return f"column {column!r} of type {given[column].dtype}"
    return f"type {array.dtype}"


def _labels(raw: Tensor) -> Tensor | None:
    """Return the distinct labels of whole numbers ``[n]`` or ``[n, 1]`` with few of them, else None."""
    if raw.is_floating_point() or raw.numel() != len(raw):
        return None
    found = raw.flatten()[: 10 * MOST_LABELS].unique()
    if len(found) > MOST_LABELS:
        return None
    found = raw.flatten().unique()
    return found if len(found) <= MOST_LABELS else None


def _check_finite(raw: Tensor, name: str) -> None:
    if not raw.is_floating_point():
        return
    count, first = 0, None
    for start, piece in pieces(raw):
        bad = ~piece.flatten(1).isfinite()
        if bad.any():
            count += int(bad.sum())
            first = first or [start + int(bad.nonzero()[0, 0]), int(bad.nonzero()[0, 1])]
    if first is not None:
        raise InputError(
            f"Expected finite numbers but {name} has {count} NaN or infinite, the first in row {first[0]}, column "
            f"{first[1]}; drop or fill those rows."
        )


def _check_constant(raw: Tensor, name: str) -> None:
    varies: Any = False
    if raw.ndim == 2:
        for _, piece in pieces(raw):
            varies = varies | (piece != raw[:1]).any(0)
            if varies.all():
                return
        column = int((~varies).nonzero()[0, 0])
        raise InputError(f"Expected columns that vary but column {column} of {name} is constant; drop it.")
    if (raw[: 2**12] == raw[:1]).all() and (raw == raw[:1]).all():
        raise InputError(f"Expected images that vary but those of {name} are all the same; give others.")


def _check_copies(x: Side, z: Side) -> None:
    """Refuse a continuous column of x that rises or falls strictly with one of z: the information is infinite."""
    if x.labels is not None or z.labels is not None or x.raw.ndim != 2 or z.raw.ndim != 2:
        return
    few = [_dense_ranks(side.raw[:500]) for side in (x, z)]
    # a column by its ranks, as bytes: side by side, the columns of two images would take minutes
    places: dict[bytes, list[int]] = {}
    for j, ranks in enumerate(few[1].T):
        if _varies(ranks):
            for found in {_bytes(ranks), _bytes(len(ranks) - 1 - ranks)}:
                places.setdefault(found, []).append(j)
    for i, ranks in enumerate(few[0].T):
        for j in places.get(_bytes(ranks), ()):
            if not _copies(ranks, few[1][:, j]):
                continue
            whole = (_dense_ranks(side.raw[: 2**17, c : c + 1])[:, 0] for side, c in ((x, i), (z, j)))
            if _copies(*whole):
                raise InputError(
                    f"Expected x and z that share finite information but column {i} of x determines column {j} of z, "
                    "and for continuous data the mutual information is then infinite; drop one of them."
                )


def _bytes(ranks: Tensor) -> bytes:
    return ranks.contiguous().numpy().tobytes()


def _dense_ranks(raw: Tensor) -> Tensor:
    """Return the rank of each value in its column, equal values alike."""
    columns = raw.T.contiguous()
    return torch.searchsorted(columns.sort(dim=1).values, columns).T


def _varies(ranks: Tensor) -> bool:
    return len(ranks.unique()) > len(ranks) / 2


def _copies(a: Tensor, b: Tensor) -> bool:
    distinct = len(a.unique())
    return distinct > len(a) / 2 and bool((a == b).all() or (distinct == len(a) and (a == len(a) - 1 - b).all()))
