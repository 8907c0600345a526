"""LightningDataModules, and where their data comes from; imports nothing else of this package but its error.

Whatever the source, the data set that was really used has a name (``DigitImages.name``) that goes into every result.
"""

from mine_lightning.data.celeba import CelebA
from mine_lightning.data.flat_mnist import FlatMNIST
from mine_lightning.data.mnist_digits import MNISTDigits
from mine_lightning.data.stacked_mnist import StackedMNIST
from mine_lightning.data.toy_mixtures import GaussianGrid, Spiral, ToyMixture

__all__ = ["CelebA", "FlatMNIST", "GaussianGrid", "MNISTDigits", "Spiral", "StackedMNIST", "ToyMixture"]
