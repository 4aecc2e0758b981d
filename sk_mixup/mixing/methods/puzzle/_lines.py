"""Labels of grids made better line by line.

Every second row of a grid is a chain of cells once the rows between are held: the best
labels of a whole chain follow from one pass along it and back, for all rows and grids
at once. Then the rows between, and the columns. No step makes an energy larger.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sk_mixup.mixing.methods.puzzle._energy import GridEnergy


def improve_lines(energy: GridEnergy, labels: Tensor, n_sweeps: int) -> Tensor:
    """Return labels whose energies are no larger.

    Parameters
    ----------
    energy : GridEnergy
    labels : Tensor of shape (B, H, W), int64
        Not changed.
    n_sweeps : int
        Passes over all rows and columns; the last ones are left out where nothing
        moves any more.

    Returns
    -------
    labels : Tensor of shape (B, H, W), int64
    """
    turned = energy.turned()
    alike = _is_potts(energy.distance)
    labels = labels.clone()
    for number in range(n_sweeps):
        before = labels.clone() if number + 1 < n_sweeps else None
        for view, side in ((labels, energy), (labels.transpose(1, 2), turned)):
            for first in range(min(2, view.shape[1])):
                cost = _beside_the_others(side, view, first)
                weight = side.right[:, first::2]
                view[:, first::2] = best_chains(cost, weight, side.distance, alike)
        if before is not None and torch.equal(labels, before):
            break
    return labels


def _beside_the_others(energy: GridEnergy, labels: Tensor, first: int) -> Tensor:
    """Return what each label costs in every second row, the rows between held."""
    cost = energy.unary[:, first::2].clone()
    # Every row but the first has one above, and every row but the last one below.
    lower = 2 if first == 0 else 1
    above, weight = labels[:, lower - 1 : -1 : 2], energy.down[:, lower - 1 :: 2]
    held = weight.unsqueeze(3) * energy.distance[above]
    cost[:, (lower - first) // 2 :] += held
    below, weight = labels[:, first + 1 :: 2], energy.down[:, first::2]
    cost[:, : weight.shape[1]] += weight.unsqueeze(3) * energy.distance[below]
    return cost


def best_chains(
    cost: Tensor, weight: Tensor, distance: Tensor, alike: bool = False
) -> Tensor:
    """Return the best labels along chains.

    Parameters
    ----------
    cost : Tensor of shape (B, R, W, L)
        Of each label alone.
    weight : Tensor of shape (B, R, W - 1)
        Of neighbours.
    distance : Tensor of shape (L, L)
    alike : bool, default=False
        Whether all distances are 1.

    Returns
    -------
    labels : Tensor of shape (B, R, W), int64
    """
    steps = weight.unsqueeze(3)
    if not alike:
        steps = steps.unsqueeze(4) * distance
    so_far = cost[:, :, 0]
    came_from = []
    for cell in range(1, cost.shape[2]):
        step = steps[:, :, cell - 1]
        least, before = _follow(so_far, step) if alike else _least(so_far, step)
        came_from.append(before)
        so_far = least + cost[:, :, cell]
    label = so_far.argmin(2, keepdim=True)
    found = [label]
    for before in reversed(came_from):
        label = before.gather(2, label)
        found.append(label)
    return torch.cat(found[::-1], 2)


def _least(so_far: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Return the least cost of each label, and the label before it."""
    both = so_far.unsqueeze(3) + step  # (B, R, label before, label here)
    least, before = both.min(2)
    return least, before


def _follow(so_far: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Do the same where all other labels are equally far, and the best one serves."""
    best, label = so_far.min(2, keepdim=True)
    stays = so_far <= best + step
    itself = torch.arange(so_far.shape[2], device=so_far.device)
    least = torch.where(stays, so_far, best + step)
    return least, torch.where(stays, itself, label)


def _is_potts(distance: Tensor) -> bool:
    ones = torch.ones_like(distance).fill_diagonal_(0.0)
    return len(distance) > 4 and torch.equal(distance, ones)
