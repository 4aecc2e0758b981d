"""Where the patches of an image are among the tokens of a transformer."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

# Tokens before the patches: a class token, none, or it with a few others beside.
_PREFIXES = (1, 0, 2, 5, 3, 4, 6, 8, 9)


class Grid(NamedTuple):
    """A grid of patches.

    Attributes
    ----------
    prefix : int
        Tokens before the first patch: class token, registers.
    shape : (int, int)
        Rows and columns of patches.
    """

    prefix: int
    shape: tuple[int, int]


def grid_of(n_tokens: int, size: tuple[int, int], who: str) -> Grid:
    """Find the grid with the proportions of the image that so many tokens make.

    Parameters
    ----------
    n_tokens : int
    size : (int, int)
        Of the image, in pixels.
    who : str
        What the message calls the method.

    Raises
    ------
    ValueError
        If there is none.
    """
    height, width = size
    for prefix in _PREFIXES:
        n = n_tokens - prefix
        rows = math.isqrt(max(0, n * height // width))
        if n > 1 and rows > 0 and n % rows == 0:
            columns = n // rows
            if rows * width == columns * height:
                return Grid(prefix, (rows, columns))
    raise ValueError(
        f"{who}: {n_tokens} tokens are no grid of patches with the proportions of"
        f" images of {height} x {width} pixels, with up to {max(_PREFIXES)} tokens"
        " before it. Name a layer (layer=...) that attends to such a grid, or give the"
        " net an attribute attention_map of shape (B, h, w)."
    )


def cell_shares(mask: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return the mean of a mask over each cell of a grid.

    Parameters
    ----------
    mask : Tensor of shape (B or 1, height, width), bool or float
    shape : (int, int)
        Rows and columns of cells.

    Returns
    -------
    shares : Tensor of shape (B or 1, *shape), float32
    """
    if min(s - c for s, c in zip(mask.shape[1:], shape, strict=True)) < 0:
        return functional.interpolate(
            mask.float().unsqueeze(1), size=shape, mode="nearest"
        ).squeeze(1)
    return functional.adaptive_avg_pool2d(mask.float(), shape)


def spread(cells: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a mask of pixels that says of each what its cell says.

    Parameters
    ----------
    cells : Tensor of shape (n, h, w), bool
    size : (int, int)
    """
    rows = torch.arange(size[0], device=cells.device) * cells.shape[1] // size[0]
    columns = torch.arange(size[1], device=cells.device) * cells.shape[2] // size[1]
    return cells[:, rows][:, :, columns]


def attention_shares(
    attention: Tensor, partner_share: Tensor, *, other: Tensor | None = None
) -> Tensor:
    """Return the own share of the attention of each row, in [0, 1].

    Parameters
    ----------
    attention : Tensor of shape (B, h, w)
        To the places of the mixed image, or of the own image.
    partner_share : Tensor of shape (B or 1, h, w)
        Of each place.
    other : Tensor of shape (B, h, w) or None
        To the places of the partner's image; None: as `attention`.

    Returns
    -------
    shares : Tensor of shape (B,), float32
        Of rows without any attention, the share of the area.
    """
    other = attention if other is None else other
    own = ((1.0 - partner_share) * attention).sum((1, 2))
    theirs = (partner_share * other).sum((1, 2))
    total = own + theirs
    area = 1.0 - partner_share.mean((1, 2)).expand_as(own)
    return torch.where(total > 0, own / total.clamp(min=1e-30), area)
