"""Whether a batch or a row is mixed: probabilities, schedules, epochs without."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import Parameterized, check_number
from sk_mixup.mixing.draws import (
    MixStreams,
    Schedule,
    effective_alpha,
    uniform,
    uniforms,
    value_at,
)


class Gated(Parameterized):
    """Base of what is on or off, by its parameters and the state of the training."""

    alpha: float | Schedule
    per: str
    # A probability or a schedule; of `OneOf` one probability per method.
    p: Any
    off_first: float
    off_last: float

    def is_on(self, context: MixContext | None) -> bool:
        """Whether the schedule lets this epoch be mixed."""
        if context is None or (not self.off_first and not self.off_last):
            return True
        if context.epoch < _epochs(self.off_first, context.n_epochs):
            return False
        if context.n_epochs is None:
            return True
        left = context.n_epochs - context.epoch
        return left > _epochs(self.off_last, context.n_epochs)

    def _alpha_now(self, context: MixContext | None) -> float:
        return effective_alpha(self._now("alpha", context, math.inf))

    def _p_now(self, context: MixContext | None) -> float:
        return self._now("p", context, 1.0)

    def _now(self, name: str, context: MixContext | None, high: float) -> float:
        """Return what a parameter or its schedule says; a schedule may say anything."""
        progress = 0.0 if context is None else context.progress
        given = getattr(self, name)
        value = value_at(given, progress)
        if not 0.0 <= value <= high or value == math.inf:
            label = f"{name} at progress {progress:g}" if callable(given) else name
            check_number(label, value, low=0.0, high=high)
        return value

    def _gate_is_open(self, streams: MixStreams, context: MixContext | None) -> bool:
        # Drawn even for p=1, so that a sweep over p reads one stream alike.
        return uniform(streams.gate) < self._p_now(context)

    def _gate(
        self, n_rows: int, streams: MixStreams, context: MixContext | None
    ) -> bool | Tensor:
        """Draw one gate for the batch, or one per row."""
        if self.per == "batch":
            return self._gate_is_open(streams, context)
        return self._open_rows(n_rows, streams, context)

    def _open_rows(
        self, n_rows: int, streams: MixStreams, context: MixContext | None
    ) -> Tensor:
        """Mark the rows to be mixed, on the generator's device."""
        return uniforms(n_rows, streams.gate) < self._p_now(context)


def _epochs(value: float, n_epochs: int | None) -> float:
    if 0 < value < 1:
        return 0 if n_epochs is None else math.ceil(value * n_epochs)
    return value
