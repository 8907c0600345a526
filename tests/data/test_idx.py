"""IDX files: read right, and refused with the path and what was expected."""

import gzip

import pytest
import torch

from mine_lightning.data.idx import read_idx
from mine_lightning.errors import InputError


def idx(array: torch.Tensor) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.numpy().tobytes()


IMAGES = torch.arange(2 * 3 * 4, dtype=torch.uint8).view(2, 3, 4)


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_reads_plain_and_gzipped(tmp_path, name):
    data = idx(IMAGES)
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert torch.equal(read_idx(tmp_path / name, axes=3), IMAGES)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (idx(IMAGES)[:-1], r"Expected 40 bytes .*2 x 3 x 4\), but it has 39; the file is cut off"),
        (idx(IMAGES) + b"0", "but it has 41"),
        (idx(IMAGES)[:5], "Expected an IDX file of unsigned bytes with 3 axes"),
        (b"<html>not found</html>", "it starts with 3c 68 74 6d"),
        (b"", "it starts with nothing"),
        (idx(IMAGES.view(-1)), "with 3 axes"),
    ],
)
def test_refuses_what_is_no_such_file(tmp_path, data, message):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as error:
        read_idx(path, axes=3)
    assert str(path) in str(error.value)


def test_a_damaged_gzip_is_told(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(idx(IMAGES))[:20])
    with pytest.raises(InputError, match="can't be read"):
        read_idx(tmp_path / "a.gz", axes=3)
    whole = gzip.compress(idx(IMAGES))
    (tmp_path / "b.gz").write_bytes(whole[:12] + bytes(byte ^ 255 for byte in whole[12:20]) + whole[20:])
    with pytest.raises(InputError, match="can't be read"):
        read_idx(tmp_path / "b.gz", axes=3)
