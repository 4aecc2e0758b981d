"""Where boxes lie: three rules for their place, and masks of what they cover.

Each rule draws the first place of the box evenly from a range of whole numbers, and
differs in that range alone; what sticks out is clipped. Sides and places are whole
numbers throughout, so that labels can be measured from what is really pasted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

PLACEMENTS = ("clipped", "inside", "uniform")

Whole = TypeVar("Whole", int, Tensor)


def start_range(placement: str, size: int, side: Whole) -> tuple[Whole, Whole]:
    """Return the lowest start of a box along one axis, and the number of starts.

    Parameters
    ----------
    placement : {"clipped", "inside", "uniform"}
        The centre is any place of the axis; the box lies inside; the box covers
        at least one place, so that all places are covered equally often.
    size : int
        Length of the axis.
    side : int or Tensor, int64
        Length of the box, up to `size`.
    """
    if placement == "clipped":
        return -(side // 2), size + 0 * side
    if placement == "inside":
        return 0 * side, size + 1 - side
    return 1 - side, size - 1 + side


def host_span(placement: str, size: int, side: int, u: float) -> tuple[int, int]:
    """Return start and stop of one box along one axis, clipped.

    Parameters
    ----------
    placement, size, side :
        As for `start_range`.
    u : float
        Uniform in [0, 1).
    """
    low, count = start_range(placement, size, side)
    start = low + min(int(u * count), count - 1)
    stop = min(start + side, size)
    start = max(start, 0)
    return start, max(start, stop)


def row_spans(placement: str, size: int, side: Tensor, u: Tensor) -> Tensor:
    """Return start and stop of one box per row along one axis, clipped.

    Parameters
    ----------
    placement, size :
        As for `start_range`.
    side : Tensor of shape (n,), int64
    u : Tensor of shape (n,)
        Uniform in [0, 1).

    Returns
    -------
    spans : Tensor of shape (n, 2), int64
    """
    low, count = start_range(placement, size, side)
    # A float32 product close to the count may round up to it.
    start = low + torch.minimum((u * count).long(), count - 1)
    return torch.stack((start, start + side), dim=1).clamp(0, size)


def covered(spans: Tensor, size: Sequence[int]) -> Tensor:
    """Mark the places inside boxes.

    Parameters
    ----------
    spans : Tensor of shape (n, n_axes, 2), int64
        Start and stop along each axis.
    size : sequence of n_axes int

    Returns
    -------
    mask : Tensor of shape (n, *size), bool
    """
    mask = torch.ones((1,) * (1 + len(size)), dtype=torch.bool, device=spans.device)
    for axis, length in enumerate(size):
        place = torch.arange(length, device=spans.device)
        start, stop = spans[:, axis, :1], spans[:, axis, 1:]
        hit = (place >= start) & (place < stop)
        shape = [len(spans)] + [1] * len(size)
        shape[1 + axis] = length
        mask = mask & hit.view(shape)
    return mask
