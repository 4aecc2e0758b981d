"""Masks of several rectangles on a grid, with a given number of cells."""

from __future__ import annotations

import math
import random

import torch
from torch import Tensor

# Height over width of a rectangle, at least; at most its inverse.
_LEAST_ASPECT = 0.3
_TRIES = 10


def token_blocks(shape: tuple[int, int], n_marked: int, seed: int) -> Tensor:
    """Mark cells of a grid by rectangles of random places, sizes and proportions.

    Each rectangle has at most as many cells as are missing; rectangles may overlap.
    Where none is found that fits, the last few cells come singly.

    Parameters
    ----------
    shape : (int, int)
    n_marked : int
        Cells to mark, from 0 to all.
    seed : int

    Returns
    -------
    mask : Tensor of shape `shape`, bool
        With exactly `n_marked` cells.
    """
    draws = random.Random(seed)
    rows, columns = shape
    marked = [[False] * columns for _ in range(rows)]
    left = n_marked
    low = math.log(_LEAST_ASPECT)
    while left > 0:
        for _ in range(_TRIES):
            area = draws.uniform(1.0, left)
            aspect = math.exp(draws.uniform(low, -low))
            height = min(rows, max(1, round(math.sqrt(area * aspect))))
            width = min(columns, max(1, round(math.sqrt(area / aspect))))
            top = draws.randint(0, rows - height)
            start = draws.randint(0, columns - width)
            new = [
                (i, j)
                for i in range(top, top + height)
                for j in range(start, start + width)
                if not marked[i][j]
            ]
            if 0 < len(new) <= left:
                break
        else:
            free = [
                (i, j) for i in range(rows) for j in range(columns) if not marked[i][j]
            ]
            new = draws.sample(free, left)
        for i, j in new:
            marked[i][j] = True
        left -= len(new)
    return torch.tensor(marked, dtype=torch.bool).view(shape)
