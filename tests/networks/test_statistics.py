"""Laws of every statistics network, and what each is made of."""

import math
from functools import partial

import pytest
import torch
from cases import GAUSSIAN, STATISTICS, draw_z, trainer
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.networks.statistics import (
    BlurredStatistics,
    ConvStatistics,
    GaussianNoise,
    LabelStatistics,
    MLPStatistics,
)


@pytest.mark.parametrize(("make", "x_shape", "z_shape"), [*STATISTICS, *GAUSSIAN])
class TestEveryStatisticsNetwork:
    def test_one_score_a_pair(self, make, x_shape, z_shape):
        T = make(x_shape, z_shape)
        assert T(torch.randn(5, *x_shape), draw_z(T, 5, z_shape)).shape == (5,)

    def test_a_score_does_not_depend_on_the_other_pairs(self, make, x_shape, z_shape):
        T = make(x_shape, z_shape).double()
        x, z = torch.randn(6, *x_shape).double(), draw_z(T, 6, z_shape).double()
        torch.testing.assert_close(T(x, z)[2:3], T(x[2:3], z[2:3]))

    def test_gradient_reaches_every_input_that_has_one_and_every_weight(self, make, x_shape, z_shape):
        T = make(x_shape, z_shape)
        x, z = torch.randn(32, *x_shape, requires_grad=True), draw_z(T, 32, z_shape)
        inputs = [x, z.requires_grad_()] if z.is_floating_point() else [x]
        T(x, z).sum().backward()
        assert all(tensor.grad is not None and tensor.grad.abs().sum() > 0 for tensor in (*inputs, *T.parameters()))

    def test_score_depends_on_z(self, make, x_shape, z_shape):
        T = make(x_shape, z_shape)
        x = torch.randn(1, *x_shape).expand(32, *x_shape)
        assert T(x, draw_z(T, 32, z_shape)).std() > 0


@pytest.mark.parametrize(("make", "x_shape", "z_shape"), STATISTICS)
def test_last_layer_is_called_output(make, x_shape, z_shape):
    T = make(x_shape, z_shape)
    assert T.output.out_features == getattr(T, "classes", 1)


@pytest.mark.parametrize("make", [MLPStatistics, partial(LabelStatistics, classes=2)])
def test_noise_lies_on_the_input_and_behind_each_layer_in_training_alone(make):
    T = make((3,), (), hidden=(4, 5), input_noise=0.3, hidden_noise=0.5)
    assert isinstance(T.body[0], GaussianNoise)
    assert [layer.std for layer in T.body if isinstance(layer, GaussianNoise)] == [0.3, 0.5, 0.5]
    x, z = torch.randn(6, 3), torch.randint(2, (6,)).float()
    assert not torch.equal(T(x, z), T(x, z))
    T.eval()
    assert torch.equal(T(x, z), T(x, z))


def test_mlp_is_the_concatenation_through_elu_layers():
    T = MLPStatistics((2,), (1,), hidden=(4,))
    x, z = torch.randn(3, 2), torch.randn(3, 1)
    first = T.body[1]
    expected = T.output(F.elu(first(torch.cat([x, z], dim=1))))[:, 0]
    torch.testing.assert_close(T(x, z), expected)


def test_code_enters_each_conv_layer_as_one_bias_a_feature_map():
    T = ConvStatistics((1, 8, 8), (2,), channels=(3, 4), hidden=5, kernel=3)
    x, z = torch.randn(2, 1, 8, 8), torch.randn(2, 2)
    h = F.elu(F.conv2d(x, T.layers[0].weight, T.layers[0].bias, 2, 1) + T.biases[0](z).view(2, 3, 1, 1))
    h = F.elu(F.conv2d(h, T.layers[1].weight, T.layers[1].bias, 2, 1) + T.biases[1](z).view(2, 4, 1, 1))
    expected = T.output(F.elu(T.dense(h.flatten(1)) + T.biases[2](z)))[:, 0]
    torch.testing.assert_close(T(x, z), expected)


def test_noise_has_its_standard_deviation_in_training_and_none_in_evaluation():
    noise = GaussianNoise(0.3)
    assert noise(torch.zeros(100_000)).std().item() == pytest.approx(0.3, rel=0.02)
    assert torch.equal(noise.eval()(torch.ones(3)), torch.ones(3))
    assert GaussianNoise(0.3, always=True).eval()(torch.zeros(100_000)).std().item() == pytest.approx(0.3, rel=0.02)


def test_blur_has_its_size_on_x_none_on_z_and_stays_in_evaluation():
    T = BlurredStatistics((2,), (1,), x_noise=0.5, hidden=(1,))
    with torch.no_grad():
        T.body[1].weight[:], T.body[1].bias[:] = torch.tensor([[1.0, 0.0, 0.0]]), 50.0  # ELU is the identity here
        T.output.weight[:], T.output.bias[:] = 1.0, -50.0
    x, z = torch.full((100_000, 2), 3.0), torch.randn(100_000, 1)
    for module in (T, T.eval()):
        scores = module(x, z)
        assert scores.mean().item() == pytest.approx(3.0, abs=0.01)
        assert scores.std().item() == pytest.approx(0.5, rel=0.02)
    with torch.no_grad():
        T.body[1].weight[:] = torch.tensor([[0.0, 0.0, 1.0]])
    torch.testing.assert_close(T(x, z), z[:, 0], atol=1e-4, rtol=0)


def test_vectors_are_refused_by_the_convolutional_network():
    with pytest.raises(ValueError, match=r"Expected x to be images .* but got shape \(7,\)"):
        ConvStatistics((7,), (2,))


def test_noise_on_the_images_is_part_of_what_is_estimated_and_stays_in_evaluation():
    T, x, z = ConvStatistics((1, 9, 9), (2,), input_noise=0.5), torch.randn(3, 1, 9, 9), torch.randn(3, 2)
    for module in (T, T.eval()):
        assert not torch.equal(module(x, z), module(x, z))


def test_a_label_picks_its_score():
    T = LabelStatistics((2,), (), classes=3, hidden=(4,))
    x = torch.randn(3, 2)
    scores = T.output(F.elu(T.body[1](x)))
    torch.testing.assert_close(T(x, torch.tensor([2, 0, 1])), torch.stack([scores[0, 2], scores[1, 0], scores[2, 1]]))


def noisy_labels(n, classes, flip, seed):
    """x is one of ``classes`` points of the plane, y its number, or with probability ``flip`` another one."""
    draw = torch.Generator().manual_seed(seed)
    points = torch.randn(classes, 2, generator=torch.Generator().manual_seed(7))
    number = torch.randint(classes, (n,), generator=draw)
    shift = torch.randint(1, classes, (n,), generator=draw) * (torch.rand(n, generator=draw) < flip)
    return TensorDataset(points[number], (number + shift) % classes)


def test_information_of_noisy_labels_is_right(tmp_path):
    classes, flip = 5, 0.2
    truth = math.log(classes) + flip * math.log(flip / (classes - 1)) + (1 - flip) * math.log(1 - flip)
    network = partial(LabelStatistics, classes=classes, hidden=(32, 32))
    mine = MINE(network, (2,), (), optimizer=lambda p: torch.optim.Adam(p, lr=3e-3))
    run = trainer(tmp_path, max_epochs=2)
    train, held_out = noisy_labels(256 * 150, classes, flip, 0), noisy_labels(20_000, classes, flip, 1)
    run.fit(mine, DataLoader(train, 256), DataLoader(held_out, 5000))
    assert run.callback_metrics["val/mi"].item() == pytest.approx(truth, abs=0.03)


def test_the_biases_of_labels_are_trained():
    """A label that is rarer than another has another bias, which every bound sees."""
    mine = MINE(partial(LabelStatistics, classes=3), (2,), ())
    (group,) = mine.configure_optimizers().param_groups
    assert any(parameter is mine.statistics_network.output.bias for parameter in group["params"])


@pytest.mark.parametrize(("label", "shown"), [(4, "4"), (-1, "-1"), (0.5, "0.5"), (math.nan, "nan")])
def test_a_label_that_is_no_class_is_told(label, shown):
    T = LabelStatistics((2,), (), classes=4)
    with pytest.raises(InputError, match=f"Expected labels that are whole numbers from 0 to 3 but got {shown};"):
        T(torch.randn(3, 2), torch.tensor([0, label, 1]))


@pytest.mark.parametrize(("z_shape", "classes"), [((3,), 3), ((), 1)])
def test_what_is_no_label_is_told(z_shape, classes):
    with pytest.raises(InputError, match="Expected one label a sample, of 2 classes or more, but got"):
        LabelStatistics((2,), z_shape, classes)


@pytest.mark.parametrize("std", [-1.0, math.nan])
def test_noise_below_zero_is_refused_and_not_taken_for_none(std):
    with pytest.raises(InputError, match="Expected a standard deviation of noise >= 0 but got"):
        MLPStatistics((2,), (3,), input_noise=std)


def test_a_perceptron_without_hidden_layers_is_linear():
    for T in (MLPStatistics((2,), (3,), hidden=()), BlurredStatistics((2,), (3,), 0.0, hidden=())):
        x, z = torch.randn(5, 2), torch.randn(5, 3)
        torch.testing.assert_close(T(x, z), T.output(torch.cat([x, z], 1)).squeeze(1))
