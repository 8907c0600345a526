"""The callback that adds a mutual-information term to any LightningModule, in three ideas.

* ``capture``: where x and z come from, spelled as strings.
* ``merge``: the term's gradient beside the host's, joined at the optimizer step.
* ``callback``: :class:`MINERegularizer`, which Lightning calls.
"""

from mine_lightning.regularizer.callback import MINERegularizer

__all__ = ["MINERegularizer"]
