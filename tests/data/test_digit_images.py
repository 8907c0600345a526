"""Which digits are used, in which order they are looked for, and what they are called."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from mine_lightning.data.digit_images import _download, cache_folder, load_digit_images
from mine_lightning.errors import InputError


def write_mnist(folder, n=4, **changes):
    """Write a tiny data set in MNIST's files."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "t10k"):
        parts = {
            "images-idx3": torch.zeros(n, 28, 28, dtype=torch.uint8),
            "labels-idx1": torch.zeros(n, dtype=torch.uint8),
        }
        for name, array in parts.items():
            array = changes.get(f"{split}_{name[:6]}", array)
            header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
            (folder / f"{split}-{name}-ubyte").write_bytes(header + array.numpy().tobytes())


def test_real_mnist_is_found_and_whole(mnist_root):
    digits = load_digit_images(mnist_root)
    assert digits.name == "mnist"
    assert digits.train_images.shape == (60_000, 28, 28)
    assert digits.test_images.shape == (10_000, 28, 28)
    assert digits.train_labels[:5].tolist() == [5, 0, 4, 1, 9]


@pytest.mark.parametrize("inside", ["", "MNIST/raw"])
def test_root_may_be_torchvisions_or_hold_the_files(tmp_path, inside):
    write_mnist(tmp_path / inside)
    assert len(load_digit_images(tmp_path).train_labels) == 4


def test_what_comes_in_mnists_files_but_is_not_mnist_has_a_name_of_its_own(tmp_path):
    write_mnist(tmp_path / "a")
    write_mnist(tmp_path / "b", t10k_images=torch.ones(4, 28, 28, dtype=torch.uint8))
    first, again, second = (load_digit_images(tmp_path / folder).name for folder in "aab")
    assert first.startswith("mnist-like-")
    assert first == again != second


def test_the_environment_names_the_root(tmp_path, monkeypatch):
    write_mnist(tmp_path)
    monkeypatch.setenv("MINE_LIGHTNING_DATA", str(tmp_path))
    assert len(load_digit_images().train_labels) == 4


def test_without_mnist_the_bundled_digits_serve_under_their_own_name(caplog):
    caplog.set_level("INFO")
    digits = load_digit_images()
    assert digits.name == "sklearn-digits"
    assert "calls its data set 'sklearn-digits'" in caplog.text
    assert len(digits.train_labels) + len(digits.test_labels) == 1797
    assert digits.train_images.shape[1:] == (28, 28)
    assert digits.train_images.dtype == torch.uint8
    assert digits.train_images.max() > 200
    assert set(digits.test_labels.tolist()) == set(range(10))


def test_a_folder_that_was_named_is_never_replaced(tmp_path):
    with pytest.raises(InputError, match=r"the folder that data\.root names, but they are not there"):
        load_digit_images(tmp_path)


def test_the_last_step_can_be_forbidden():
    with pytest.raises(InputError, match="Expected MNIST but it can't be downloaded"):
        load_digit_images(allow_bundled=False)


def test_one_process_downloads_for_all_and_a_part_does_not_pass_for_the_whole(tmp_path, monkeypatch):
    asked = []

    def slow(root, download):
        asked.append(root)
        write_mnist(Path(root) / "MNIST" / "raw")
        time.sleep(0.3)
        if len(asked) == 1:
            raise RuntimeError("every mirror failed")

    monkeypatch.setattr("torchvision.datasets.MNIST", slow)
    assert _download(tmp_path) is None
    assert not list(tmp_path.rglob("*ubyte"))
    with ThreadPoolExecutor() as several:
        found = list(several.map(_download, [tmp_path] * 3))
    assert found == [tmp_path / "MNIST" / "raw"] * 3
    assert len(asked) == 2
    assert len(load_digit_images(tmp_path).train_labels) == 4
    monkeypatch.setattr("torchvision.datasets.MNIST", None)
    (tmp_path / "file").touch()
    assert _download(tmp_path / "file") is None  # no place to keep it


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("MINE_LIGHTNING_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == Path.home() / ".cache" / "mine_lightning"


def test_wrong_sizes_are_told(tmp_path):
    write_mnist(tmp_path, train_images=torch.zeros(3, 28, 28, dtype=torch.uint8))
    with pytest.raises(InputError, match=r"as many as labels, .* but got \[3, 28, 28\] and 4 labels"):
        load_digit_images(tmp_path)
