"""One row per bound, statistics network and metric; law tests walk all of them. To add one: add its row."""

import math
from collections.abc import Callable
from functools import partial

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import nn

from mine_lightning.bounds import SMILE, Bound, DonskerVaradhan, FDivergence, InfoNCE, JensenShannon
from mine_lightning.hosts.adversarial import ZeroCentredPenalty
from mine_lightning.hosts.dcgan import DCGAN
from mine_lightning.metrics.label_agreement import LabelAgreement
from mine_lightning.metrics.modes import ModeCount, ModeKL
from mine_lightning.metrics.pair_similarity import PairSimilarity
from mine_lightning.metrics.reconstruction_error import ReconstructionError
from mine_lightning.networks import (
    BlurredStatistics,
    ConvStatistics,
    GaussianStatistics,
    LabelStatistics,
    MLPStatistics,
    SeparableStatistics,
)
from mine_lightning.networks.latents import CodeAndNoise

BOUNDS: list[Callable[[], Bound]] = [DonskerVaradhan, FDivergence, InfoNCE, JensenShannon, SMILE]

GAUSSIAN_RHO = 0.8
GAUSSIAN_MI = -0.5 * math.log(1 - GAUSSIAN_RHO**2)


def gaussian_scores(n: int = 400_000, k: int = 1, shift: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores ``[n]`` and ``[n, k]`` of the best T, log dP(X,Z)/dP(X)P(Z) plus a shift, on a Gaussian pair; float64."""
    rho, generator = GAUSSIAN_RHO, torch.Generator().manual_seed(1)
    x, e = torch.randn(2, n, 1, generator=generator, dtype=torch.float64)
    others = torch.randn(n, k, generator=generator, dtype=torch.float64)

    def log_ratio(z):
        return GAUSSIAN_MI - (rho**2 * (x**2 + z**2) - 2 * rho * x * z) / (2 * (1 - rho**2))

    return log_ratio(rho * x + math.sqrt(1 - rho**2) * e)[:, 0] + shift, log_ratio(others) + shift


STATISTICS: list[tuple[Callable[..., nn.Module], tuple[int, ...], tuple[int, ...]]] = [
    (MLPStatistics, (3,), (2,)),
    (MLPStatistics, (2, 4), (5,)),
    (MLPStatistics, (), (5,)),
    (partial(BlurredStatistics, x_noise=0.0), (2, 4), (5,)),
    (partial(BlurredStatistics, x_noise=0.0), (), ()),
    (ConvStatistics, (3, 28, 28), (10,)),
    (ConvStatistics, (1, 17, 12), (2, 3)),
    (ConvStatistics, (1, 9, 9), ()),
    (SeparableStatistics, (3,), (2,)),
    (SeparableStatistics, (2, 4), ()),
    (SeparableStatistics, (1, 9, 9), (3,)),
    (partial(LabelStatistics, classes=4), (2, 4), ()),
]
GAUSSIAN = [(GaussianStatistics, (2, 4), ()), (GaussianStatistics, (1, 9, 9), (3,))]


def draw_z(T: nn.Module, n: int, z_shape: tuple[int, ...]) -> torch.Tensor:
    """n samples of z that T takes: labels for a network over labels, else normal numbers."""
    return torch.randint(T.classes, (n,)) if hasattr(T, "classes") else torch.randn(n, *z_shape)


MODE_METRICS = [ModeCount, ModeKL]


def image_pair(n: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Images ``[n, 2, 28, 28]`` in [-1, 1] and others that resemble them."""
    x, other = torch.rand(2, n, 2, 28, 28, generator=torch.Generator().manual_seed(5)) * 2 - 1
    return x, 0.7 * x + 0.3 * other


def label_pair(n: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Three binary labels for each of n images, and others that agree in about half."""
    return torch.randint(2, (2, n, 3), generator=torch.Generator().manual_seed(5)).unbind()


# a metric of what belongs together, and n pairs that it takes
PAIR_METRICS = [(ReconstructionError, image_pair), (PairSimilarity, image_pair), (LabelAgreement, label_pair)]


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3, betas=(0.5, 0.999))


# plain SGD wherever two runs are compared: Adam turns the rounding of a vanishing gradient into a whole step
sgd = partial(torch.optim.SGD, lr=0.05)


def conv(x_shape, z_shape):
    return ConvStatistics(x_shape, z_shape, channels=(4, 8), hidden=16)


def small_mlp(x_shape, z_shape):
    return MLPStatistics(x_shape, z_shape, hidden=(16,))


class TinyGenerator(nn.Module):
    """3x8x8 images from 6 latent dimensions, without batch normalisation."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 192), nn.Tanh(), nn.Unflatten(1, (3, 8, 8))
        )

    def forward(self, latents):
        return self.body(latents)


class TinyDiscriminator(nn.Module):
    """The logit of a 3x8x8 image."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(192, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1), nn.Flatten(0))

    def forward(self, images):
        return self.body(images)


def tiny_gan(seed: int = 0, penalty: ZeroCentredPenalty | None = None, optimizer=adam) -> DCGAN:
    torch.manual_seed(seed)
    return DCGAN(TinyGenerator(), TinyDiscriminator(), CodeAndNoise(2, 4), optimizer, optimizer, penalty)


class Plain(LightningModule):
    """A classifier with dropout under automatic optimisation: linear encoder, linear head."""

    def __init__(self, dropout: float = 0.2):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3))
        self.head = nn.Linear(3, 2)

    def training_step(self, batch, batch_idx):
        x, y = batch
        return nn.functional.cross_entropy(self.head(self.encoder(x)), y)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(tmp_path, *callbacks, **arguments) -> Trainer:
    """A quiet Trainer on the CPU."""
    defaults = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "max_epochs": 1,
        "num_sanity_val_steps": 0,
        "default_root_dir": str(tmp_path),
        "callbacks": list(callbacks),
    }
    return Trainer(**{**defaults, **arguments})


def weights(module: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def difference(a: nn.Module, b: nn.Module) -> float:
    """The largest difference of two modules' weights."""
    return (weights(a) - weights(b)).abs().max().item()


def hooks_of(host: nn.Module) -> list:
    """All forward hooks and pre-hooks that stand on a host's modules."""
    return [hook for m in host.modules() for hook in (*m._forward_hooks.values(), *m._forward_pre_hooks.values())]


def assert_same(a, b) -> None:
    """Assert that two nested states are equal, tensors bitwise."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    else:
        assert a == b
