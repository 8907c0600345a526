"""How many nats two arrays share: :class:`mine_lightning.MINE`, trained and read with care.

* ``pairs``: what a user gives, checked; ``margins``: one-to-one maps to what T learns from best.
* ``training``: one T under a Trainer; ``calibration``: made fit for unseen pairs; ``value``: the value on them.
* ``estimate``: cross-fitting, error and warnings; ``consistency``: tests that need no truth; ``result``: the answer.
"""

from mine_lightning.estimation.estimate import estimate_mi
from mine_lightning.estimation.result import Check, MIEstimate

__all__ = ["Check", "MIEstimate", "estimate_mi"]
