"""What a regressor predicts beside the mean: quantiles, or a mean and a deviation.

A *head* says how many values a net returns per target, makes predictions of them, and
has a loss of its own. Targets of either partner of a mixed row have a loss each, as
everywhere.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sk_mixup.mixing import Method, MixPlan
from sk_mixup.training.objectives._head_losses import (
    GaussianLoss,
    PinballLoss,
    variance_of,
)
from sk_mixup.training.objectives._heads import TargetKind
from sk_mixup.training.objectives._objective import Objective

_TINY = 1e-9
_NORMAL = NormalDist()


class RegressionHead(TargetKind):
    """Base of the heads.

    Parameters
    ----------
    n_outputs : int
        Numbers to predict per row.
    n_values : int
        Values that a net returns for each of them, side by side.
    """

    name = "numbers to predict"
    fixes_criterion = True
    #: What messages call the head.
    short_name: str

    def __init__(self, n_outputs: int, n_values: int) -> None:
        self.n_outputs = n_outputs
        self.n_values = n_values
        self.width = n_outputs * n_values

    def check_method(self, method: Method | None) -> None:
        """Take any method: targets are numbers, as methods for regression want them."""

    def objective(self, criterion: Any, *, takes_log: bool) -> Objective:
        """Return a `HeadObjective`."""
        return HeadObjective(criterion, self)

    def values(self, output: Tensor) -> Tensor:
        """Return what the loss takes, (..., n_outputs, n_values), of raw outputs."""
        return output.unflatten(-1, (self.n_outputs, self.n_values))

    def point(self, output: Tensor) -> Tensor:
        """Return one prediction per output, (B, n_outputs), of raw outputs."""
        raise NotImplementedError

    def quantiles(self, output: Tensor, levels: Sequence[float]) -> Tensor:
        """Return quantiles, (B, n_outputs, n_levels), of raw outputs."""
        raise NotImplementedError

    def check_levels(self, levels: Sequence[float], what: str) -> None:
        """Raise a ValueError for levels that the head cannot predict."""

    def _check_width(self, module: str, output: Tensor) -> None:
        if output.ndim == 2 and output.shape[1] == self.width:
            return
        raise ValueError(
            f"module: {module} returns shape {tuple(output.shape)} for {len(output)}"
            f" rows, and head={self.short_name!r} needs {self.n_values} values for each"
            f" of the {self.n_outputs} outputs of y: it must return {self.width} values"
            " per row."
        )


class QuantileHead(RegressionHead):
    """Quantiles that never cross.

    The value in the middle is the quantile of the middle level; the others say how far
    each quantile is from the one before it, through a softplus. Zeros are the quantiles
    of the standard normal law, which is where a standardised target starts.

    Parameters
    ----------
    n_outputs : int
    levels : sequence of float
        Increasing, in (0, 1).
    """

    short_name = "quantile"

    def __init__(self, n_outputs: int, levels: Sequence[float]) -> None:
        super().__init__(n_outputs, len(levels))
        self.levels = tuple(levels)
        self._scores = [_NORMAL.inv_cdf(level) for level in levels]
        self._middle = min(range(len(levels)), key=lambda i: (abs(levels[i] - 0.5), i))
        gaps = torch.tensor(self._scores, dtype=torch.float64).diff()
        # What a softplus makes the gap of.
        self._start = gaps.expm1().log()

    def default_criterion(self, output: Tensor) -> Any:
        """Return the pinball loss at the levels."""
        return functools.partial(PinballLoss, self.levels)

    def values(self, output: Tensor) -> Tensor:
        """Return increasing quantiles, (..., n_outputs, n_levels)."""
        raw = super().values(output)
        middle = self._middle
        start = self._start.to(raw)
        centre = raw[..., middle : middle + 1]
        # Upwards from the middle, and downwards.
        above = functional.softplus(raw[..., middle + 1 :] + start[middle:])
        below = functional.softplus(raw[..., :middle] + start[:middle])
        lower = centre - below.flip(-1).cumsum(-1).flip(-1)
        shifted = self._scores[middle]
        quantiles = torch.cat([lower, centre, centre + above.cumsum(-1)], -1)
        return quantiles + shifted if shifted else quantiles

    def point(self, output: Tensor) -> Tensor:
        """Return the medians."""
        return self.quantiles(output, [0.5])[..., 0]

    def quantiles(self, output: Tensor, levels: Sequence[float]) -> Tensor:
        """Return quantiles; between two that were trained, a normal law's shape."""
        known = self.values(output)
        columns = []
        for level in levels:
            score = _NORMAL.inv_cdf(level)
            right = next(
                i for i, s in enumerate(self._scores) if level <= self.levels[i] + _TINY
            )
            if abs(self.levels[right] - level) <= _TINY:
                columns.append(known[..., right])
                continue
            left_score, right_score = self._scores[right - 1], self._scores[right]
            share = (score - left_score) / (right_score - left_score)
            columns.append(torch.lerp(known[..., right - 1], known[..., right], share))
        return torch.stack(columns, -1)

    def check_levels(self, levels: Sequence[float], what: str) -> None:
        """Raise a ValueError for levels beyond those that were trained."""
        low, high = self.levels[0], self.levels[-1]
        for level in levels:
            if not low - _TINY <= level <= high + _TINY:
                raise ValueError(
                    f"{what} needs the quantile {level:.6g}, and those that were"
                    f" trained reach from {low:g} to {high:g}. Fit with"
                    f" quantiles=(..., {level:.6g}, ...)."
                )


class GaussianHead(RegressionHead):
    """A mean and the logarithm of a variance.

    Parameters
    ----------
    n_outputs : int
    """

    short_name = "gaussian"

    def __init__(self, n_outputs: int) -> None:
        super().__init__(n_outputs, 2)

    def default_criterion(self, output: Tensor) -> Any:
        """Return the weighted negative log-likelihood."""
        return GaussianLoss

    def point(self, output: Tensor) -> Tensor:
        """Return the means."""
        return self.values(output)[..., 0]

    def deviation(self, output: Tensor) -> Tensor:
        """Return the standard deviations, (B, n_outputs)."""
        return variance_of(self.values(output)[..., 1]).sqrt()

    def quantiles(self, output: Tensor, levels: Sequence[float]) -> Tensor:
        """Return quantiles of the normal law."""
        scores = output.new_tensor([_NORMAL.inv_cdf(level) for level in levels])
        mean, deviation = self.point(output), self.deviation(output)
        return mean.unsqueeze(-1) + deviation.unsqueeze(-1) * scores


class HeadObjective(Objective):
    """Loss of the values of a head, the mean over the outputs of a row.

    Parameters
    ----------
    criterion : callable
        Takes ``head.values(output)``, of shape (rows, ..., n_outputs, n_values), and
        targets that fit the shape before the last axis.
    head : RegressionHead
    """

    def __init__(self, criterion: Any, head: RegressionHead) -> None:
        super().__init__(criterion, None)
        self.head = head

    def _aligned(self, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        values = self.head.values(output)
        # Members of an ensemble, if any, lie between rows and outputs.
        y = y.reshape(len(y), *(1,) * (values.ndim - 3), self.head.n_outputs)
        return values, y.to(values.dtype)

    def _soft(
        self, output: Tensor, y: Tensor, plan: MixPlan | None
    ) -> tuple[Tensor, Tensor]:
        return self._aligned(output, y if plan is None else plan.targets(y))
