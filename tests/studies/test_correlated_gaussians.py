"""What it refuses; its points are in test_study.py."""

import pytest

from mine_lightning.errors import InputError
from mine_lightning.studies import CorrelatedGaussians


def test_it_refuses_a_correlation_of_one():
    with pytest.raises(InputError, match=r"every rho in \(-1, 1\) but got 1; at 1 the information is infinite"):
        CorrelatedGaussians(2, [0.5, 1])
