"""Mutual information inside a neural network: MINE (Belghazi et al., ICML 2018) for PyTorch Lightning.

The map:

* ``bounds``, ``pairing``, ``networks``: the mathematics, on torch alone.
* ``estimator``: :class:`MINE`, a statistics network and its bound, trained by a plain Trainer.
* ``estimation``: :func:`estimate_mi`, how many nats two arrays share; ``baselines``: the k-NN estimator.
* ``regularizer``: :class:`MINERegularizer`, the callback that adds a mutual-information term to any LightningModule,
  and :class:`MIMonitor`, which only watches.
* ``hosts``: the systems of the paper's tables, LightningModules that know nothing of mutual information.
* ``data``, ``metrics``, ``judges``, ``evaluations``: what hosts are trained on and scored by.
* ``runs``, ``views``, ``cli``: what a run leaves behind, what one sees of it, and ``python train.py``.
* ``sharing``: :func:`load_host`, a trained host from its run folder.
"""

from mine_lightning.bounds import SMILE, DonskerVaradhan, FDivergence, InfoNCE, JensenShannon, SumOverParts
from mine_lightning.data.celeba import CelebA
from mine_lightning.data.flat_mnist import FlatMNIST
from mine_lightning.data.mnist_digits import MNISTDigits
from mine_lightning.data.stacked_mnist import StackedMNIST
from mine_lightning.data.toy_mixtures import ToyMixture
from mine_lightning.errors import InputError
from mine_lightning.estimation import MIEstimate, estimate_mi
from mine_lightning.estimator import MINE
from mine_lightning.hosts.ali import ALI
from mine_lightning.hosts.alice import ALICE
from mine_lightning.hosts.classifier import Classifier
from mine_lightning.hosts.dcgan import DCGAN
from mine_lightning.hosts.pacgan import PacGAN
from mine_lightning.hosts.unrolled_gan import UnrolledGAN
from mine_lightning.hosts.veegan import VEEGAN
from mine_lightning.metrics.modes import ModeCount, ModeKL
from mine_lightning.metrics.mutual_information import MutualInformation
from mine_lightning.networks.coarse import CoarseStatistics
from mine_lightning.networks.gaussian import GaussianStatistics
from mine_lightning.networks.noisy_copy import NoisyCopyStatistics
from mine_lightning.networks.separable import SeparableStatistics
from mine_lightning.networks.standardised import StandardisedStatistics
from mine_lightning.networks.statistics import BlurredStatistics, ConvStatistics, LabelStatistics, MLPStatistics
from mine_lightning.pairing import AllOthers, Derangements
from mine_lightning.regularizer.callback import MINERegularizer
from mine_lightning.regularizer.monitor import MIMonitor
from mine_lightning.sharing import load_host

__version__ = "0.1.0"

__all__ = [
    "ALI",
    "ALICE",
    "DCGAN",
    "MINE",
    "SMILE",
    "VEEGAN",
    "AllOthers",
    "BlurredStatistics",
    "CelebA",
    "Classifier",
    "CoarseStatistics",
    "ConvStatistics",
    "Derangements",
    "DonskerVaradhan",
    "FDivergence",
    "FlatMNIST",
    "GaussianStatistics",
    "InfoNCE",
    "InputError",
    "JensenShannon",
    "LabelStatistics",
    "MIEstimate",
    "MIMonitor",
    "MINERegularizer",
    "MLPStatistics",
    "MNISTDigits",
    "ModeCount",
    "ModeKL",
    "MutualInformation",
    "NoisyCopyStatistics",
    "PacGAN",
    "SeparableStatistics",
    "StackedMNIST",
    "StandardisedStatistics",
    "SumOverParts",
    "ToyMixture",
    "UnrolledGAN",
    "estimate_mi",
    "load_host",
]
