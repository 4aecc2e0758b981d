"""The best labels of many grids at once, with a bound on what better ones could gain.

Sequential tree-reweighted message passing (Kolmogorov, 2006). Cells of one diagonal do
not touch, so a pass goes over grids diagonal by diagonal, all cells of a diagonal of
all grids in a few calls. Each pass back gives a lower bound of every energy; grids
whose labels are as good as their bound leave the batch. What is left is made better
line by line.

For costs that are convex in ordered labels, as those of PuzzleMix are, the bound
meets the least energy; for the Potts costs of Co-Mixup it need not, and says so.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sk_mixup.mixing.methods.puzzle._energy import GridEnergy
from sk_mixup.mixing.methods.puzzle._lines import improve_lines
from sk_mixup.mixing.methods.puzzle._messages import Messages

_FEWER = 0.6


class Labelling(NamedTuple):
    """Labels of grids, and how good they are.

    Attributes
    ----------
    labels : Tensor of shape (B, H, W), int64
    energy : Tensor of shape (B,), float64
    bound : Tensor of shape (B,), float64
        No labelling of the grid has a smaller energy, up to the rounding of float32.
    """

    labels: Tensor
    energy: Tensor
    bound: Tensor


def label_grids(
    energy: GridEnergy,
    *,
    n_passes: int = 40,
    tolerance: float = 1e-4,
    check_every: int = 3,
    n_sweeps: int = 2,
) -> Labelling:
    """Return labels of small energy, and lower bounds.

    Parameters
    ----------
    energy : GridEnergy
        On any device, float32.
    n_passes : int, default=40
        Passes forth and back at most.
    tolerance : float, default=1e-4
        A grid is done when its energy is above its bound by no more than this share of
        the range of its costs (the sum over cells of largest minus smallest).
    check_every : int, default=3
        Passes between two looks at the labels.
    n_sweeps : int, default=2
        Of `improve_lines`, for grids that are not done after all passes.

    Returns
    -------
    labelling : Labelling
    """
    unary = energy.unary
    spread = (unary.amax(3) - unary.amin(3)).flatten(1).sum(1, dtype=torch.float64)
    labels = unary.argmin(3)
    least = energy(labels)
    bound = torch.full_like(least, -torch.inf)
    active = torch.arange(len(energy), device=unary.device)
    messages = Messages(energy)
    for number in range(1, n_passes + 1):
        messages.forth()
        bound_now = messages.back()
        if number % check_every and number < n_passes:
            continue
        bound[active] = torch.maximum(bound[active], bound_now)
        _take(energy, labels, least, active, messages.labels())
        is_open = least[active] - bound[active] > tolerance * spread[active]
        if not bool(is_open.any()):
            break
        # Leaving grids behind has a price too: it must be worth it.
        if number == n_passes or int(is_open.sum()) <= _FEWER * len(active):
            keep = is_open.nonzero().squeeze(1)
            active = active[keep]
            if number < n_passes:
                messages.keep(keep)
    else:
        # What is left is made better line by line.
        found = improve_lines(energy.some(active), labels[active], n_sweeps)
        _take(energy, labels, least, active, found)
    return Labelling(labels, least, torch.minimum(bound, least))


def _take(
    energy: GridEnergy, labels: Tensor, least: Tensor, active: Tensor, found: Tensor
) -> None:
    """Keep labels of some grids where they are better than those known."""
    part = energy if len(active) == len(energy) else energy.some(active)
    value = part(found)
    better = value < least[active]
    labels[active[better]] = found[better]
    least[active[better]] = value[better]
