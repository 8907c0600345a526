"""Which batches are drawn, and under which step."""

from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from mine_lightning.views.evaluation_pictures import EvaluationPictures


class Red(EvaluationPictures):
    def draw(self, found, batch, host):
        if found.ndim != 2:
            return None
        return torch.tensor([255, 0, 0], dtype=torch.uint8).expand(4, 5, 3)


class Log:
    def __init__(self):
        self.seen = []

    def log_image(self, key, images, step):
        self.seen.append((key, images[0].shape, step))


def evaluate(folder, outputs, batch_idx=0, log=None, **trainer):
    folder.mkdir(exist_ok=True)
    defaults = {"sanity_checking": False, "is_global_zero": True, "loggers": [log or Log(), object()]}
    run = SimpleNamespace(fit_loop=SimpleNamespace(total_batch_idx=1499), **{**defaults, **trainer})
    Red(folder).on_validation_batch_end(run, None, outputs, None, batch_idx)
    return sorted(path.name for path in folder.iterdir())


def test_the_picture_is_written_and_logged_under_its_step(tmp_path):
    log = Log()
    assert evaluate(tmp_path, {"samples": torch.zeros(2, 2)}, log=log) == ["step-001500.png"]
    assert log.seen == [("samples", (4, 5, 3), 1499)]
    assert Image.open(tmp_path / "step-001500.png").getpixel((0, 0)) == (255, 0, 0)


def test_another_output_goes_under_its_own_title(tmp_path, monkeypatch):
    monkeypatch.setattr(Red, "output", "code")
    monkeypatch.setattr(Red, "title", "codes")
    log = Log()
    assert evaluate(tmp_path, {"code": torch.zeros(2, 2)}, log=log) == ["codes-step-001500.png"]
    assert log.seen == [("codes", (4, 5, 3), 1499)]
    assert evaluate((tmp_path / "none"), {"samples": torch.zeros(2, 2)}) == []


@pytest.mark.parametrize(
    ("outputs", "arguments"),
    [
        (None, {}),
        ({}, {}),
        ({"samples": "none"}, {}),
        ({"samples": torch.zeros(2)}, {}),
        ({"samples": torch.zeros(2, 2)}, {"batch_idx": 1}),
        ({"samples": torch.zeros(2, 2)}, {"sanity_checking": True}),
        ({"samples": torch.zeros(2, 2)}, {"is_global_zero": False}),
    ],
)
def test_nothing_else_is_drawn(tmp_path, outputs, arguments):
    assert evaluate(tmp_path, outputs, **arguments) == []
