"""Images cut into cells: as many as asked for, as equal as pixels allow."""

from __future__ import annotations

import torch
from torch import Tensor


def cell_of(n_cells: int, length: int, device: torch.device | None = None) -> Tensor:
    """Return the cell of every pixel along one axis.

    Parameters
    ----------
    n_cells : int
        Up to `length`; every cell has a pixel.
    length : int
    device : torch.device or None

    Returns
    -------
    cell : Tensor of shape (length,), int64
    """
    return torch.arange(length, device=device) * n_cells // length


def first_pixels(n_cells: int, length: int) -> list[int]:
    """Return the first pixel of every cell along one axis."""
    return [-(-cell * length // n_cells) for cell in range(n_cells)]


def mean_of_cells(maps: Tensor, n_rows: int, n_columns: int) -> Tensor:
    """Return the mean of every cell.

    Parameters
    ----------
    maps : Tensor of shape (..., height, width), float
    n_rows, n_columns : int
        Cells along either axis.

    Returns
    -------
    means : Tensor of shape (..., n_rows, n_columns)
    """
    height, width = maps.shape[-2:]
    rows = _averaging(n_rows, height, maps)
    return rows @ (maps @ _averaging(n_columns, width, maps).T)


def mean_along(maps: Tensor, n_cells: int) -> Tensor:
    """Return the mean of every cell along the last axis."""
    return maps @ _averaging(n_cells, maps.shape[-1], maps).T


def spread(cells: Tensor, height: int, width: int) -> Tensor:
    """Return what every pixel has of its cell.

    Parameters
    ----------
    cells : Tensor of shape (B, n_rows, n_columns)
    height, width : int

    Returns
    -------
    maps : Tensor of shape (B, height, width)
    """
    n_rows, n_columns = cells.shape[1:]
    rows = cells.index_select(1, cell_of(n_rows, height, cells.device))
    return rows.index_select(2, cell_of(n_columns, width, cells.device))


def largest_divisor(length: int, at_most: int) -> int:
    """Return the largest number of equal cells of an axis, up to a number."""
    return max(n for n in range(1, at_most + 1) if length % n == 0)


def _averaging(n_cells: int, length: int, like: Tensor) -> Tensor:
    cell = cell_of(n_cells, length, like.device)
    member = cell == torch.arange(n_cells, device=like.device).unsqueeze(1)
    return member.to(like.dtype) / member.sum(1, keepdim=True)
