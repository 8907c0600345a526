"""What a generator starts from."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["CodeAndNoise"]


class CodeAndNoise(nn.Module):
    """A latent vector of a uniform code, first, and Gaussian noise.

    The code is the part that a mutual-information term ties to the image; ``"input:generator[:, :10]"`` captures it.

    Source: Belghazi et al., ICML 2018, section 5.1 (z = [noise, code]), after Chen et al., InfoGAN, 2016.

    Args:
        code: dimensions of the code, uniform in [-1, 1].
        noise: dimensions of the noise, standard normal.
    """

    def __init__(self, code: int = 10, noise: int = 100) -> None:
        super().__init__()
        self.code = code
        self.noise = noise

    @property
    def size(self) -> int:
        """Length of a latent vector."""
        return self.code + self.noise

    def forward(self, n: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
        """Return ``[n, code + noise]``; drawn on the generator's device where one is given, else on ``device``."""
        at = device if generator is None else generator.device
        code = torch.rand(n, self.code, device=at, generator=generator) * 2 - 1
        noise = torch.randn(n, self.noise, device=at, generator=generator)
        return torch.cat([code, noise], dim=1).to(device)
