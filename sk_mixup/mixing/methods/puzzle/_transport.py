"""Blocks of images moved to where a mask shows them.

The best place of every block is an assignment problem of cubic price, and nearly all of
its gain comes from moves over a few blocks. Neighbours therefore change places as long
as that pays, many pairs of all images at once: what a block shows that the mask would
hide, against the way that it and the other have gone. At any time each block is in
exactly one place.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Steps between blocks that change places; both ways follow.
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))
_LEAST_GAIN = 1e-7


def move_to_mask(
    saliency: Tensor, wanted: Tensor, price: float, n_sweeps: int = 8
) -> Tensor:
    """Return which block comes to each place.

    The sum over places of ``price * way**2 - saliency * wanted`` falls with every
    exchange, where ways are measured in image sizes.

    Parameters
    ----------
    saliency : Tensor of shape (B, rows, columns)
        Of blocks; sums to 1.
    wanted : Tensor of shape (B, rows, columns)
        Share of every place that is shown.
    price : float
        Of a way across the image.
    n_sweeps : int, default=8
        Of all exchanges, at most.

    Returns
    -------
    blocks : Tensor of shape (B, rows, columns), int64
        Numbers of blocks, counted along rows; a permutation of each image.
    """
    _, n_rows, n_columns = saliency.shape
    scale = price / max(n_rows - 1, 1) ** 2, price / max(n_columns - 1, 1) ** 2
    number = torch.arange(n_rows * n_columns, device=saliency.device)
    blocks = number.view(n_rows, n_columns).expand_as(saliency)
    still = torch.zeros_like(saliency)
    # What lies in each place: its saliency, the way it came from, its number.
    content = torch.stack((saliency, still, still.clone(), blocks.to(saliency.dtype)))
    for _ in range(n_sweeps):
        has_moved = False
        for step in _STEPS:
            for first, second in _pairs(step, n_rows, n_columns):
                has_moved |= _exchange(content, wanted, first, second, step, scale)
        if not has_moved:
            break
    return content[3].long()


Cells = tuple[slice, slice]


def _exchange(
    content: Tensor,
    wanted: Tensor,
    first: Cells,
    second: Cells,
    step: tuple[int, int],
    scale: tuple[float, float],
) -> bool:
    """Let two sets of places, pair by pair, exchange what they hold where that pays."""
    here, there = content[:, :, *first], content[:, :, *second]
    gain = (here[0] - there[0]) * (wanted[:, *second] - wanted[:, *first])
    for axis in (0, 1):
        if step[axis]:
            # Twice the change of both squared ways, which are back to the origin.
            apart = there[1 + axis] - here[1 + axis] + step[axis]
            gain -= apart * (2.0 * step[axis] * scale[axis])
    pays = gain > _LEAST_GAIN
    if not bool(pays.any()):
        return False
    shift = content.new_tensor([0.0, *step, 0.0]).view(4, 1, 1, 1)
    came, went = there + shift, here - shift
    content[:, :, *first], content[:, :, *second] = (
        torch.where(pays, came, here),
        torch.where(pays, went, there),
    )
    return True


def _pairs(
    step: tuple[int, int], n_rows: int, n_columns: int
) -> list[tuple[Cells, Cells]]:
    """Return places a step apart, in sets in which no place is twice."""
    pairs = []
    down, right = step
    columns = slice(None), slice(None)
    if down and right > 0:
        columns = slice(None, -1), slice(1, None)
    elif down and right < 0:
        columns = slice(1, None), slice(None, -1)
    size, length = (down, n_rows) if down else (right, n_columns)
    for start in range(size):
        for parity in (0, 1):
            first = range(start + parity * size, length - size, 2 * size)
            if not first:
                continue
            a = slice(first.start, first[-1] + 1, 2 * size)
            b = slice(first.start + size, first[-1] + size + 1, 2 * size)
            if down:
                pairs.append(((a, columns[0]), (b, columns[1])))
            else:
                pairs.append(((slice(None), a), (slice(None), b)))
    return pairs
