"""References that are not neural: what MINE is compared with, never part of an estimate of MINE's.

Contract. A function from NumPy arrays x ``[n, *]`` and z ``[n, *]`` to the mutual information in nats.
"""

from mine_lightning.baselines.ksg import ksg

__all__ = ["ksg"]
