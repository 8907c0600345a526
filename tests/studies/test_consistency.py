"""What it refuses; its points are in test_study.py."""

import pytest

from mine_lightning.errors import InputError
from mine_lightning.studies import Consistency


def test_it_refuses_too_few_pairs_and_no_information():
    with pytest.raises(InputError, match="n >= 100 but got 50"):
        Consistency([1], [50, 200])
    with pytest.raises(InputError, match="nats above 0 but got 0"):
        Consistency([1], [200], nats=0)
