"""Every name that does not exist is told, with the nearest that does."""

import pytest

from mine_lightning.cli import configs
from mine_lightning.cli.checks import check_names
from mine_lightning.errors import InputError


def shipped():
    return configs.load(configs.find("gan_stacked_mnist"))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("trainr", {}, r"one of the keys of the config but got 'trainr'; did you mean 'trainer'\?"),
        ("trainer.max_epoch", 3, r"keys of trainer but got 'max_epoch'; did you mean 'max_epochs'\?"),
        ("mine.betta", 3, r"keys of mine but got 'betta'; did you mean 'beta'\?"),
        ("data.batchsize", 3, r"keys of data but got 'batchsize'; did you mean 'batch_size'\?"),
        ("model.generator.widht", 3, r"keys of model.generator but got 'widht'; did you mean 'width'\?"),
        ("model.class_path", "mine_lightning.DCGANN", r"no 'mine_lightning.DCGANN'; did you mean 'DCGAN'\?"),
        ("model.class_path", "DCGANN", r"no 'DCGANN'; did you mean 'DCGAN'\?"),
        ("model.class_path", "nowhere.DCGAN", "there is no module 'nowhere'"),
        ("model.class_path", "lightning.pytorch.LightningModule", "Expected model to be a class of pytorch_lightning"),
        ("model", None, "Expected model to have a class_path but got None"),
        ("trainer.callbacks", [{"class_path": "ModeCoverag"}], r"no 'ModeCoverag'; did you mean 'ModeCoverage'\?"),
        (
            "trainer.callbacks",
            [{"class_path": "lightning.pytorch.callbacks.EarlyStopping"}],
            r"callbacks\[0\] to be a class of pytorch_lightning",
        ),
        ("mine.statistics_network.hiden", 3, r"keys of mine.statistics_network .* did you mean 'hidden'\?"),
    ],
)
def test_unknown_names(path, value, message):
    config = shipped()
    if path.endswith("class_path"):
        config["model"]["class_path"] = value
    else:
        configs.override(config, path, value)
    with pytest.raises(InputError, match=message):
        check_names(config)


def test_short_class_names_are_written_out():
    config = shipped()
    config["model"]["class_path"] = "DCGAN"
    config["trainer"]["callbacks"] = [{"class_path": "EarlyStopping", "init_args": {"monitor": "val/kl"}}]
    check_names(config)
    assert config["model"]["class_path"] == "mine_lightning.hosts.dcgan.DCGAN"
    assert config["trainer"]["callbacks"][0]["class_path"] == "pytorch_lightning.callbacks.early_stopping.EarlyStopping"


def test_the_term_may_be_absent():
    config = shipped()
    del config["mine"]
    check_names(config)
