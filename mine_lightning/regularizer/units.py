"""What is said of captured data whose numbers are so large or so small that T learns next to nothing from them."""

from __future__ import annotations

from torch import Tensor, nn

from mine_lightning.networks import (
    BlurredStatistics,
    ConvStatistics,
    LabelStatistics,
    MLPStatistics,
    SeparableStatistics,
)
from mine_lightning.regularizer.once import Once

__all__ = ["tell_of_units"]

# of 2.0 nats a T over an x of four columns in units of 0.03 read 0.7, of 0.1 1.3, of 10 1.8, of 30 0.6 and of 100 less
# than -30. Small is what all columns together are: those of a vector of length 1 are, and read well
_LEAST, _MOST = 0.05, 20.0
# these take numbers as they come; another T, of the user's own too, may bring them to one size itself
_AS_THEY_COME = (MLPStatistics, BlurredStatistics, ConvStatistics, SeparableStatistics)


def tell_of_units(text: str, side: Tensor, network: nn.Module, once: Once) -> None:
    """Tell where data are in units that T can't learn from.

    Args:
        text: the capture.
        side: what it caught, ``[n, ...]``. One that carries a gradient is passed over: training may yet bring it to
            another size.
        network: T.
        once: says it.
    """
    labels = isinstance(network, LabelStatistics)
    if side.requires_grad or not (labels or isinstance(network, _AS_THEY_COME)) or (labels and side.dim() == 1):
        return
    columns = side.detach().reshape(len(side), -1).float()
    size, spread = columns.square().mean(0).amax().sqrt().item(), columns.var(0).sum().sqrt().item()
    if size > _MOST or 0 < spread < _LEAST:
        number = f"numbers as large as {size:.2g}" if size > _MOST else f"a standard deviation of {spread:.2g}"
        once.say(
            f"units {text}",
            f"{text!r} has {number}, and T learns best from numbers about 1 in size: a value that stays near 0 or "
            "falls far below it comes of that. Divide the data by their standard deviation, less their mean, where "
            "batches are made, which changes no information; or give them as z, and T StandardisedStatistics.",
        )
