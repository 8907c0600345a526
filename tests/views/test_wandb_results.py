"""A run's result inside its W&B run: a table and a chart, in the files that W&B keeps of them."""

import json

from pytorch_lightning.loggers import CSVLogger, WandbLogger

from mine_lightning.views.wandb_results import log_results


def files(path, name):
    return [json.loads(file.read_text()) for file in path.rglob(f"{name}*.table.json")]


def log(path, counts):
    logger = WandbLogger(save_dir=path, mode="offline", project="p")
    other = CSVLogger(path / "csv")
    log_results([other, logger], ("metric", "this run"), [("modes", "3"), ("kl", "0.5")], counts, step=500)
    logger.experiment.finish()
    return path / "wandb"


def test_the_result_is_a_table(tmp_path):
    (table,) = files(log(tmp_path, None), "results")
    assert table["columns"] == ["metric", "this run"]
    assert table["data"] == [["modes", "3"], ["kl", "0.5"]]
    assert files(tmp_path, "samples_per_mode") == []


def test_samples_per_mode_are_those_of_the_last_evaluation(tmp_path):
    (table,) = files(log(tmp_path, [4, 0, 2]), "samples_per_mode")
    assert table["data"] == [[0, 4], [1, 0], [2, 2]]


def test_without_wandb_nothing_is_logged(tmp_path):
    log_results([CSVLogger(tmp_path)], ("metric",), [("modes",)], [1], step=1)
    assert list(tmp_path.iterdir()) == []
