"""What it refuses; its points are in test_study.py."""

import pytest

from mine_lightning.errors import InputError
from mine_lightning.studies import NoisyFunctions


def test_it_refuses_no_noise():
    with pytest.raises(InputError, match="every sigma above 0 but got 0; at 0 the information is infinite"):
        NoisyFunctions([0.5, 0])
