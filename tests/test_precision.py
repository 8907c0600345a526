"""Full precision of anything."""

import pytest
import torch

from mine_lightning.precision import full


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_half_becomes_single_and_the_rest_stays(given, found):
    assert full(torch.ones(2, dtype=given)).dtype == found
