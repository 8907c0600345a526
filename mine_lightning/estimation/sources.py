"""Pairs from a file: .npy (memory-mapped), .npz, .csv or .parquet, columns by number or by name."""

from __future__ import annotations

import difflib
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mine_lightning.errors import InputError, expanded

__all__ = ["Columns", "read_file"]

_OF_ARCHIVES = (zipfile.BadZipFile, zlib.error)

Columns = int | str | Sequence[int] | Sequence[str] | None
"""One column or several, by number (.npy) or name (.csv, .parquet, .npz); None where there is no choice."""


def read_file(path: str | Path, x: Columns = None, z: Columns = None) -> tuple[Any, Any]:
    """Return x and z from a file, for :func:`mine_lightning.estimate_mi`.

    A .npy stays on disk where the columns of a side lie beside each other. A .parquet is copied, one group of rows at
    a time, into a memory-mapped temporary file, so that its size does not matter; a .csv is read as a whole.

    Args:
        path: the file.
        x: its columns that are x. A .npy with two columns needs none; an .npz has the arrays ``x`` and ``z`` by
            default, one for each side.
        z: those that are z.

    Raises:
        InputError: if there is no such file, it can't be read, or has no such column.
    """
    path = expanded(path)
    readers = {".npy": _npy, ".npz": _npz, ".csv": _csv, ".parquet": _parquet}
    if path.suffix not in readers:
        raise InputError(f"Expected a file of pairs in {', '.join(readers)} but got {str(path)!r}; convert it.")
    if not path.is_file():
        raise InputError(f"Expected a file of pairs but there is no {str(path)!r}; check the path.")
    try:
        return readers[path.suffix](path, x, z)
    except ImportError as error:
        raise InputError(f"Expected {error.name} for reading {path.suffix} but it is missing; install it.") from error
    except (OSError, EOFError, ValueError, TypeError, SyntaxError, tokenize.TokenError, *_OF_ARCHIVES) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"Expected pairs in {path} but it can't be read: {' '.join(str(error).split())}") from error


def _npy(path: Path, x: Columns, z: Columns) -> tuple[Any, Any]:
    array = np.load(path, mmap_mode="c")
    if array.dtype.names:
        return _by_name(array, x, array.dtype.names, path, "x"), _by_name(array, z, array.dtype.names, path, "z")
    if array.ndim != 2:
        raise InputError(f"Expected rows of columns in {path} but got shape {list(array.shape)}; save [n, columns].")
    if array.shape[1] == 2 and x is None and z is None:
        x, z = 0, 1
    return _by_number(array, x, path, "x"), _by_number(array, z, path, "z")


def _by_number(array: np.ndarray, columns: Columns, path: Path, side: str) -> np.ndarray:
    wanted: list[Any] = list(columns) if isinstance(columns, (list, tuple)) else [] if columns is None else [columns]
    known = array.shape[1]
    if not wanted or not all(isinstance(column, int) and 0 <= column < known for column in wanted):
        raise InputError(
            f"Expected {side} as column numbers from 0 to {known - 1} of {path} but got {columns!r}; "
            f"give --data.{side} 0 or --data.{side} [0,1]."
        )
    first = wanted[0]
    if wanted == list(range(first, first + len(wanted))):
        return array[:, first : first + len(wanted)]  # a view, which stays on disk
    return array[:, wanted]


def _by_name(table: Any, columns: Columns, known: Sequence[str], path: Path, side: str) -> Any:
    wanted = _names(columns, known, path, side)
    return np.stack([table[name] for name in wanted], axis=1)


def _names(columns: Columns, known: Sequence[str], path: Path, side: str) -> list[str]:
    wanted = [columns] if isinstance(columns, str) else list(columns if isinstance(columns, Sequence) else [])
    if not wanted:
        raise InputError(
            f"Expected {side} as one or more columns of {path} but got {columns!r}; it has {', '.join(known)}."
        )
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4) or known
            raise InputError(
                f"Expected {side} as columns of {path} but it has no {name!r}; nearest: {', '.join(near)}."
            )
    return [str(name) for name in wanted]


def _npz(path: Path, x: Columns, z: Columns) -> tuple[Any, Any]:
    with np.load(path) as arrays:
        names = [_names(side or default, arrays.files, path, default) for side, default in ((x, "x"), (z, "z"))]
        for side, wanted in zip("xz", names, strict=True):
            if len(wanted) > 1:
                raise InputError(
                    f"Expected one array of {path} as {side} but got {', '.join(wanted)}; join them in it."
                )
        left, right = (arrays[wanted[0]] for wanted in names)
    return left, right


def _csv(path: Path, x: Columns, z: Columns) -> tuple[Any, Any]:
    import pandas

    known = list(pandas.read_csv(path, nrows=0).columns)
    names = _names(x, known, path, "x"), _names(z, known, path, "z")
    table = pandas.read_csv(path, usecols=sorted({*names[0], *names[1]}))
    return table[names[0]], table[names[1]]


def _parquet(path: Path, x: Columns, z: Columns) -> tuple[Any, Any]:
    from pyarrow import ArrowInvalid
    from pyarrow.parquet import ParquetFile

    try:
        file = ParquetFile(path)
    except ArrowInvalid as error:
        raise InputError(f"Expected a Parquet file in {path} but {' '.join(str(error).split())}") from error
    names = _names(x, file.schema_arrow.names, path, "x"), _names(z, file.schema_arrow.names, path, "z")
    left, right = (_column_types(file, side, path) for side in names)
    n, row = file.metadata.num_rows, 0
    # deleted once it is closed, which on Unix may be before it has been read
    with tempfile.TemporaryFile() as storage:
        whole = [
            np.memmap(storage, kind, "w+", offset=offset, shape=(n, len(side)))
            for kind, offset, side in ((left, 0, names[0]), (right, _page(n * len(names[0]) * left.itemsize), names[1]))
        ]
    for batch in file.iter_batches(columns=sorted({*names[0], *names[1]})):
        for array, side in zip(whole, names, strict=True):
            for j, name in enumerate(side):
                if batch.column(name).null_count:  # as a whole number it would become one
                    raise InputError(
                        f"Expected a value in each row of {path} but column {name!r} has none in some; drop them."
                    )
                array[row : row + len(batch), j] = batch.column(name).to_numpy(zero_copy_only=False)
        row += len(batch)
    return whole[0], whole[1]


def _page(size: int) -> int:
    """Return a size rounded up to a multiple that a memory map may start at."""
    return -(-size // 65536) * 65536


def _column_types(file: Any, names: list[str], path: Path) -> np.dtype:
    import pyarrow.types as types

    kinds = [file.schema_arrow.field(name).type for name in names]
    for name, kind in zip(names, kinds, strict=True):
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
            raise InputError(f"Expected numbers in {path} but column {name!r} is {kind}; encode it as numbers.")
    return np.result_type(*(np.dtype(kind.to_pandas_dtype()) for kind in kinds))
