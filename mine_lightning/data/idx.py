"""The IDX file format of MNIST: a magic number, the size of each axis, then bytes."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mine_lightning.errors import InputError

__all__ = ["read_idx"]


def read_idx(path: Path, axes: int) -> Tensor:
    """Read an IDX file of unsigned bytes, plain or gzipped, as a uint8 tensor.

    Args:
        path: the file.
        axes: expected number of axes: 3 for images, 1 for labels.

    Raises:
        InputError: if it is not such a file, or is cut off.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"Expected an IDX file at {path} but it can't be read ({error}); replace it.") from error
    header = 4 + 4 * axes
    if len(data) < header or data[:3] != b"\x00\x00\x08" or data[3] != axes:
        raise InputError(
            f"Expected an IDX file of unsigned bytes with {axes} axes at {path} but it starts with "
            f"{data[:4].hex(' ') or 'nothing'}; replace it with MNIST's own file."
        )
    sizes = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    if len(data) != header + math.prod(sizes):
        raise InputError(
            f"Expected {header + math.prod(sizes):,} bytes in {path}, as its header says "
            f"({' x '.join(map(str, sizes))}), "
            f"but it has {len(data):,}; the file is cut off or damaged, replace it."
        )
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=header).reshape(sizes).copy())
