"""The callbacks for ``lightning``, the other package that Lightning is published as.

In Python :class:`mine_lightning.MINERegularizer` and :class:`mine_lightning.MIMonitor` may be given to the Trainer of
either. The ``LightningCLI`` of ``lightning.pytorch`` takes callbacks of its own class alone: in its YAML write

.. code-block:: yaml

    trainer:
      callbacks:
        - class_path: mine_lightning.lightning.MINERegularizer
          init_args: {x: "batch:0", z: "input:head", direction: minimize, beta: 1.0e-3}
"""

from __future__ import annotations

from lightning.pytorch import Callback

from mine_lightning.regularizer import callback, monitor

__all__ = ["MIMonitor", "MINERegularizer"]


class MINERegularizer(callback.MINERegularizer, Callback):  # type: ignore[misc] # changes nothing of what is final
    """:class:`mine_lightning.MINERegularizer`, which is a callback of ``lightning.pytorch`` too.

    Its checkpoints are those of the other, and either goes on from them.
    """


class MIMonitor(monitor.MIMonitor, Callback):  # type: ignore[misc] # changes nothing of what is final
    """:class:`mine_lightning.MIMonitor`, which is a callback of ``lightning.pytorch`` too."""
