"""What is said where a term has not reached its host by the time that it should have."""

from __future__ import annotations

from pytorch_lightning import LightningModule, Trainer

from mine_lightning.errors import InputError
from mine_lightning.regularizer.captured import Captured
from mine_lightning.regularizer.graph import leaves, was_walked
from mine_lightning.regularizer.merge import parameters_of
from mine_lightning.regularizer.once import Once
from mine_lightning.regularizer.recorder import Recorder

__all__ = ["FirstBatches"]

# batches that a host may take until its loss first runs through x or z
PATIENCE = 50


class FirstBatches:
    """Judges what the first batches of a fit have shown.

    What can't be meant is refused: a capture that never runs, two that carry no gradient, a backward that Lightning
    does not see. What may be meant is told: a backbone that is frozen for now, a critic that trains alone at first.

    Args:
        x: capture of x, as the user wrote it.
        z: likewise z.
        recorder: catches both.
        once: says what is told.
    """

    def __init__(self, x: str, z: str, recorder: Recorder, once: Once) -> None:
        self.x, self.z = x, z
        self._recorder, self._once = recorder, once
        self.start()

    def start(self) -> None:
        """Begin to judge, at the start of a fit."""
        self._judged = False
        self._backward_seen = False
        self._largest: int | None = None

    def saw_backward(self) -> None:
        """Note that Lightning saw a backward."""
        self._backward_seen = True

    def judge(
        self,
        trainer: Trainer,
        host: LightningModule,
        pair: Captured | None,
        batch_idx: int,
        watches: bool,
        built: bool,
        begun: bool,
    ) -> None:
        """Look at what a batch has shown.

        Args:
            trainer: the host's.
            host: the module that trains.
            pair: what was captured, if anything was.
            batch_idx: of the epoch.
            watches: whether the term has no weight.
            built: whether both have been captured before, so that T is there.
            begun: whether a backward has brought the term's gradient yet.

        Raises:
            InputError: for what can't be meant.
        """
        if pair is not None:
            self._largest = max(self._largest or 0, len(pair.x))
            self._refuse_unseen_backward(host, pair, watches)
        # an automatic host may skip a batch by returning None, a manual one may train its generator every fifth batch
        early = batch_idx + 1 < PATIENCE and not trainer.is_last_batch
        waits = pair is None or not host.automatic_optimization or not self._backward_seen
        if host.automatic_optimization and not self._backward_seen:
            return  # it returned None for every batch so far: nothing has been shown yet
        if self._judged or (not begun and early and waits):
            return
        self._judged = not watches  # a term without weight may be given one, and then has to have an effect
        if begun:
            return
        if pair is None and not built:
            self._tell_missing(host, batch_idx)
        if not watches and (pair is None or len(pair.x) >= 2):
            self._tell_no_effect(host, pair)

    def end_epoch(self, name: str) -> None:
        """Tell of batches that were too small all along; ``name`` is the estimate's."""
        if self._largest is not None and self._largest < 2:
            had = "one sample" if self._largest else "no sample"
            self._once.say(
                "single",
                f"{name} has no value and the term no effect: every batch had {had}, of which no marginal pair "
                "can be made; give the loader a batch size of 2 or more, or capture what has more samples.",
            )

    def tell_of_no_optimizer(self, trainer: Trainer, host: LightningModule, pair: Captured) -> None:
        """Tell where no optimizer has a parameter that the pair depends on."""
        optimized = {parameter for optimizer in trainer.optimizers for parameter in parameters_of(optimizer)}
        if not leaves(pair.through) & optimized:
            self._once.say(
                "frozen",
                f"no optimizer of {type(host).__name__} has a parameter that {self.x!r} and {self.z!r} depend on: "
                "the term has no effect; give configure_optimizers that part of the model.",
            )

    def _refuse_unseen_backward(self, host: LightningModule, pair: Captured, watches: bool) -> None:
        if watches or host.automatic_optimization or pair.seen:
            return
        if any(was_walked(tensor) for tensor in pair.through):
            raise InputError(
                f"Expected {type(host).__name__} to call self.manual_backward(loss) but a backward that Lightning did "
                "not see ran through the captured tensors; loss.backward() and torch.autograd.grad bypass every "
                "callback, and a loss that is computed from what x and z were made of, not from x or z, passes them "
                "by: where one is a property, set self.v to it in training_step and give 'attr:v'."
            )

    def _tell_missing(self, host: LightningModule, batch_idx: int) -> None:
        missing = self._recorder.explain_missing(host)
        if host.automatic_optimization or batch_idx + 1 == PATIENCE:
            raise InputError(missing)
        self._once.say("waits", missing)

    def _tell_no_effect(self, host: LightningModule, pair: Captured | None) -> None:
        name = type(host).__name__
        if not self._backward_seen:
            raise InputError(
                f"Expected {name} to call self.manual_backward(loss) but Lightning saw no backward in its first "
                "batches; loss.backward() bypasses every callback."
            )
        could = host.automatic_optimization or self._recorder.ran_with_gradients()
        behind = any(capture.kind in ("output", "input") for capture in self._recorder.captures)
        thaws = behind and any(not parameter.requires_grad for parameter in host.parameters())
        frozen = self._recorder.is_frozen(host) or thaws
        if could and pair is not None and not pair.through and not frozen:
            raise InputError(
                f"Expected x or z to depend on {name}'s parameters but neither {self.x!r} nor {self.z!r} carries a "
                "gradient, as no constant does, nor anything within a reentrant activation checkpoint; capture a "
                "tensor that the host computes, or watch it with beta=0."
            )
        self._once.say(
            "waits",
            f"the term has had no effect on {name} so far: no backward has run through {self.x!r} or {self.z!r} with a "
            "gradient. It begins when one does; if none is meant to, capture a tensor that the loss depends on.",
        )
