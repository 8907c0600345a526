"""A uniform code first, Gaussian noise after it, from a generator of its own where one is given."""

import torch

from mine_lightning.networks.latents import CodeAndNoise


def test_code_comes_first_and_has_its_range():
    latents = CodeAndNoise(code=2, noise=3)(50_000, torch.device("cpu"))
    code, noise = latents.split([2, 3], dim=1)
    assert CodeAndNoise(code=2, noise=3).size == 5
    assert code.abs().max() <= 1
    assert abs(code.std().item() - 3**-0.5) < 0.01
    assert abs(noise.std().item() - 1) < 0.02


def test_a_generator_decides_alone():
    draw = [CodeAndNoise(2, 3)(4, torch.device("cpu"), torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*draw)
