"""torchmetrics of this field: a pure function and its ``Metric`` in one file; states sum over processes."""

from mine_lightning.metrics.high_quality import HighQualityShare, ModesCaptured
from mine_lightning.metrics.modes import ModeCount, ModeKL

__all__ = ["HighQualityShare", "ModeCount", "ModeKL", "ModesCaptured"]
