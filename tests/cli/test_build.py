"""Objects from a config, and values of the wrong type told in one line."""

import copy

import pytest
import torch

from mine_lightning.bounds import FDivergence
from mine_lightning.cli import build, checks, configs
from mine_lightning.errors import InputError
from mine_lightning.networks import ConvStatistics
from mine_lightning.regularizer.callback import MINERegularizer


def resolved(*overrides):
    config = configs.load(configs.find("gan_stacked_mnist"))
    config["trainer"].pop("precision")
    for path, value in overrides:
        configs.override(config, path, value)
    checks.check_names(config)
    return build.resolve(config)


def test_builds_the_term_from_its_block():
    parts = build.instantiate(resolved(("mine.beta", 0.5), ("mine.bound", {"class_path": "FDivergence"})))
    assert isinstance(parts.mine, MINERegularizer)
    assert parts.mine.beta == 0.5
    assert isinstance(parts.mine.bound, FDivergence)
    network = parts.mine.statistics_network((3, 28, 28), (10,))
    assert isinstance(network, ConvStatistics)
    assert isinstance(parts.mine.optimizer(network.parameters()), torch.optim.Adam)


def test_a_pairing_can_be_named():
    pairing = {"class_path": "mine_lightning.pairing.Derangements", "init_args": {"k": 4}}
    assert build.instantiate(resolved(("mine.pairing", pairing))).mine.pairing.k == 4


def test_null_takes_the_term_off():
    assert build.instantiate(resolved(("mine", None))).mine is None


def test_what_is_dumped_builds_the_same():
    first = build.dump(resolved())
    again = copy.deepcopy(first)
    checks.check_names(again)
    assert build.dump(build.resolve(again)) == first


def test_an_argument_that_a_class_lacks_is_named():
    for name, argument in (("StandardisedStatistics", "network"), ("BlurredStatistics", "x_noise")):
        with pytest.raises(InputError) as told:
            resolved(("mine.statistics_network", {"class_path": f"mine_lightning.{name}"}))
        assert str(told.value) == (
            f"Expected {argument} for mine_lightning.{name} but the config has none; give it under init_args."
        )


def test_a_term_that_an_overlay_began_is_told_as_that():
    with pytest.raises(InputError, match=r"Expected x and z and direction under mine but .* leave out the overlay"):
        resolved(("mine", None), ("mine", {"beta": 0.1}))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("trainer.max_epochs", "many", "Expected int for trainer.max_epochs but got 'many'; correct it in the config."),
        ("mine.beta", "strong", "Expected float for mine.beta but got 'strong'; correct it in the config."),
        ("mine.direction", "up", "Expected Literal['maximize', 'minimize'] for mine.direction but got 'up'; correct"),
        (  # a colon without quotes makes a mapping of a YAML word
            "mine.x",
            [{"batch": None}, "output:generator"],
            "Expected str for mine.x but got \"{'batch': None}\"; correct it in the config.",
        ),
        ("data.batch_size", "big", "Expected int for data.batch_size but got 'big'; correct it in the config."),
        (
            "model.generator.width",
            "big",
            "Expected int for model.generator.width but got 'big'; correct it in the config.",
        ),
    ],
)
def test_a_wrong_type_is_told_in_one_sentence(path, value, message):
    with pytest.raises(InputError) as error:
        resolved((path, value))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "name", ["alice_adv_mnist", "gan_stacked_mnist_pacgan", "gan_stacked_mnist_veegan", "ib_mnist_dvb"]
)
def test_the_host_alone_is_that_of_the_whole(name):
    config = configs.load(configs.find(name))
    config["trainer"].pop("precision", None)
    checks.check_names(config)
    ready = build.resolve(config)
    whole, alone = build.instantiate(ready).model, build.host(build.dump(ready)["model"])
    assert type(alone) is type(whole)
    assert {k: v.shape for k, v in alone.state_dict().items()} == {k: v.shape for k, v in whole.state_dict().items()}


def test_a_host_with_a_value_that_does_not_fit_is_told_and_its_section_stays_as_it_is():
    node = copy.deepcopy(configs.load(configs.find("gan_stacked_mnist"))["model"])
    node["init_args"]["generator"]["init_args"]["width"] = "big"
    before = copy.deepcopy(node)
    with pytest.raises(InputError, match=r"Expected int for model\.generator\.width but got 'big'"):
        build.host(node)
    assert node == before
