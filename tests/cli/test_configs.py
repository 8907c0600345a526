"""Finding, merging, overriding and hashing; every shipped config fits its classes."""

import copy
import fnmatch

import pytest
import yaml

from mine_lightning.cli import build, checks, configs
from mine_lightning.errors import InputError
from mine_lightning.results.sections import BETAS

# an estimate of the information in a file has no model: tests/cli/test_estimates.py
TRAINED = [path for path in configs.shipped() if "trainer" in configs.load(path)]

A = {"model": {"class_path": "A", "init_args": {"x": 1, "y": {"z": 2}}}, "trainer": {"max_epochs": 3}}


def test_later_wins_key_by_key_and_inputs_stay():
    before = copy.deepcopy(A)
    merged = configs.merge(A, {"model": {"init_args": {"y": {"z": 5}}}, "mine": None})
    assert merged["model"] == {"class_path": "A", "init_args": {"x": 1, "y": {"z": 5}}}
    assert merged["mine"] is None
    assert before == A


def test_null_takes_off_and_a_list_replaces():
    assert configs.merge({"a": {"b": 1}, "l": [1, 2]}, {"a": None, "l": [3]}) == {"a": None, "l": [3]}


def test_another_class_drops_the_old_ones_arguments():
    assert configs.merge(A, {"model": {"class_path": "B"}})["model"] == {"class_path": "B"}
    assert configs.merge(A, {"model": {"class_path": "A"}})["model"]["init_args"]["x"] == 1


def test_override_of_a_class_drops_the_old_ones_arguments():
    config = copy.deepcopy(A)
    configs.override(config, "model.class_path", "B")
    assert config["model"] == {"class_path": "B"}


@pytest.mark.parametrize("path", ["model.x", "model.init_args.x"])
def test_override_finds_init_args(path):
    config = copy.deepcopy(A)
    configs.override(config, path, 9)
    assert config["model"]["init_args"]["x"] == 9


def test_override_makes_keys_that_are_not_there_yet():
    config = {}
    configs.override(config, "trainer.max_epochs", 2)
    assert config == {"trainer": {"max_epochs": 2}}


@pytest.mark.parametrize("text", ["{0: 1, 3: 0.0}", '{"0": 1, "3": 0.0}', "{0.0: 1, 3e0: 0.0}"])
def test_what_runs_over_numbers_is_one_value(text):
    config = {"mine": {"beta": {0.0: 0.0, 2.0: 1.0}}}
    configs.override(config, "mine.beta", configs.parse_yaml(text))
    assert config == {"mine": {"beta": {0.0: 1, 3.0: 0.0}}}
    assert configs.merge({"mine": {"beta": 1.0}}, config) == config
    with pytest.raises(InputError, match="set 'beta' as a whole"):
        configs.override(config, "mine.beta.2", 0.5)


def test_override_through_null_is_told():
    with pytest.raises(InputError, match="'mine' in it is None and has none"):
        configs.override({"mine": None}, "mine.beta", 1.0)


def test_bare_names_are_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("gan_stacked_mnist", "gan_stacked_mnist.yaml"):
        assert configs.find(name) == configs.CONFIGS / "gan_stacked_mnist.yaml"
    (tmp_path / "gan_stacked_mnist.yaml").write_text("trainer: {}")
    assert configs.find("gan_stacked_mnist.yaml").resolve() == tmp_path / "gan_stacked_mnist.yaml"


def test_an_unknown_name_lists_the_nearest():
    with pytest.raises(InputError, match=r"there is no 'gan_stackd_mnist.yaml'; nearest: gan_stacked_mnist,"):
        configs.find("gan_stackd_mnist.yaml")


@pytest.mark.parametrize(
    ("text", "message"), [("a: [1", "it can't be read"), ("- 1", "but got list"), ("", "NoneType")]
)
def test_what_is_no_config_is_told(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        configs.load(tmp_path / "a.yaml")


def test_a_base_is_what_a_file_is_merged_into(tmp_path):
    (tmp_path / "lowest.yaml").write_text("a: {x: 1, y: 2}\nb: 3")
    (tmp_path / "middle.yaml").write_text(f"base: {tmp_path / 'lowest.yaml'}\na: {{y: 4}}")
    (tmp_path / "top.yaml").write_text(f"base: {tmp_path / 'middle'}\nb: null")
    assert configs.load(tmp_path / "top.yaml") == {"a": {"x": 1, "y": 4}, "b": None}


def test_a_base_may_leave_the_class_open():
    base = {"model": {"init_args": {"x": 1, "y": 2}}}
    row = {"model": {"class_path": "A", "init_args": {"y": 3}}}
    assert configs.merge(base, row) == {"model": {"class_path": "A", "init_args": {"x": 1, "y": 3}}}
    other = {"model": {"class_path": "B", "init_args": {"z": 4}}}
    assert configs.merge(configs.merge(base, row), other) == other


def test_a_base_is_found_like_any_config_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("base: ib_mnist_mine_additive\nmine: {beta: 0.5}")
    config = configs.load(configs.find("mine"))
    assert (config["mine"]["beta"], config["mine"]["z"]) == (0.5, "input:decoder")
    assert "base" not in config


def test_a_base_lies_beside_the_file_that_names_it_and_may_have_its_name(tmp_path):
    (tmp_path / "lowest.yaml").write_text("a: 1")
    (tmp_path / "top.yaml").write_text("base: lowest\nb: 2")
    assert configs.load(tmp_path / "top.yaml") == {"a": 1, "b": 2}
    (tmp_path / "ib_mnist_dvb.yaml").write_text("base: ib_mnist_dvb\nprotocol: own")
    shipped = configs.load(configs.find("ib_mnist_dvb"))
    assert configs.load(tmp_path / "ib_mnist_dvb.yaml") == {**shipped, "protocol": "own"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: a", "there is no 'a'"),  # a file is not its own base
        ("base: b", "leads back"),
        ("base: 3", "to name a config but got 3"),
        ("base: nil", "there is no"),
    ],
)
def test_a_base_that_is_none_is_told(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text("base: a")
    with pytest.raises(InputError, match=message):
        configs.load(tmp_path / "a.yaml")


def test_numbers_may_be_written_as_people_do(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 1e-3\nb: 2E5\nc: 1.5e-2\nd: e5")
    assert configs.load(tmp_path / "a.yaml") == {"a": 0.001, "b": 2e5, "c": 0.015, "d": "e5"}


def test_the_whole_batch_in_a_list_needs_no_quotes_in_a_file_either(tmp_path):
    (tmp_path / "a.yaml").write_text("mine:\n  x: [batch:, 'output:g']\n  z:\n    - batch:\n    - input:g\na: {b: }")
    loaded = configs.load(tmp_path / "a.yaml")
    assert loaded == {"mine": {"x": ["batch:", "output:g"], "z": ["batch:", "input:g"]}, "a": {"b": None}}


def hash_of(*overrides, config="gan_stacked_mnist"):
    config = configs.load(configs.find(config))
    for path, value in overrides:
        configs.override(config, path, value)
    checks.check_names(config)
    plain = copy.deepcopy(config)
    plain["trainer"].pop("precision")
    return configs.config_hash(config, build.dump(build.resolve(plain)))


def test_hash_stands_for_what_is_computed():
    base = hash_of()
    assert hash_of(("seed_everything", 4), ("output", "x"), ("trainer.devices", 2), ("data.root", "/a")) == base
    elsewhere = [
        *(("trainer.precision", "32-true"), ("trainer.accelerator", "cpu"), ("trainer.strategy", "auto")),
        *(("trainer.num_nodes", 1), ("trainer.logger", False), ("trainer.enable_progress_bar", False)),
        ("data.allow_bundled", False),
    ]
    assert hash_of(*elsewhere) == base
    changes = [("trainer.max_epochs", 4), ("mine.beta", 0.5), ("model.optimizer_g.lr", 1e-4), ("mine.t_steps", 2)]
    changes += [("data.seed", 5), ("mine.seed", 5)]  # with one of these it is not the run of seed_everything
    assert len({base, *(hash_of(change) for change in changes)}) == 7


def test_hash_does_not_tell_by_how_many_workers_images_are_decoded():
    base, *same = (
        hash_of(*changes, config="ali_celeba")
        for changes in ([], [("data.workers", 4)], [("data.cache", False)], [("data.root", "/a")])
    )
    assert set(same) == {base}
    assert hash_of(("data.batch_size", 7), config="ali_celeba") != base


def test_hash_counts_our_defaults_and_not_those_of_torch():
    base = hash_of()
    assert hash_of(("mine.t_steps", 1)) == base  # the default, written out
    config = configs.load(configs.find("gan_stacked_mnist"))
    plain = copy.deepcopy(config)
    plain["trainer"].pop("precision")
    checks.check_names(plain)
    resolved = build.dump(build.resolve(plain))
    resolved["model"]["init_args"]["optimizer_g"]["init_args"]["an_argument_of_the_next_torch"] = True
    assert configs.config_hash(config, resolved) == base


def test_hash_does_not_count_an_argument_that_is_none_but_for_the_trainers():
    hashes = [
        configs.config_hash({"trainer": trainer}, {"model": {"init_args": arguments}, "trainer": {"logger": None}})
        for arguments, trainer in [
            ({"a": 1}, {}),
            ({"a": 1, "b": None}, {}),
            ({"a": 1, "b": 2}, {}),
            ({"a": 1}, {"logger": None}),
        ]
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_hash_counts_keywords_of_a_users_class():
    node = {"class_path": "models.Net", "init_args": {"a": 1}}
    hashes = {
        configs.config_hash({"model": node | more}, {"model": node | more})
        for more in ({}, *({"dict_kwargs": {"b": b}} for b in (1, 2)))
    }
    assert len(hashes) == 3


def test_hash_does_not_tell_where_a_class_is_found():
    base = hash_of()
    spelled = "mine_lightning.networks.discriminators.ConvDiscriminator"
    assert configs.find("gan_stacked_mnist").read_text().count("class_path: mine_lightning.networks.ConvDiscriminator")
    assert hash_of(("model.discriminator", {"class_path": spelled, "init_args": {"width": 32}})) == base
    assert hash_of(("model.optimizer_g.class_path", "torch.optim.sgd.SGD")) != base
    paths = ("torch.optim.adam.Adam", "torch.optim.Adam", "models.v1.Net", "models.v2.Net")
    hashes = [configs.config_hash({}, {"model": {"class_path": path}}) for path in paths]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_every_shipped_config_is_described_and_fits_its_classes(path):
    assert configs.describe(path)
    config = configs.load(path)
    checks.check_names(config)
    config["trainer"].pop("precision")
    parts = build.instantiate(build.resolve(config))
    assert (parts.mine is None) == (config.get("mine") is None)


def test_with_and_without_the_term_differ_by_the_term_alone():
    with_term, without = (configs.load(configs.find(name)) for name in ("gan_stacked_mnist", "gan_stacked_mnist_dcgan"))
    assert with_term.pop("mine") is not None
    assert without.pop("mine") is None
    assert with_term == without


@pytest.mark.parametrize(
    "name", ["mine_lightning.networks.ConvStatistics", "mine_lightning.ConvStatistics", "ConvStatistics"]
)
def test_a_class_under_another_of_its_names_keeps_its_arguments(name):
    config = {"mine": {"T": {"class_path": "mine_lightning.networks.statistics.ConvStatistics", "init_args": {"a": 1}}}}
    over = {"mine": {"T": {"class_path": name, "init_args": {"b": 2}}}}
    assert configs.merge(config, over)["mine"]["T"]["init_args"] == {"a": 1, "b": 2}
    configs.override(config, "mine.T.class_path", name)
    assert config["mine"]["T"] == {"class_path": name, "init_args": {"a": 1}}
    configs.override(config, "mine.T.class_path", "mine_lightning.MLPStatistics")
    assert "init_args" not in config["mine"]["T"]


OVERLAYS = sorted((configs.CONFIGS / "overlays").glob("*.yaml"))
# the experiments that an overlay is for, by their names
MEANT = {
    "no_penalty": "gan_*",
    "small": "gan_stacked_mnist*",
    "paper": "gan_stacked_mnist*",
    "ib_paper": "ib_*",
    "ib_held_out": "ib_*",
    "ib_no_weight_averaging": "ib_*",
    "ib_no_posterior_averaging": "ib_*",
    **{f"ib_beta_{beta}": "ib_mnist_mine_gaussian" for beta in BETAS},
    **{joint: "ali_mine_*" for joint in ("encoder_joint", "decoder_joint")},
    "paper_mnist": "ali*_mnist",
    "paper_celeba": "ali*_celeba",
}
FITTING = [
    pytest.param(path, overlay, id=f"{path.stem}-{overlay.stem}")
    for path in TRAINED
    for overlay in OVERLAYS
    if fnmatch.fnmatch(path.stem, MEANT.get(overlay.stem, "*"))
]


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.stem)
def test_every_overlay_is_described_and_names_its_protocol(overlay):
    assert configs.describe(overlay)
    assert configs.load(overlay)["protocol"] == overlay.stem


@pytest.mark.parametrize(("path", "overlay"), FITTING)
def test_every_overlay_fits_the_experiments_that_it_is_for(path, overlay):
    config = configs.lay_over(configs.load(path), overlay)
    checks.check_names(config)
    config["trainer"].pop("precision")
    build.resolve(config)


def overlay(tmp_path):
    (tmp_path / "wide.yaml").write_text("made_for: StackedMNIST\nprotocol: wide\n")
    return tmp_path / "wide.yaml"


@pytest.mark.parametrize("name", ["StackedMNIST", "mine_lightning.StackedMNIST", "someone.elses.Digits"])
def test_an_overlay_fits_the_data_it_is_made_for_and_data_that_is_not_ours(tmp_path, name):
    config = {"data": {"class_path": name}}
    assert configs.lay_over(config, overlay(tmp_path)) == {**config, "protocol": "wide"}


@pytest.mark.parametrize("name", ["MNISTDigits", "mine_lightning.data.CelebA"])
def test_an_overlay_over_other_data_of_ours_is_refused_by_name(tmp_path, name):
    short = name.rpartition(".")[2]
    with pytest.raises(InputError, match=f"on StackedMNIST under wide but got one on {short}"):
        configs.lay_over({"data": {"class_path": name}}, overlay(tmp_path))


@pytest.mark.parametrize("config", [{}, {"data": None}, {"data": {"class_path": None}}, {"data": "digits"}])
def test_what_is_wrong_with_the_data_is_told_later(tmp_path, config):
    assert configs.lay_over(config, overlay(tmp_path)) == {**config, "protocol": "wide"}


def test_an_overlay_changes_some_things_for_one_host_or_for_a_term_alone(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\nb: 1\nwhere:\n  ALI: {a: 2}\n  mine: {b: 2, mine: {beta: 3}}\n")

    def laid(model, mine):
        found = configs.lay_over({"model": {"class_path": model}, "mine": mine}, path)
        return found["a"], found["b"], found["mine"]

    assert laid("mine_lightning.DCGAN", None) == (1, 1, None)
    assert laid("mine_lightning.ALI", None) == laid("ALI", None) == (2, 1, None)
    assert laid("mine_lightning.DCGAN", {"x": "a"}) == (1, 2, {"x": "a", "beta": 3})
    assert laid("mine_lightning.ALI", {"x": "a"})[:2] == (2, 2)
    assert configs.load(path) == {"a": 1, "b": 1}
    path.write_text("where: ALI")
    with pytest.raises(InputError, match=r"Expected where in .* to be keyed by hosts' classes but got 'ALI'"):
        configs.lay_over({}, path)


def parameters(system, protocol):
    config = configs.lay_over(configs.load(configs.find(f"gan_stacked_mnist_{system}")), configs.find(protocol))
    checks.check_names(config)
    config["trainer"].pop("precision")
    model = build.instantiate(build.resolve(config)).model
    other = getattr(model, "encoder", None) or model.reconstructor
    return [sum(weights.numel() for weights in part.parameters()) for part in (other, model.generator)]


@pytest.mark.parametrize("system", ["ali", "veegan"])
@pytest.mark.parametrize("protocol", ["small", "paper"])
def test_what_maps_images_back_has_the_size_of_the_generator_or_less(system, protocol):
    other, generator = parameters(system, protocol)
    assert 0.1 * generator < other < 1.1 * generator


def test_what_an_overlay_is_made_for_is_no_key_of_the_config(tmp_path):
    assert configs.load(overlay(tmp_path)) == {"protocol": "wide"}
    made_for = {path: yaml.safe_load(path.read_text()).get("made_for") for path in configs.CONFIGS.glob("overlays/*")}
    assert {path.stem: name for path, name in made_for.items() if name} == {
        "small": "StackedMNIST",
        "paper": "StackedMNIST",
        "paper_celeba": "CelebA",
        "paper_mnist": "MNISTDigits",
    }
