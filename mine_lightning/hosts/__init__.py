"""One system of the paper's tables per file: LightningModules that know nothing of mutual information.

A host takes its networks, optimizers and penalties as objects. What several of them share is composed from functions
(``adversarial``, ``alternation``), not inherited; what a classifier descends is an object of ``classification``, what
ALICE asks of a reconstruction one of ``cycles``. To add a host: a file here, its test, for a GAN a row in
``tests/gans.py`` (which the tests that every GAN must pass walk), a config.
"""

from mine_lightning.hosts.ali import ALI
from mine_lightning.hosts.alice import ALICE
from mine_lightning.hosts.classifier import Classifier
from mine_lightning.hosts.dcgan import DCGAN
from mine_lightning.hosts.pacgan import PacGAN
from mine_lightning.hosts.unrolled_gan import UnrolledGAN
from mine_lightning.hosts.veegan import VEEGAN

__all__ = ["ALI", "ALICE", "DCGAN", "VEEGAN", "Classifier", "PacGAN", "UnrolledGAN"]
