"""The pairs of a validation, which T was not trained on, and what is read on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor

from mine_lightning.batch_order import SORTED, BatchOrder
from mine_lightning.errors import InputError
from mine_lightning.held_out import HeldOut
from mine_lightning.regularizer.ascent import Ascent, detached
from mine_lightning.regularizer.once import Once
from mine_lightning.regularizer.ranks import Ranks
from mine_lightning.regularizer.recorder import Recorder

__all__ = ["Validation"]


class Validation:
    """Gathers T's scores of the pairs that a host shows while it is validated; T stands still.

    A batch that does not show them, or not of the kind that T was trained on, is left out, which is said once.

    Args:
        recorder: catches the pairs.
        ascent: has T.
        ranks: the processes, which read one estimate together.
        once: says what is left out.
        limit: of the pairs of each validation, process by process; whole batches are taken until there are so many.
    """

    def __init__(self, recorder: Recorder, ascent: Ascent, ranks: Ranks, once: Once, limit: int) -> None:
        self._recorder, self._ascent, self._ranks, self._once = recorder, ascent, ranks, once
        self._held_out = HeldOut(limit)
        self._order = BatchOrder()
        self._single = False
        self.passes = ""  # where x or z ran more often in the newest batch, a sentence that says so

    @property
    def pairs(self) -> int:
        """The pairs that this process has gathered."""
        return self._held_out.pairs

    def clear(self) -> None:
        """Let go of what was gathered."""
        self._held_out.clear()
        self._order.clear()
        self._single = False

    def tell_of_no_network(self, trainer: Trainer) -> None:
        """Tell where a validation by itself can have no value."""
        if self._ascent.mine is None and trainer.state.fn == TrainerFn.VALIDATING and not self._held_out.full:
            self._once.say(
                "untrained",
                "there is no held-out value: this callback has no T, since it was trained on nothing here and no "
                "checkpoint has one; fit first, or give ckpt_path.",
            )

    def before_batch(self, trainer: Trainer, host: LightningModule, batch: Any) -> None:
        """Get ready to catch a batch's pair."""
        if self._wants(trainer):
            with self._left_out_if_other():
                self._recorder.arm(host, batch)

    def after_batch(self, trainer: Trainer, host: LightningModule, number: int) -> None:
        """Take in T's scores of the pair that the batch has shown.

        Args:
            trainer: the host's.
            host: has run.
            number: of the batch, which sets T's noise and partners.
        """
        if not self._wants(trainer):
            return
        with self._left_out_if_other():
            pair = self._recorder.newest(host)
            self.passes = self._recorder.differing_passes()
            if pair is None:
                self._tell_unseen(host)
            elif len(pair.x) >= 2:
                x, z = detached(pair.x, host), detached(pair.z, host)
                self._held_out.add(*self._ascent.evaluate(trainer, host, x, z, f"validation {number}"))
                self._order.add(x, z)
            elif len(pair.x) == 1:
                self._single = True
        self._recorder.disarm()

    def estimate(self, world_size: int) -> tuple[Tensor, Tensor] | None:
        """Return the bound's value in nats and its standard error, and let go of what was gathered.

        None for all processes where one of them has no pairs.

        Args:
            world_size: processes over which both numbers will be averaged.
        """
        mine = self._ascent.mine
        if mine is None:
            return None
        if self._order.is_sorted:
            self._once.say("order", f"a held-out value is of what differs within batches alone: {SORTED}")
        if self._single and self.pairs == 0:
            self._once.say(
                "held out single",
                "there is no held-out value: what a validation batch shows is one sample, of which no marginal pair "
                "can be made; give the validation loader a batch size of 2 or more.",
            )
        some = self._ranks.all(self.pairs > 0)
        found = self._held_out.estimate(mine.bound, world_size) if some else None
        self.clear()
        return found

    def _wants(self, trainer: Trainer) -> bool:
        """Return whether this batch counts: T is there and has seen such a host, it is no test, pairs are too few."""
        if self._ascent.mine is None or not trainer.validating or self._held_out.full:
            return False
        if self._ascent.waits_for_average(trainer):
            self._once.say(
                "no average",
                "there is no held-out value yet: the average of the host's weights, by which it is validated, has not "
                "begun, and T reads the weights that are trained; there is one once the average begins.",
            )
            return False
        return True

    @contextmanager
    def _left_out_if_other(self) -> Iterator[None]:
        """Leave a batch out, and say so once, where it is not of the kind that T was trained on."""
        try:
            yield
        except InputError as error:
            self._once.say("other", f"validation batches are left out of the estimate: {error}")

    def _tell_unseen(self, host: LightningModule) -> None:
        missing, names = self._recorder.missing()
        if any(capture.kind == "batch" for capture in missing):
            return  # a batch of another kind, which has been told
        self._once.say(
            "unseen",
            f"a validation batch is left out of the estimate: {names} was not seen in it; for a held-out value let "
            f"{type(host).__name__}.validation_step run what is captured, as training_step does.",
        )
