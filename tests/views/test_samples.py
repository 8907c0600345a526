"""Sample grids: pixels that are there, on the step that they belong to."""

import torch
from cases import tiny_gan, trainer
from PIL import Image
from torch.utils.data import DataLoader

from mine_lightning.views.samples import SampleGrid, image_grid


def test_grid_holds_the_images_pixels():
    images = torch.full((3, 3, 4, 4), -1.0)
    images[1] = 1.0
    images[2] = 0.0
    grid = image_grid(images, columns=2, gap=1)
    assert grid.dtype == torch.uint8
    assert grid.shape == (2 * 5 + 1, 2 * 5 + 1, 3)
    assert grid[1:5, 1:5].unique().tolist() == [0]
    assert grid[1:5, 6:10].unique().tolist() == [255]
    assert grid[6:10, 1:5].unique().tolist() == [128]


def test_one_picture_an_evaluation_named_by_its_batches(tmp_path):
    images = torch.rand(32, 3, 8, 8)
    trainer(tmp_path, SampleGrid(tmp_path, count=4), max_epochs=2).fit(
        tiny_gan(), DataLoader(images, 8), DataLoader(images, 16)
    )
    # four batches an epoch: the GAN's two optimizers, which trainer.global_step counts, change nothing
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["step-000004.png", "step-000008.png"]
    low, high = Image.open(tmp_path / "step-000008.png").convert("L").crop((2, 2, 8, 8)).getextrema()
    assert low < high


def test_points_make_no_grid(tmp_path):
    callback = SampleGrid(tmp_path)

    class Run:
        sanity_checking, is_global_zero, loggers = False, True, []
        fit_loop = type("Loop", (), {"total_batch_idx": 3})()

    callback.on_validation_batch_end(Run(), None, {"samples": torch.randn(5, 2)}, None, 0)
    callback.on_validation_batch_end(Run(), None, {"losses": 1}, None, 0)
    callback.on_validation_batch_end(Run(), None, {"samples": torch.rand(5, 5, 4, 4)}, None, 0)  # of five channels
    assert not list(tmp_path.iterdir())
    callback.on_validation_batch_end(Run(), None, {"samples": torch.rand(5, 3, 4, 4)}, None, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000004.png"]
