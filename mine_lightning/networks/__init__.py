"""Plain ``nn.Module`` networks by role; they import torch and the package's one exception.

Images are ``[n, channels, height, width]`` with pixels in [-1, 1], vectors ``[n, d]``.
"""

from mine_lightning.networks.classifiers import DigitClassifier
from mine_lightning.networks.discriminators import (
    ConvDiscriminator,
    LargeDiscriminator,
    MLPDiscriminator,
    SmallDiscriminator,
)
from mine_lightning.networks.encoders import ConvEncoder, GaussianEncoder
from mine_lightning.networks.generators import ConvGenerator, LargeGenerator, MLPGenerator, SmallGenerator
from mine_lightning.networks.pairs import PairDiscriminator, PairLogit
from mine_lightning.networks.separable import SeparableStatistics
from mine_lightning.networks.statistics import BlurredStatistics, ConvStatistics, LabelStatistics, MLPStatistics

__all__ = [
    "BlurredStatistics",
    "ConvDiscriminator",
    "ConvEncoder",
    "ConvGenerator",
    "ConvStatistics",
    "DigitClassifier",
    "GaussianEncoder",
    "LabelStatistics",
    "LargeDiscriminator",
    "LargeGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "MLPStatistics",
    "PairDiscriminator",
    "PairLogit",
    "SeparableStatistics",
    "SmallDiscriminator",
    "SmallGenerator",
]
