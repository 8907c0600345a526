"""What was typed is what is understood."""

import pytest

from mine_lightning.cli.arguments import parse
from mine_lightning.errors import InputError


def test_configs_and_overrides_keep_their_order():
    request = parse(["--config", "a", "--mine.beta=1e-3", "-c", "b.yaml", "--mine", "null", "--seed", "3"])
    assert request.configs == ["a", "b.yaml"]
    assert request.overrides == [("mine.beta", 0.001), ("mine", None), ("seed_everything", 3)]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("0.5", 0.5), ("3", 3), ("[1, 2]", [1, 2]), ("true", True), ("relu", "relu"), ("null", None)],
)
def test_values_are_yaml(text, value):
    assert parse(["--config", "a", "--x", text]).overrides == [("x", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [("{0: 0.0, 2: 1.0}", {0: 0, 2: 1}), ("{0:0.0,2:1.0}", {0: 0, 2: 1}), ("{0:1e-3, 1.5:.5}", {0: 0.001, 1.5: 0.5})],
)
def test_beta_over_epochs_needs_no_spaces(text, value):
    assert parse(["--config", "a", "--mine.beta", text]).overrides == [("mine.beta", value)]


@pytest.mark.parametrize("folder", ["runs #2", "5", "a: b", "null", "~/runs"])
def test_output_is_a_path_and_no_yaml(folder):
    assert parse(["--output", folder]).overrides == [("output", folder)]


@pytest.mark.parametrize("key", ["data.path", "data.root", "data.init_args.root"])
def test_paths_of_data_are_no_yaml(key):
    assert parse([f"--{key}", "my pairs #2.npy"]).overrides == [(key, "my pairs #2.npy")]
    assert parse([f"--{key}", "null"]).overrides == [(key, None)]


@pytest.mark.parametrize("text", ["[batch:, output:generator]", '["batch:", output:generator]'])
def test_the_whole_batch_in_a_list_needs_no_quotes(text):
    assert parse(["--mine.x", text]).overrides == [("mine.x", ["batch:", "output:generator"])]


def test_flags():
    assert parse(["--resume", "runs/a"]).resume == "runs/a"
    assert parse(["--config", "a", "--print_config"]).print_config
    assert parse(["-h"]).help
    assert parse([]).configs == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "--config", "a"], "got the word 'fit'; there are no subcommands"),
        (["--config"], "Expected a value after --config"),
        (["--resume", "a", "--mine", "null"], "a resumed run keeps its config"),
        (["--config", "a", "--x", "[1"], "Expected YAML after --x"),
    ],
)
def test_what_makes_no_sense_is_told(words, message):
    with pytest.raises(InputError, match=message):
        parse(words)
