"""What is said, once and in plain words, where an estimate can't be read as it stands."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from mine_lightning.regularizer.ascent import Reading
from mine_lightning.regularizer.once import Once

__all__ = ["Health"]

# of a running mean over batches: the last fifty or so count
_RATE = 0.02
# nats: an estimate that is 0 but for chance, or for a T that lags, is nearer
_FAR_BELOW = -0.5
# updates before a judgement: T starts from nothing, and so does the moving average
_WARM_UP = 200


class Health:
    """Watches an estimate while T trains, without waiting for a device, and judges it at each validation's end.

    Args:
        name: of the estimate in the logs, for the messages.
        direction: which way the host moves the mutual information.
        once: says it.
    """

    def __init__(self, name: str, direction: Literal["maximize", "minimize"], once: Once) -> None:
        self._once = once
        self.name = name
        self.direction = direction
        self._value: Tensor | None = None
        self._drift: Tensor | None = None
        self._updates = 0
        self._limit = math.inf
        self._pairs = 0
        self._best = -math.inf
        self._overflows = 0  # in a row

    def watch(self, reading: Reading) -> None:
        """Take in what the bound read on a training batch."""
        self._updates += 1
        if reading.pairs >= self._pairs:  # an epoch's small rest, just before a judgement, shows less
            self._limit, self._pairs = reading.limit, reading.pairs
        self._value = _moved(self._value, reading.value)
        self._drift = None if reading.drift is None else _moved(self._drift, reading.drift)

    def watch_held(self, g_u: Tensor, g_m: Tensor) -> None:
        """Say where a share that waits for the step overflows at the loss scaler's scale time and again.

        Args:
            g_u: norm of the host's own gradient, all that the scaler looks at.
            g_m: norm of the share.
        """
        unseen = bool(g_u.isfinite() & ~g_m.isfinite())
        self._overflows = self._overflows + 1 if unseen else 0
        if self._overflows == 3:
            self._once.say(
                "overflow",
                f"the gradient of {self.name} overflows in half precision at the loss scaler's scale and is left out "
                "of the steps: the scaler looks at the host's own alone. Give adaptive_clip=False, by which it looks "
                "at both, or precision='bf16-mixed'.",
            )

    def judge(
        self, held_out: float | None = None, stderr: float = 0.0, watches: bool = False, passes: str = ""
    ) -> None:
        """Say what is off, each thing once.

        Args:
            held_out: the value on held-out pairs in nats, if there is one.
            stderr: its standard error.
            watches: whether the term does nothing but watch.
            passes: a sentence on x or z that ran several times in a held-out batch, if one did.
        """
        if held_out is not None and not math.isfinite(held_out):
            self._once.say(
                "held out finite",
                f"the held-out value of {self.name} is {held_out}: a number in the validation data, or in what the "
                "host makes of them, is not finite, or T has diverged; look for NaN in the data first.",
            )
            held_out = None
        if self._value is None or self._updates < _WARM_UP:
            return
        value = self._value.item()
        if not math.isfinite(value):
            self._once.say(
                "finite",
                f"{self.name} is {value}: T has diverged, or x or z overflowed in a training batch; lower T's learning "
                "rate, and look at the host's loss and for NaN in the data.",
            )
            return
        self._judge_sign(value, watches)
        self._judge_limit(value)
        self._judge_average()
        if held_out is not None:
            self._judge_held_out(value, held_out, stderr, passes)

    def _judge_sign(self, value: float, watches: bool) -> None:
        if value < _FAR_BELOW:
            self._once.say(
                "sign",
                f"{self.name} is {value:.3f} nats, far below 0, which no information is: T has not learnt its pairs, "
                "and its slope says nothing to the host. Bring x and z to numbers about 1 in size, or lower T's "
                "learning rate.",
            )
        elif self.direction == "minimize" and value <= 0:
            idle = "" if watches else ", and a term that minimises it does nothing until T has caught up"
            self._once.say(
                "sign",
                f"{self.name} is {value:.3f} nats: either x and z share next to nothing or T lags behind the host"
                f"{idle}. Raise t_steps or T's learning rate until it stops rising.",
            )

    def _judge_limit(self, value: float) -> None:
        if value > 0.9 * self._limit:
            self._once.say(
                "limit",
                f"{self.name} is {value:.2f} nats, near {self._limit:.2f}, the most that the {self._pairs} marginal "
                "scores of a batch can show: the truth may lie far above. Larger batches, Derangements(k) with more "
                "partners, or SumOverParts where z has many numbers raise the limit.",
            )

    def _judge_average(self) -> None:
        drift = 0.0 if self._drift is None else self._drift.item()
        if abs(drift) > 1:
            factor = math.exp(min(abs(drift), 30))
            self._once.say(
                "average",
                f"the moving average of {self.name} is off by a factor of {factor:.3g} from the batches' own mean: T "
                "changes faster than the average follows. Raise DonskerVaradhan(rate=...) or lower T's learning rate.",
            )

    def _judge_held_out(self, value: float, held_out: float, stderr: float, passes: str) -> None:
        self._best = max(self._best, held_out)
        if value > 0.5 and held_out + 2 * stderr < value / 2:
            self._once.say(
                "lag",
                f"{self.name} is {value:.2f} nats in training but {held_out:.2f} on held-out pairs: T has learnt its "
                "training batches by heart, sees other inputs in validation, or sorted ones. Read the held-out value; "
                f"more data, noise on T's input or a smaller T narrow the gap. {passes}".rstrip(),
            )
        if self.direction == "maximize" and self._best > 0.5 and held_out + 2 * stderr < self._best / 2:
            self._once.say(
                "falling",
                f"the held-out value of {self.name} fell from {self._best:.2f} to {held_out:.2f} nats while the host "
                "was to raise it: T no longer keeps up with the host. Raise t_steps or T's learning rate.",
            )


def _moved(older: Tensor | None, new: Tensor) -> Tensor:
    new = new.detach()
    if older is None:
        return new.clone()
    moved = torch.lerp(older, new.to(older), _RATE)
    return torch.where(moved.isfinite(), moved, new.to(older))  # one batch that overflowed is no T that has diverged
