"""The callback that adds a mutual-information term to any LightningModule, one idea a file.

* ``capture``: where x and z come from, spelled as strings.
* ``merge``: the term's gradient beside the host's, joined at the optimizer step.
* ``callback``: :class:`MINERegularizer`, which Lightning calls.
* ``monitor``: :class:`MIMonitor`, terms of weight 0 on many layers, and the information plane.
"""

from mine_lightning.regularizer.callback import MINERegularizer
from mine_lightning.regularizer.monitor import MIMonitor

__all__ = ["MIMonitor", "MINERegularizer"]
