"""Plain ``nn.Module`` networks by role; they import torch, and the package's types and one exception.

Images are ``[n, channels, height, width]`` with pixels in [-1, 1], vectors ``[n, d]``.
"""

from mine_lightning.networks.bottlenecks import (
    AdditiveEncoder,
    DeterministicEncoder,
    LinearDecoder,
    NormalEncoder,
    PropagatedEncoder,
)
from mine_lightning.networks.classifiers import AttributeClassifier, DigitClassifier
from mine_lightning.networks.coarse import CoarseStatistics
from mine_lightning.networks.discriminators import (
    ConvDiscriminator,
    DenseDiscriminator,
    FaceDiscriminator,
    LargeDiscriminator,
    MLPDiscriminator,
    SmallDiscriminator,
)
from mine_lightning.networks.encoders import ConvEncoder, DenseEncoder, FaceEncoder, GaussianEncoder
from mine_lightning.networks.gaussian import GaussianStatistics
from mine_lightning.networks.generators import (
    ConvGenerator,
    DenseGenerator,
    FaceGenerator,
    LargeGenerator,
    MLPGenerator,
    SmallGenerator,
)
from mine_lightning.networks.noisy_copy import NoisyCopyStatistics
from mine_lightning.networks.pairs import PairDiscriminator, PairLogit
from mine_lightning.networks.separable import ImageEncoder, SeparableStatistics, VectorEncoder
from mine_lightning.networks.standardised import StandardisedStatistics
from mine_lightning.networks.statistics import BlurredStatistics, ConvStatistics, LabelStatistics, MLPStatistics
from mine_lightning.networks.waves import Waves

__all__ = [
    "AdditiveEncoder",
    "AttributeClassifier",
    "BlurredStatistics",
    "CoarseStatistics",
    "ConvDiscriminator",
    "ConvEncoder",
    "ConvGenerator",
    "ConvStatistics",
    "DenseDiscriminator",
    "DenseEncoder",
    "DenseGenerator",
    "DeterministicEncoder",
    "DigitClassifier",
    "FaceDiscriminator",
    "FaceEncoder",
    "FaceGenerator",
    "GaussianEncoder",
    "GaussianStatistics",
    "ImageEncoder",
    "LabelStatistics",
    "LargeDiscriminator",
    "LargeGenerator",
    "LinearDecoder",
    "MLPDiscriminator",
    "MLPGenerator",
    "MLPStatistics",
    "NoisyCopyStatistics",
    "NormalEncoder",
    "PairDiscriminator",
    "PairLogit",
    "PropagatedEncoder",
    "SeparableStatistics",
    "SmallDiscriminator",
    "SmallGenerator",
    "StandardisedStatistics",
    "VectorEncoder",
    "Waves",
]
