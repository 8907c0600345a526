"""torchmetrics of this field: a pure function and its ``Metric`` in one file; states sum or join over processes."""

from mine_lightning.metrics.classification_error import ErrorPercent, ErrorPercentStderr
from mine_lightning.metrics.high_quality import HighQualityShare, ModesCaptured
from mine_lightning.metrics.known_density import KnownDensityInformation
from mine_lightning.metrics.label_agreement import LabelAgreement
from mine_lightning.metrics.modes import ModeCount, ModeKL
from mine_lightning.metrics.mutual_information import MutualInformation
from mine_lightning.metrics.pair_similarity import PairSimilarity
from mine_lightning.metrics.reconstruction_error import ReconstructionError

__all__ = [
    "ErrorPercent",
    "ErrorPercentStderr",
    "HighQualityShare",
    "KnownDensityInformation",
    "LabelAgreement",
    "ModeCount",
    "ModeKL",
    "ModesCaptured",
    "MutualInformation",
    "PairSimilarity",
    "ReconstructionError",
]
