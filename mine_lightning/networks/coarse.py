"""T over coarse images: what is finer than a square of pixels gives the host nothing."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from mine_lightning.types import StatisticsFactory, scores_all_pairs

__all__ = ["CoarseStatistics"]


class CoarseStatistics(nn.Module):
    r"""Another statistics network that is shown x averaged over squares of pixels.

    A generator that maximises :math:`I(x; z)` can write z into stripes and checkerboards of single pixels, to which a
    small discriminator is blind. Averages over squares of an even side have none of them left. What is estimated,
    I(coarse x; z), is at most I(x; z); the network's own noise is on the averages, and a T so small is fast.

    Args:
        x_shape: shape of one image, (channels, height, width).
        z_shape: shape of one z.
        network: makes the network that scores (coarse x, z) from the two shapes.
        square: side of a square, in pixels; it divides the image's height and width.

    Raises:
        ValueError: if x is no image, or has no whole number of squares; where it is scored, if it has another shape.
    """

    def __init__(
        self, x_shape: Sequence[int], z_shape: Sequence[int], network: StatisticsFactory, square: int = 4
    ) -> None:
        super().__init__()
        if len(x_shape) != 3 or not isinstance(square, int) or square < 1 or any(side % square for side in x_shape[1:]):
            raise ValueError(
                f"Expected x to be images (channels, height, width) of whole squares of {square} pixels a side but got "
                f"shape {tuple(x_shape)}; choose a square that divides both sides, or swap x and z."
            )
        self.x_shape, self.square = tuple(x_shape), square
        self.network = network((x_shape[0], *(side // square for side in x_shape[1:])), tuple(z_shape))
        if scores_all_pairs(self.network):
            self.matrix = self._matrix

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.network(self._coarse(x), z)

    def _matrix(self, x: Tensor, z: Tensor) -> Tensor:
        return self.network.matrix(self._coarse(x), z)  # type: ignore[operator]

    def _coarse(self, x: Tensor) -> Tensor:
        if x.shape[1:] != self.x_shape:  # pooling would leave out what makes no whole square
            raise ValueError(f"Expected images of shape {self.x_shape} but got {tuple(x.shape[1:])}.")
        return F.avg_pool2d(x if x.is_floating_point() else x.float(), self.square)  # of whole numbers it rounds
