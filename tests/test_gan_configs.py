"""The tables' configs: every system under every protocol trains, and rows differ by what their names say alone."""

import copy

import pytest
from cases import trainer, weights
from faces import write_faces

from mine_lightning.cli import build, checks, configs

SYSTEMS = ["gan_stacked_mnist" + ending for ending in ("", "_dcgan", "_pacgan", "_unrolled", "_veegan", "_ali")]
PROTOCOLS = ["default", "small", "paper"]
BIDIRECTIONAL = [
    f"{system}_{data}" for data in ("mnist", "celeba") for system in ("ali", "alice_l2", "alice_adv", "ali_mine")
]
TOYS = [path.stem for path in configs.shipped() if path.stem.startswith(("gan_25gaussians", "gan_spiral"))]


def load(name, protocol="default"):
    config = configs.load(configs.find(name))
    return config if protocol == "default" else configs.lay_over(config, configs.find(protocol))


def train(config, tmp_path):
    """Train two steps of the model as it stands on a little data, and return how the generator's weights moved."""
    checks.check_names(config)
    config["data"].setdefault("init_args", {})
    config["data"]["init_args"] |= {"train_size": 16, "batch_size": 8, "eval_size": 8, "eval_batch_size": 8}
    config["trainer"] = {}
    parts = build.instantiate(build.resolve(config))
    before = weights(parts.model.generator)
    run = trainer(tmp_path, *([] if parts.mine is None else [parts.mine]), limit_train_batches=2)
    run.fit(parts.model, datamodule=parts.data)
    assert weights(parts.model).isfinite().all()
    assert ("mine/mi" in run.callback_metrics) == (parts.mine is not None)
    return (weights(parts.model.generator) - before).abs().max()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_trains_under_every_protocol(tmp_path, name, protocol):
    config = load(name, protocol)
    config["data"]["init_args"] = dict(config["data"].get("init_args", {}))
    assert train(config, tmp_path) > 0


@pytest.mark.parametrize("name", TOYS)
def test_every_toy_trains(tmp_path, name):
    assert train(load(name), tmp_path) > 0


def test_paper_is_what_was_published():
    """VEEGAN's and PacGAN's DCGAN: 4 layers from 64 maps, Adam at 2e-4, batch 64, 50 epochs of 128,000, 26,000 samples."""
    config = load("gan_stacked_mnist_dcgan", "paper")
    model, data = config["model"]["init_args"], config["data"]["init_args"]
    adam = {"class_path": "torch.optim.Adam", "init_args": {"lr": 2e-4, "betas": [0.5, 0.999]}}
    assert [model[key] for key in ("optimizer_g", "optimizer_d", "penalty", "schedule")] == [adam, adam, None, None]
    assert {key: data[key] for key in ("train_size", "batch_size", "eval_size")} == {
        "train_size": 128_000,
        "batch_size": 64,
        "eval_size": 26_000,
    }
    assert config["trainer"]["max_epochs"] * config["trainer"]["limit_train_batches"] == 50 * 128_000 / 64
    networks = {key: (model[key]["class_path"], model[key]["init_args"]) for key in ("generator", "discriminator")}
    assert networks == {
        "generator": ("mine_lightning.networks.LargeGenerator", {"latent": 100}),
        "discriminator": ("mine_lightning.networks.LargeDiscriminator", {"width": 64}),
    }


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """CelebA's layout with images of our own, and no judge trained on them."""
    monkeypatch.setenv("MINE_LIGHTNING_DATA", str(write_faces(tmp_path / "data")))


@pytest.mark.parametrize("name", BIDIRECTIONAL)
def test_every_system_of_the_bidirectional_table_trains(tmp_path, request, name):
    if name.endswith("celeba"):
        request.getfixturevalue("faces")
    assert train(load(name), tmp_path) > 0


# what trials chose for a row (results/TUNING.md): its rates, and whether its weights are averaged
TUNED = {
    "ali_mine_mnist": {"optimizer_d": 2.5e-4},
    "alice_l2_mnist": {"optimizer_d": 2.5e-4},
    "alice_adv_celeba": {"optimizer_g": 2.5e-4},
}
AVERAGED = {
    "ali_mine_mnist",
    "alice_l2_mnist",
    *(f"{row}_celeba" for row in ("ali", "alice_l2", "alice_adv", "ali_mine")),
}


@pytest.mark.parametrize("data", ["mnist", "celeba"])
def test_rows_of_the_bidirectional_table_differ_by_their_system_and_what_was_tuned_alone(data):
    rows = {name: load(name) for name in BIDIRECTIONAL if name.endswith(data)}
    assert [row["mine"] is not None for row in rows.values()] == [False, False, False, True]
    for name, row in rows.items():
        for optimizer, rate in TUNED.get(name, {}).items():
            own, first = (config["model"]["init_args"][optimizer]["init_args"] for config in (row, rows[f"ali_{data}"]))
            assert own["lr"] == rate != first["lr"]
            own["lr"] = first["lr"]
        if name in AVERAGED:
            assert row["trainer"]["callbacks"].pop()["class_path"] == "mine_lightning.hosts.averaging.AveragedWeights"
    assert rows[f"ali_mine_{data}"]["model"] == rows[f"ali_{data}"]["model"]
    adversarial = rows[f"alice_adv_{data}"]["model"]["init_args"]
    second, first = adversarial["cycle"]["init_args"]["discriminator"], adversarial["discriminator"]
    sizes = {key: value for key, value in first["init_args"].items() if key != "channels"}  # of two images stacked
    assert second == {"class_path": first["class_path"], "init_args": sizes}
    for row in rows.values():
        row["mine"] = None
        row["model"] = {key: value for key, value in row["model"]["init_args"].items() if key != "cycle"}
    assert all(row == rows[f"ali_{data}"] for row in rows.values())


@pytest.mark.parametrize("data", ["mnist", "celeba"])
def test_the_term_is_offered_under_either_joint_and_both(data):
    terms = {name: load(f"ali_mine_{data}", name)["mine"] for name in ("default", "encoder_joint", "decoder_joint")}
    captures = {name: (term["x"], term["z"]) for name, term in terms.items()}
    encoder, decoder = ("batch:", "output:encoder"), ("output:generator", "input:generator")
    two = (["batch:", "output:generator"], ["output:encoder", "input:generator"])
    assert captures == {"default": two, "encoder_joint": encoder, "decoder_joint": decoder}


def shared(config):
    """What every system of a table has in common: all but what makes it that system."""
    own = ("packing", "unroll", "reconstructor", "reconstruction", "encoder", "joint")
    model = {key: value for key, value in config["model"]["init_args"].items() if key not in own}
    return {**copy.deepcopy(config), "model": model, "mine": None}


@pytest.mark.parametrize("protocol", [*PROTOCOLS, "no_penalty"])
def test_all_systems_have_the_same_protocol(protocol):
    first, *others = systems = [shared(load(name, protocol)) for name in SYSTEMS]
    if protocol == "small":  # where each has what was best for itself of these (results/TUNING.md)
        steep, early = ({"milestones": [2], "gamma": 0.1}, {"milestones": [3, 4, 5], "gamma": 0.3})
        for row in systems:
            rate, fall = row["model"]["optimizer_d"]["init_args"].pop("lr"), row["model"].pop("schedule")
            fall = None if fall is None else fall["init_args"]
            assert (rate, fall) in [(3e-3, steep), (3e-3, early), (1.2e-3, early), (6e-4, None)]
    assert all(other == first for other in others)
    assert (first["model"]["penalty"] is None) == (protocol != "default")
    joints = [load(name, protocol)["model"]["init_args"].get("joint") for name in SYSTEMS]
    assert len({str(joint) for joint in joints if joint is not None}) <= 1  # ALI's and VEEGAN's are the same


@pytest.mark.parametrize("toy", ["gan_25gaussians", "gan_spiral"])
def test_rows_of_the_ablation_differ_by_term_and_penalty_alone(toy):
    rows = {name.removeprefix(toy): load(name) for name in TOYS if name.startswith(toy)}
    has = {
        ending: (row["mine"] is not None, row["model"]["init_args"]["penalty"] is not None)
        for ending, row in rows.items()
    }
    expected = {"": (False, False), "_mine": (True, False), "_gp": (False, True), "_mine_gp": (True, True)}
    assert has == {ending: expected[ending] for ending in rows}
    assert len(rows) == (4 if toy == "gan_25gaussians" else 2)
    terms = [row.pop("mine") for row in rows.values()]
    penalties = [row["model"]["init_args"].pop("penalty") for row in rows.values()]
    for values in (terms, penalties):
        given = [value for value in values if value is not None]
        assert all(value == given[0] for value in given)
    assert all(row == rows[""] for row in rows.values())
