"""Plain ``nn.Module`` networks by role; they import torch and the package's one exception.

Images are ``[n, channels, height, width]`` with pixels in [-1, 1], vectors ``[n, d]``.
"""

from mine_lightning.networks.classifiers import DigitClassifier
from mine_lightning.networks.discriminators import ConvDiscriminator
from mine_lightning.networks.generators import ConvGenerator
from mine_lightning.networks.separable import SeparableStatistics
from mine_lightning.networks.statistics import ConvStatistics, LabelStatistics, MLPStatistics

__all__ = [
    "ConvDiscriminator",
    "ConvGenerator",
    "ConvStatistics",
    "DigitClassifier",
    "LabelStatistics",
    "MLPStatistics",
    "SeparableStatistics",
]
