"""Each example runs, tells what it promises, and leaves its host what it was."""

import contextlib
import importlib.util
import io
from pathlib import Path

import pytest
import torch
from cases import weights

EXAMPLES = Path(__file__).parents[1] / "examples"
HOSTS = {"gan": "GAN", "resnet_bottleneck": "Classifier", "vae": "VAE"}


@pytest.fixture(autouse=True)
def _own_seed(monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")  # seed_everything leaves it set: put back what there was


def load(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*HOSTS, "feature_selection"}


def test_feature_selection_ranks_what_tells_much_above_what_tells_little(capsys):
    estimates = load("feature_selection").main(["--fast"])
    out = capsys.readouterr().out
    assert f"mean perimeter             {estimates['mean perimeter'].nats:.3f} ± " in out
    # the size of a tumour tells much of its diagnosis, the grain of its picture less, the smoothness little
    size, grain, smoothness = (estimates[f"mean {name}"].nats for name in ("perimeter", "texture", "smoothness"))
    assert size > 0.3 > grain + 0.1 > smoothness
    assert out.index("mean perimeter") < out.index("mean texture") < out.index("rank correlation")


@pytest.fixture(scope="module")
def runs():
    """One run of an example by its name and arguments, with what it printed: whichever test asks first has it made."""
    made = {}

    def run(name, *arguments):
        if (name, arguments) not in made:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                made[name, arguments] = load(name).main(["--fast", *arguments])
            made[name, arguments].printed = printed.getvalue()
        return made[name, arguments]

    return run


@pytest.mark.parametrize(("name", "host"), HOSTS.items())
class TestEveryExample:
    def test_it_trains_the_term_tells_its_value_and_leaves_the_host_alone(self, name, host, runs, tmp_path):
        module, run = load(name), runs(name)
        assert run.callback_metrics["mine/mi"].isfinite()
        assert f"{run.callback_metrics['val/mi']:.2f} ± " in run.printed
        assert list(run.lightning_module.state_dict()) == list(getattr(module, host)().state_dict())
        assert not any(part._forward_hooks for part in run.lightning_module.modules())
        run.save_checkpoint(tmp_path / "host.ckpt")
        loaded = getattr(module, host).load_from_checkpoint(tmp_path / "host.ckpt", weights_only=True)
        for key, value in run.lightning_module.state_dict().items():
            assert torch.equal(loaded.state_dict()[key], value)

    def test_the_term_reaches_the_host(self, name, host, runs):
        watched = weights(runs(name, "--beta", "0").lightning_module)
        assert (weights(runs(name).lightning_module) - watched).abs().max() > 1e-6
        assert torch.equal(weights(load(name).main(["--fast", "--beta", "0"]).lightning_module), watched)

    def test_its_host_knows_nothing_of_mutual_information(self, name, host):
        text = (EXAMPLES / f"{name}.py").read_text()
        body = text[text.index(f"class {host}") : text.index("def main")]
        assert "mine" not in body.lower()
        assert len(text.splitlines()) <= 102  # to copy from, an example must be read at a glance


@pytest.mark.parametrize("direction", ["with", "without"])
def test_the_vae_collapses_without_the_term_and_not_with_it(direction):
    arguments = {"with": ["--epochs", "20"], "without": ["--epochs", "20", "--beta", "0"]}[direction]
    values = load("vae").main(arguments).callback_metrics
    assert values["val/mi"] < values["val/kl"] + 0.2  # the KL term bounds the information from above
    assert values["val/mi"] > 0.5 if direction == "with" else abs(values["val/mi"]) < 0.1
