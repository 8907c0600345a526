"""Plain ``nn.Module`` networks by role; they import torch and nothing else of this package.

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
from mine_lightning.networks.statistics import ConvStatistics, MLPStatistics

__all__ = [
    "ConvDiscriminator",
    "ConvEncoder",
    "ConvGenerator",
    "ConvStatistics",
    "DigitClassifier",
    "GaussianEncoder",
    "LargeDiscriminator",
    "LargeGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "MLPStatistics",
    "PairDiscriminator",
    "PairLogit",
    "SmallDiscriminator",
    "SmallGenerator",
]
