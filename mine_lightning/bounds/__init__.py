"""Dual representations of the KL divergence between a joint and the product of its marginals, in nats.

Contract. A bound is an ``nn.Module`` over scores of one statistics network T: ``joint`` ``[n]``, T at n samples of
P(X,Z), and ``marginal`` ``[n, k]``, T at k samples of P(X)P(Z) for each of them.

* ``bound(joint, marginal)`` is the value on the batch, differentiable, and changes nothing. Its gradient is what a
  host gets that maximises or minimises the mutual information.
* ``bound.objective(joint, marginal)`` is what T ascends. Only its gradient counts. In training mode it may move
  state (a registered buffer), in evaluation mode never.
* ``bound.shift_invariant`` says that T + constant scores the same, so that a bias of T's last layer has no gradient.

A bound over parts of z, :class:`SumOverParts`, has scores of one axis more, the parts of each pair.

Scores in half precision are read as float32. Where several processes train together, means over the marginal are
taken over all of them, and the average over ranks of the gradients is the gradient on the global batch.

To add one: a module here with its equation and source, its line below, a row in ``tests/cases.py``.
"""

from mine_lightning.bounds.bound import Bound, log_mean_exp
from mine_lightning.bounds.donsker_varadhan import DonskerVaradhan
from mine_lightning.bounds.f_divergence import FDivergence
from mine_lightning.bounds.info_nce import InfoNCE
from mine_lightning.bounds.jensen_shannon import JensenShannon
from mine_lightning.bounds.smile import SMILE
from mine_lightning.bounds.sum_over_parts import SumOverParts

__all__ = [
    "SMILE",
    "Bound",
    "DonskerVaradhan",
    "FDivergence",
    "InfoNCE",
    "JensenShannon",
    "SumOverParts",
    "log_mean_exp",
]
