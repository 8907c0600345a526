"""One system of the paper's tables per file: LightningModules that know nothing of mutual information.

A host takes its networks, optimizers and penalties as objects. What several of them share is composed from functions
(``adversarial``), not inherited. To add one: a file here, its test, a row in ``tests/cases.py``, a config.
"""

from mine_lightning.hosts.dcgan import DCGAN

__all__ = ["DCGAN"]
