"""Callbacks that attach mutual information to any LightningModule, from outside.

* ``callback``: :class:`MINERegularizer`; ``monitor``: :class:`MIMonitor`, several of them that only watch.
* ``capture``: where x and z come from, spelled as strings; ``lookup``: finds what they name; ``recorder``: catches
  it, by ``hooks``; ``captured``: the pair that was caught.
* ``term``: the term's gradient on one batch; ``graph``: what the graph of a loss tells; ``compiled``: what a compiled
  host must keep for it.
* ``merge``: that gradient held beside the host's, and joined with it at the optimizer step.
* ``ascent``: T, how it is built, trained and saved; ``average``: T beside a host whose weights are averaged.
* ``ranks``: what several processes decide together; ``health``: what is said where a reading is off, ``units``:
  where data are of a size that T can't learn from.
"""

from mine_lightning.regularizer.callback import MINERegularizer
from mine_lightning.regularizer.monitor import MIMonitor

__all__ = ["MIMonitor", "MINERegularizer"]
