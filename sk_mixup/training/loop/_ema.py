"""An average of the weights over the steps of a training.

The module holds the weights that are trained while it trains, and their average at any
other time: validation, callbacks at the end of an epoch, early stopping's best weights
and the fitted module all see the average. Tensors are exchanged in place, so that the
optimizer keeps its parameters. Buffers, such as the statistics of batch normalisation,
are those of the trained module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sk_mixup.training.loop._fetching import on_host


class WeightAverage:
    """Exponential moving average of floating point weights.

    After t steps the weights of step i count ``decay ** (t - i)``, scaled to sum to
    one: the initial weights count nothing, and early averages are not biased to them.

    Parameters
    ----------
    decay : float
        In [0, 1).
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.n_steps = 0
        self.average: list[Tensor] = []
        #: Trained weights, while the module holds the average.
        self.trained: list[Tensor] = []
        self._parameters: list[Tensor] = []
        self._is_shown = False

    @torch.no_grad()
    def begin(self, module: torch.nn.Module) -> None:
        """Go on with the average that the module holds, or start a new one.

        Weights that somebody has changed since are where a new average starts, as those
        of an earlier epoch, which early stopping has put back.
        """
        self._parameters = [p for p in module.parameters() if p.is_floating_point()]
        if self._is_shown and self._is_held():
            return
        self.n_steps, self.average, self.trained = 0, [], []
        self._is_shown = False

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        self.n_steps += 1
        if not self.average:
            self.average = [p.detach().clone() for p in self._parameters]
            return
        share = (1.0 - self.decay) / (1.0 - self.decay**self.n_steps)
        torch._foreach_lerp_(self.average, self._parameters, share)

    @torch.no_grad()
    def show(self) -> None:
        """Put the average into the module."""
        if self._is_shown or not self.average:
            return
        self.trained = self.trained or [torch.empty_like(p) for p in self._parameters]
        torch._foreach_copy_(self.trained, self._parameters)
        torch._foreach_copy_(self._parameters, self.average)
        self._is_shown = True

    @torch.no_grad()
    def hide(self) -> None:
        """Put the trained weights back."""
        if self._is_shown:
            torch._foreach_copy_(self._parameters, self.trained)
            self._is_shown = False

    @torch.no_grad()
    def end(self, after_training: Callable[[], None]) -> None:
        """End a training with the average in the module.

        Parameters
        ----------
        after_training : callable
            Changes the weights in ways that a further training need not mind.
        """
        goes_on = self._is_shown and self._is_held()
        after_training()
        if goes_on:
            torch._foreach_copy_(self.average, self._parameters)
        else:
            self.n_steps, self.average, self.trained = 0, [], []
            self._is_shown = False
        self._parameters = []

    def _is_held(self) -> bool:
        if len(self.average) != len(self._parameters):
            return False
        pairs = [
            (p, a.to(p.device))
            for p, a in zip(self._parameters, self.average, strict=True)
        ]
        if any(p.shape != a.shape for p, a in pairs):
            return False
        return all(map(bool, on_host([(p == a).all() for p, a in pairs])))

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the parameters, which are the module's."""
        return vars(self) | {"_parameters": []}
