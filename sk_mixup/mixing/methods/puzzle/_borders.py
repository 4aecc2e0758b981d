"""How sharp the edges are that a mask would cut into a pair of images.

A pair of neighbouring cells has four looks: either cell from the own image or from the
partner's. The mean difference of pixels across the border between them is the price of
each. As a function of own shares z and z' of the cells it is, exactly where these are 0
and 1, linear in z and z' plus a weight times ``(z - z')**2``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sk_mixup.mixing.methods.puzzle._cells import first_pixels, mean_along


class Borders(NamedTuple):
    """Differences of pixels across the borders between cells, along one axis.

    Attributes
    ----------
    first, second : Tensor of shape (B, borders, cells along them)
        What a larger own share of the first and of the second cell costs.
    weight : Tensor of shape (B, borders, cells along them)
        What their difference costs; negative where a cut is smoother than none.
    """

    first: Tensor
    second: Tensor
    weight: Tensor


def pixel_borders(
    x: Tensor, partner: Tensor, n_rows: int, n_columns: int
) -> tuple[Borders, Borders]:
    """Return the borders between rows of cells, and between columns of them.

    Parameters
    ----------
    x : Tensor of shape (B, channels, height, width)
        Numbers of any scale: what counts is their share of the range of the batch.
    partner : Tensor of shape (B,), int64
    n_rows, n_columns : int
        Cells along either axis.

    Returns
    -------
    below, beside : Borders
        Of shape (B, n_rows - 1, n_columns), on the CPU; and of shape (B, n_columns - 1,
        n_rows), which has columns first.
    """
    low, high = torch.aminmax(x)
    scale = (high - low).float().clamp(min=1e-30)
    below = _differences(x, partner, n_rows, n_columns)
    beside = _differences(x.transpose(2, 3), partner, n_columns, n_rows)
    return _as_costs((below / scale).cpu()), _as_costs((beside / scale).cpu())


def _differences(x: Tensor, partner: Tensor, n_cells: int, n_along: int) -> Tensor:
    """Return differences (4, B, borders, cells along): own and own, own and partner's.

    Then the partner's and own, and both the partner's.
    """
    starts = first_pixels(n_cells, x.shape[2])[1:]
    index = torch.tensor(starts, device=x.device, dtype=torch.int64)
    before, behind = x.index_select(2, index - 1), x.index_select(2, index)
    before, behind = before.float(), behind.float()
    other_before = before.index_select(0, partner)
    other_behind = behind.index_select(0, partner)
    same = (before - behind).abs().mean(1)
    each = [
        same,
        (before - other_behind).abs().mean(1),
        (other_before - behind).abs().mean(1),
        same.index_select(0, partner),
    ]
    return mean_along(torch.stack(each), n_along)


def _as_costs(difference: Tensor) -> Borders:
    both, first, second, none = difference.unbind()
    return Borders(
        first=(first + both - second - none) / 2,
        second=(second + both - first - none) / 2,
        weight=(first + second - both - none) / 2,
    )
