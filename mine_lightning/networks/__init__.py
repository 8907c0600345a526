"""Plain ``nn.Module`` networks by role; they import torch and nothing else of this package.

Images are ``[n, channels, height, width]`` with pixels in [-1, 1], vectors ``[n, d]``.
"""

from mine_lightning.networks.classifiers import DigitClassifier
from mine_lightning.networks.discriminators import ConvDiscriminator
from mine_lightning.networks.generators import ConvGenerator
from mine_lightning.networks.separable import SeparableStatistics
from mine_lightning.networks.statistics import ConvStatistics, MLPStatistics

__all__ = [
    "ConvDiscriminator",
    "ConvGenerator",
    "ConvStatistics",
    "DigitClassifier",
    "MLPStatistics",
    "SeparableStatistics",
]
