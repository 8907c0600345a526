"""Points in the plane whose modes one can count and see: the 25 Gaussians and the spiral."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mine_lightning.data.batches import EpochSampler, loader
from mine_lightning.errors import InputError

__all__ = ["GaussianGrid", "Spiral", "ToyMixture"]


class GaussianGrid:
    """Equally likely Gaussians on a square grid around the origin; 25 of them by default.

    Source: Dumoulin et al., ALI, ICLR 2017; as in Srivastava et al., VEEGAN, NeurIPS 2017, and PacGAN (means -4 to 4,
    standard deviation 0.05).

    Args:
        side: Gaussians on a side.
        spacing: distance between neighbours.
        std: standard deviation of each.
    """

    radius = 3.0  # standard deviations from its centre within which a sample counts, by VEEGAN's rule

    def __init__(self, side: int = 5, spacing: float = 2.0, std: float = 0.05) -> None:
        _check(side, std)
        self.name = f"{side * side}-gaussians"
        self.std = std
        ticks = (torch.arange(side) - (side - 1) / 2) * spacing
        self.centres = torch.cartesian_prod(ticks, ticks)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return points ``[n, 2]``."""
        centres = self.centres[torch.randint(len(self.centres), (n,), generator=generator)]
        return centres + self.std * torch.randn(n, 2, generator=generator)


class Spiral:
    """An Archimedean spiral around the origin with Gaussian noise.

    It has no modes. Points at equal distances of its parameter, ``centres``, stand in for them, so that the same rule
    says how much of it is covered, and how many samples lie near it: within one standard deviation, 0.1, which 63% of
    its own points do and 23% of points spread evenly over its disk. Its turns are 0.67 apart, so that three standard
    deviations, as for modes far apart, would count three quarters of the disk.

    Source: the spiral of Belghazi et al., ICML 2018, section 5.1; radius and noise as in the code of ALI's toy
    experiment (2 turns, radius 1/3 to 5/3, noise 0.1).

    Args:
        turns: number of turns.
        std: standard deviation of the noise.
        points: number of centres.
    """

    radius = 1.0

    def __init__(self, turns: int = 2, std: float = 0.1, points: int = 100) -> None:
        _check(min(turns, points), std)
        self.name = "spiral"
        self.turns = turns
        self.std = std
        self.centres = self._curve((torch.arange(points) + 0.5) / points)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return points ``[n, 2]``."""
        return self._curve(torch.rand(n, generator=generator)) + self.std * torch.randn(n, 2, generator=generator)

    def _curve(self, place: Tensor) -> Tensor:
        """Return the curve ``[n, 2]`` at places in 0 to 1."""
        position = self.turns * place
        radius, angle = (2 * position + 1) / 3, 2 * math.pi * position
        return torch.stack([radius * angle.sin(), radius * angle.cos()], dim=1)


class ToyMixture(LightningDataModule):
    """Points of a distribution, drawn once from a seed; batches are ``[n, 2]``.

    The number of validation or test points is the number of samples that a GAN is scored on; VEEGAN's rule takes 2,500.

    Args:
        mixture: what is drawn from; has ``name``, ``centres`` ``[modes, 2]``, ``std``, ``radius`` and
            ``sample(n, generator)``.
        train_size: number of training points.
        eval_size: number of samples for validation and for the test.
        batch_size: points of a training batch.
        eval_batch_size: points of a validation or test batch.
        seed: of the points and of their order.

    Raises:
        InputError: if a size is below 1, or a batch larger than the data.
    """

    def __init__(
        self,
        mixture: GaussianGrid | Spiral,
        train_size: int = 100_000,
        eval_size: int = 2500,
        batch_size: int = 100,
        eval_batch_size: int = 2500,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not 1 <= batch_size <= train_size or eval_size < 1 or eval_batch_size < 1:
            raise InputError(
                "Expected 1 <= batch_size <= train_size, eval_size and eval_batch_size of at least 1 but got "
                f"{batch_size}, {train_size}, {eval_size} and {eval_batch_size}; correct the sizes."
            )
        self.mixture = mixture
        self.train_size = train_size
        self.eval_size = eval_size
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.seed = seed

    @property
    def dataset_name(self) -> str:
        """The mixture's name, for results."""
        return self.mixture.name

    def train_dataloader(self) -> DataLoader[Tensor]:
        data = _Points(self._draw(self.train_size, 0))
        return loader(data, self.batch_size, EpochSampler(self.train_size, self.seed))

    def val_dataloader(self) -> DataLoader[Tensor]:
        return loader(_Points(self._draw(self.eval_size, 1)), self.eval_batch_size)

    def test_dataloader(self) -> DataLoader[Tensor]:
        return loader(_Points(self._draw(self.eval_size, 2)), self.eval_batch_size)

    def _draw(self, n: int, stream: int) -> Tensor:
        return self.mixture.sample(n, torch.Generator().manual_seed(self.seed * 3 + stream))


class _Points(Dataset[Tensor]):
    """Points ``[n, 2]`` that a loader takes a batch of at once."""

    def __init__(self, points: Tensor) -> None:
        self.points = points

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int) -> Tensor:
        return self.points[index]

    def __getitems__(self, indices: Sequence[int]) -> Tensor:
        return self.points[torch.as_tensor(indices)]


def _check(count: int, std: float) -> None:
    if count < 1 or not 0 < std < math.inf:
        raise InputError(f"Expected a count of at least 1 and a positive std but got {count} and {std}; correct them.")
