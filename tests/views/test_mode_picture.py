"""The map of modes in pixels: the same places and shades as on the page."""

from types import SimpleNamespace

import torch

from mine_lightning.views.mode_map import CELL
from mine_lightning.views.mode_picture import ModePictures, mode_picture


def test_each_mode_is_a_square_at_its_place():
    counts = [0] * 1000
    counts[123] = 1000
    picture = mode_picture(counts)
    assert picture.dtype == torch.uint8
    x, y = 94 + 3 * CELL, 2 * CELL  # block 1 of the first row; in it row 2, column 3
    middle = CELL // 2
    assert picture[2 * (y + middle), 2 * (x + middle)].tolist() == [13, 43, 84]
    red = (picture == torch.tensor([194, 50, 50], dtype=torch.uint8)).all(2)
    # frames two pixels wide in squares of 14
    assert red.sum() == 999 * (14 * 14 - 10 * 10)
    assert not red[2 * y : 2 * (y + CELL), 2 * x : 2 * (x + CELL)].any()


def test_few_modes_fill_a_rectangle():
    assert mode_picture([4] * 25).shape == (5 * CELL * 2, 5 * CELL * 2, 3)
    assert mode_picture([0] * 7).shape == (CELL * 2, 7 * CELL * 2, 3)


class Log:
    def __init__(self):
        self.images = []

    def log_image(self, key, images, step):
        self.images.append((key, images[0].shape, step))


def evaluate(counts, **trainer):
    log = Log()
    defaults = {
        "sanity_checking": False,
        "is_global_zero": True,
        "callbacks": [SimpleNamespace(mode_counts=counts)],
        "loggers": [object(), log],
        "fit_loop": SimpleNamespace(total_batch_idx=499),
    }
    ModePictures().on_validation_end(SimpleNamespace(**defaults | trainer), None)
    return log.images


def test_an_evaluation_is_one_picture_at_its_step():
    assert evaluate(torch.tensor([1, 0, 2, 3])) == [("modes", (32, 32, 3), 499)]


def test_nothing_without_modes_in_a_sanity_check_or_by_another_process():
    assert evaluate(None) == []
    assert evaluate(torch.ones(4), sanity_checking=True) == []
    assert evaluate(torch.ones(4), is_global_zero=False) == []
