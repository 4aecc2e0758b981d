"""In which units a loss of numbers sees its targets.

Standardised targets are what a net learns best, and for most losses they change nothing
but a factor: squared and absolute errors, quantile losses. A threshold (Huber) is meant
in the units of the target, and the likelihood of counts needs the counts themselves.
What a loss is of these is found by calling it: shifting and stretching outputs and
targets together must not change which rows cost more than others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn

#: "standard": standardised targets serve; "difference": distances in the target's own
#: units; "own": the targets as they are.
Units = Literal["standard", "difference", "own"]

_ROWS = 16
_BATCHES = 6
_SHIFT, _STRETCH = 3.0, 2.5
_CLOSE = 1e-3
# Squares of larger numbers, or smaller ones, are out of reach of float32.
_TINY = 1e-12


@torch.no_grad()
def units_of(
    losses: Callable[[Tensor, Tensor], Tensor],
    n_outputs: int | None = None,
    scales: Iterable[float] = (),
) -> Units:
    """Say in which units a loss sees its targets.

    Parameters
    ----------
    losses : callable
        ``losses(output, y)``: one loss per row, or one of all rows.
    n_outputs : int or None
        Numbers per row; None: targets of one dimension.
    scales : iterable of float
        Standard deviations of targets: a threshold may lie far from 1.
    """
    generator = torch.Generator().manual_seed(0)
    shape = (_ROWS,) if n_outputs is None else (_ROWS, n_outputs)
    batches = []
    for i in range(_BATCHES):
        y = torch.randn(shape, generator=generator)
        # Errors of several sizes: a loss of a whole batch tells by their ratio alone.
        noise = torch.randn(shape, generator=generator)
        batches.append((y + 0.5 * (i + 1) * noise, y))

    def of(shift: float, stretch: float) -> Tensor:
        changed = [(o * stretch + shift, y * stretch + shift) for o, y in batches]
        return torch.stack([losses(o, y).double() for o, y in changed])

    try:
        plain, shifted, stretched = of(0.0, 1.0), of(_SHIFT, 1.0), of(0.0, _STRETCH)
    except Exception:  # A loss may refuse numbers that are no counts, or no shares.
        return "own"
    if not all(bool(one.isfinite().all()) for one in (plain, shifted, stretched)):
        return "own"
    size = plain.abs().mean()
    if bool(((shifted - plain).abs() > _CLOSE * size).any()):
        return "own"
    large = [of(0.0, min(max(float(s), _TINY), 1.0 / _TINY)) for s in scales]
    kept = [one for one in (stretched, *large) if bool(one.isfinite().all())]
    return "standard" if all(_is_multiple(one, plain) for one in kept) else "difference"


def _is_multiple(losses: Tensor, of: Tensor) -> bool:
    """Whether the same rows cost the same share of the whole."""
    # Not summed with their signs: those of likelihoods may cancel.
    size = losses.abs().mean()
    factor = size / of.abs().mean().clamp(min=1e-30)
    return not bool(((losses - factor * of).abs() > _CLOSE * size).any())


@torch.no_grad()
def loss_of_deviation(
    losses: Callable[[Tensor, Tensor], Tensor], scale: Tensor, y: Tensor
) -> float:
    """Return the loss of rows that are one standard deviation off.

    Parameters
    ----------
    losses : callable
        As for `units_of`.
    scale : Tensor of shape (n_outputs,)
        Standard deviations.
    y : Tensor of shape (B,) or (B, n_outputs)
        Targets; their shape alone is read.

    Raises
    ------
    ValueError
        If it overflows.
    """
    zeros = torch.zeros_like(y, dtype=torch.float32)
    off = zeros + (scale if y.ndim > 1 else scale[0])
    value = float((losses(off, zeros).mean() + losses(-off, zeros).mean()) / 2.0)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(
            f"the loss of a row that is one standard deviation of y off,"
            f" {scale.max():g}, is {value:g}. Divide y by a number of that size"
        )
    return value if value > 0.0 else 1.0


def check_counts(criterion: object, low: float) -> None:
    """Check that the smallest target is no less than a criterion allows.

    Raises
    ------
    ValueError
        For negative targets of the likelihood of counts.
    """
    if isinstance(criterion, nn.PoissonNLLLoss) and low < 0.0:
        raise ValueError(
            f"criterion: PoissonNLLLoss is for counts, and y holds {low:g}. Give y >= 0"
            " in its own units, or leave criterion out for the squared error."
        )
