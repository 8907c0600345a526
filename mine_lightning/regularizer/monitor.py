"""MIMonitor: how much layers of any LightningModule tell of x and of y while it trains; changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, final

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from torch import nn

from mine_lightning.errors import InputError
from mine_lightning.networks.statistics import LabelStatistics, MLPStatistics
from mine_lightning.pairing import Pairing
from mine_lightning.regularizer.callback import MINERegularizer
from mine_lightning.types import OptimizerFactory, PlanePoint, StatisticsFactory

__all__ = ["MIMonitor"]


@final
class MIMonitor(Callback):
    r"""Log I(x; layer) and I(layer; y) of named layers while a model trains, and draw the information plane.

    Each of the two is a :class:`MINERegularizer` with ``beta=0`` and a statistics network T of its own: the model's
    weights are bitwise those without the monitor. A layer is named in logs by its capture, without ``output:``:

    ==============================  ==========================================================================
    ``mine/encoder/x/mi``           I(x; encoder) on the training batch, nats, before T's update
    ``mine/encoder/y/mi``           I(encoder; y) on the training batch, likewise
    ``val/encoder/x_mi``            I(x; encoder) on held-out pairs, nats; ``val/encoder/x_mi_stderr`` is its noise
    ``val/encoder/y_mi``            I(encoder; y) on held-out pairs, likewise
    ==============================  ==========================================================================

    The held-out values make :attr:`history`, which is saved in checkpoints.

    How to read it. For a layer that is a deterministic function of a continuous x, the true I(x; layer) is infinite
    (or, for a finite data set, the constant log of its size), whatever the layer does: Saxe et al. 2018, Goldfeld et
    al. 2019. The number then tells how well T, after so many steps, can tell a layer's own x from another's: a measure
    of how the layer clusters its inputs. No lower bound on n held-out pairs is to be trusted near or above ln n
    (McAllester and Stratos 2020); nothing stops the value there. It is an information in the strict sense where the
    layer is noisy in validation too (a sampled code) or x is discrete. I(layer; y) with labels is at most their
    entropy and has none of these limits. Every value lags: T learns while the model moves, so a low one may be a T
    that is behind, and a training value far above the held-out one is a T that learnt its pairs by heart.

    Sources: Tishby and Zaslavsky, Deep Learning and the Information Bottleneck Principle, 2015, arXiv:1503.02406 (the
    plane). Saxe et al., On the Information Bottleneck Theory of Deep Learning, ICLR 2018. Goldfeld et al., Estimating
    Information Flow in Deep Neural Networks, ICML 2019, arXiv:1810.05728. McAllester and Stratos, Formal Limitations on
    the Measurement of Mutual Information, AISTATS 2020, arXiv:1811.04251.

    Args:
        layers: captures of the layers, such as ``["output:encoder", "output:head"]``;
            :mod:`mine_lightning.regularizer.capture` has the grammar.
        x: capture of the model's input.
        y: capture of what it should tell.
        classes: number of classes where y are labels 0, 1, ..., each one whole number; None where y is a vector.
        statistics_network: callable from the shapes of x and of a layer to T, for I(x; layer);
            :class:`ConvStatistics` suits images. I(layer; y) takes :class:`LabelStatistics` for labels, else this too.
        pairing: how marginal samples are drawn; one derangement of the batch by default. More partners, as of
            ``Derangements(8)``, lower the noise of every value.
        optimizer: callable from T's parameters to an optimizer, as in :class:`MINERegularizer`.
        t_steps: updates of each T for each batch.
        held_out: pairs of each validation that values are estimated on; see :class:`MINERegularizer`.
        seed: of the initial weights of each T, its noise and its pairs.

    Raises:
        InputError: for no layers or one that is named twice, a finished module as ``statistics_network``, and at the
            start of training for a capture that does not exist or a second monitor on the model.

    Attributes:
        history: one :class:`mine_lightning.types.PlanePoint` for each validation of a training and layer, oldest first.

    Examples:
        >>> from mine_lightning import MIMonitor
        >>> monitor = MIMonitor(["output:encoder", "output:head"], x="batch:0", y="batch:1", classes=10)
    """

    def __init__(
        self,
        layers: Sequence[str],
        x: str,
        y: str,
        classes: int | None = None,
        statistics_network: StatisticsFactory = MLPStatistics,
        pairing: Pairing | None = None,
        optimizer: OptimizerFactory | None = None,
        t_steps: int = 1,
        held_out: int = 10_000,
        seed: int = 0,
    ) -> None:
        layers = list(layers) if isinstance(layers, Iterable) and not isinstance(layers, str) else layers
        _check(layers, x, y, statistics_network)
        self.x = x
        self.y = y
        self.classes = classes
        self.history: list[PlanePoint] = []
        # a direction has no meaning where beta is 0, but it has no default either
        term = partial(
            MINERegularizer,
            direction="minimize",
            beta=0.0,
            pairing=pairing,
            optimizer=optimizer,
            t_steps=t_steps,
            held_out=held_out,
            seed=seed,
        )
        of_y = statistics_network if classes is None else partial(LabelStatistics, classes=classes)
        self._terms: dict[str, MINERegularizer] = {}
        for layer in layers:
            to_x, to_y = (f"{_name(layer)}/{other}" for other in "xy")
            self._terms[to_x] = term(x, layer, statistics_network=statistics_network, name=to_x)
            self._terms[to_y] = term(layer, y, statistics_network=of_y, name=to_y)
        self._pairs: dict[str, int] = {}

    @property
    def layers(self) -> list[str]:
        """The layers' names in logs."""
        return list(dict.fromkeys(name.rpartition("/")[0] for name in self._terms))

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw the information plane: a line for each layer, from pale to full as epochs pass; axes in nats.

        Args:
            path: where to save it too, such as ``"plane.png"``.

        Returns:
            The ``matplotlib.figure.Figure``.

        Raises:
            InputError: before the first validation, or without matplotlib.
        """
        if not self.history:
            raise InputError(
                "Expected a validation before the plot but there was none in this process; give trainer.fit a "
                "validation dataloader, and no strategy that spawns all of its processes."
            )
        from mine_lightning.views.information_plane import information_plane

        figure = information_plane(self.history, self.classes)
        if path is not None:
            figure.savefig(path)
        return figure

    # --- what is saved

    @property
    def state_key(self) -> str:
        return self._generate_state_key(x=self.x, y=self.y)

    def state_dict(self) -> dict[str, Any]:
        terms = {name: term.state_dict() for name, term in self._terms.items()}
        return {"history": [list(point) for point in self.history], "terms": terms}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history = [PlanePoint(*point) for point in state_dict["history"]]
        for name, state in state_dict["terms"].items():
            if name in self._terms:  # a layer may have been added or dropped since
                self._terms[name].load_state_dict(state)

    # --- Lightning's hooks: those below, and all others through _forwarded at the end of this file

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        others = sum(isinstance(callback, MIMonitor) for callback in trainer.callbacks)  # type: ignore[attr-defined]
        if others > 1:
            raise InputError(
                f"Expected one MIMonitor on a model but got {others}, whose logs would mix; name all layers in one."
            )
        self._forward("setup", trainer, pl_module, stage)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._pairs = {name: term._validation.pairs * trainer.world_size for name, term in self._terms.items()}
        self._forward("on_validation_epoch_end", trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._forward("on_validation_end", trainer, pl_module)
        # a validation by itself may be of any model, and is no point of this training
        if self._pairs and trainer.state.fn == TrainerFn.FITTING:
            self._add_points(trainer)
        self._pairs = {}

    def _add_points(self, trainer: Trainer) -> None:
        # read once Lightning has averaged the terms' logs over processes
        for layer in self.layers:
            pairs = min(self._pairs.get(f"{layer}/{other}", 0) for other in "xy")
            names = [f"val/{layer}/{other}_mi" for other in "xy"]
            if pairs > 0 and trainer.callback_metrics.keys() >= set(names):  # another process may have had no pairs
                mi_x, mi_y = (trainer.callback_metrics[name].item() for name in names)
                self.history.append(PlanePoint(trainer.current_epoch, layer, mi_x, mi_y, pairs))

    def _forward(self, hook: str, *arguments: Any, **named: Any) -> None:
        for term in self._terms.values():
            getattr(term, hook)(*arguments, **named)


def _name(layer: str) -> str:
    return layer.removeprefix("output:")


def _check(layers: Sequence[str], x: str, y: str, statistics_network: Any) -> None:
    if not isinstance(layers, list) or not layers:
        raise InputError(
            f"Expected a list of layers, such as ['output:encoder'], but got {layers!r}; name one or more."
        )
    for capture in (*layers, x, y):
        if not isinstance(capture, str):
            raise InputError(
                f"Expected x, y and each layer to be one capture, such as 'output:encoder', but got {capture!r}; "
                "write a string."
            )
    twice = [layer for layer, times in Counter(layers).items() if times > 1]
    if twice:
        raise InputError(f"Expected each layer once but got {twice[0]!r} twice; leave one out.")
    if isinstance(statistics_network, nn.Module):
        raise InputError(
            f"Expected a callable that makes a statistics network for each layer but got a finished "
            f"{type(statistics_network).__name__}; pass its class, or a function of the two shapes."
        )


def _forwarded(hook: str) -> Callable[..., None]:
    def forward(self: MIMonitor, *arguments: Any, **named: Any) -> None:
        self._forward(hook, *arguments, **named)

    return forward


# every hook there is, not only those that MINERegularizer has today: what it learns to listen to must reach it here too
for _hook in vars(Callback):
    if (_hook.startswith("on_") or _hook == "teardown") and _hook not in vars(MIMonitor):
        setattr(MIMonitor, _hook, _forwarded(_hook))
