"""MS-SSIM of an image and its reconstruction, with as many scales as the image's size allows.

The standard five scales and their 11x11 window need 176 pixels in torchmetrics; images of 28 pixels allow two, of 64
three. The exponents are the first of the standard five, divided by their sum. Belghazi et al., ICML 2018, table 2, has
an MS-SSIM too, of pairs that it does not name: these can't be its pairs (ALI's .97 at an error of 14.24), so these
values compare with each other alone.

It is torchmetrics' from 1.4.2 on, where windows may hang over the border of the coarsest image, which is mirrored
there, while the finer scales count whole windows only, as the source and earlier versions of torchmetrics do at all.
On 28 pixels that matters: the mean digit and a digit have 0.31 so, 0.17 by whole windows.

Source: Wang et al., Multi-scale structural similarity for image quality assessment, 2003.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

__all__ = ["PairSimilarity", "pair_similarities", "scales_for"]

_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW = 11  # pixels, the support of a Gaussian of standard deviation 1.5


def scales_for(side: int) -> int:
    """Return how many scales, 1 to 5, images with this shorter side in pixels allow.

    The window must fit into the coarsest image, and torchmetrics asks for more at four scales.

    Raises:
        ValueError: if they are smaller than the window.
    """
    fitting = [scales for scales in range(1, 6) if side // max(2 ** (scales - 1), (scales - 1) ** 2) >= _WINDOW]
    if not fitting:
        raise ValueError(f"Expected images of at least {_WINDOW} pixels a side but got {side}; enlarge them.")
    return max(fitting)


def pair_similarities(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Return the MS-SSIM ``[n]``, float32, 1 for equal images, of each image and its reconstruction.

    Negative correlations count as 0.

    Args:
        x: images ``[n, c, h, w]``, pixels in [-1, 1].
        reconstruction: likewise.

    Raises:
        ValueError: if the images are smaller than 11 pixels, or the shapes differ.
    """
    if x.shape != reconstruction.shape or x.ndim != 4:
        raise ValueError(
            "Expected images [n, c, h, w] and as many reconstructions but got shapes "
            f"{list(x.shape)} and {list(reconstruction.shape)}."
        )
    exponents = _EXPONENTS[: scales_for(min(x.shape[-2:]))]
    betas = tuple(exponent / sum(exponents) for exponent in exponents)
    with torch.autocast(x.device.type, enabled=False):
        # in [0, 1]: the index compares mean intensities, which must not be negative
        found, original = (reconstruction.float() + 1) / 2, (x.float() + 1) / 2
        return multiscale_structural_similarity_index_measure(
            found, original, reduction="none", data_range=1.0, betas=betas
        )


class PairSimilarity(Metric):
    """Mean MS-SSIM of images and their reconstructions; NaN where there is none.

    Examples:
        >>> import torch
        >>> metric = PairSimilarity()
        >>> images = torch.linspace(-1, 1, 28 * 28).view(1, 1, 28, 28)
        >>> metric.update(images, images)
        >>> metric.compute()
        tensor(1.)
    """

    is_differentiable = True
    full_state_update = False
    higher_is_better = True
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    similarity: Tensor
    total: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("similarity", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, x: Tensor, reconstruction: Tensor) -> None:
        """Add images ``[n, c, h, w]`` and their reconstructions, pixels in [-1, 1].

        Raises:
            ValueError: if the images are smaller than 11 pixels, or the shapes differ.
        """
        if len(x) == 0 and x.shape == reconstruction.shape:  # as of a process whose share of the data is none
            return
        self.similarity += pair_similarities(x, reconstruction).sum()
        self.total += len(x)

    def compute(self) -> Tensor:
        return self.similarity / self.total
