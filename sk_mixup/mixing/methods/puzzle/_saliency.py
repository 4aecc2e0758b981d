"""How much the loss of a row depends on each place of its image."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def gradient_saliency(gradient: Tensor, smooth: int) -> Tensor:
    """Return the root of the mean squared gradient over channels, smoothed.

    Parameters
    ----------
    gradient : Tensor of shape (B, channels, height, width), float
    smooth : int
        Side of the square of pixels that each place is averaged over, odd; 1: none.

    Returns
    -------
    saliency : Tensor of shape (B, height, width), float32, on the CPU
    """
    # Differences of gradients as small as 1e-25 count: squares would be 0.
    largest = gradient.abs().flatten(1).amax(1).view(-1, 1, 1, 1)
    scaled = gradient / largest.clamp(min=torch.finfo(gradient.dtype).tiny)
    saliency = scaled.square().mean(1).sqrt().float().cpu()
    if smooth > 1:
        saliency = functional.avg_pool2d(
            saliency.unsqueeze(1),
            smooth,
            stride=1,
            padding=smooth // 2,
            count_include_pad=False,
        ).squeeze(1)
    return saliency


def shares_of_cells(cells: Tensor) -> Tensor:
    """Return saliencies that sum to 1 over the cells of each row.

    A row that shows nothing anywhere, or whose gradient is not finite, is equally
    salient everywhere.

    Parameters
    ----------
    cells : Tensor of shape (B, n_rows, n_columns)
    """
    n_cells = cells.shape[1] * cells.shape[2]
    total = cells.flatten(1).sum(1).view(-1, 1, 1)
    even = torch.full_like(cells, 1.0 / n_cells)
    known = (total > 0) & total.isfinite()
    return torch.where(known, cells / total.clamp(min=1e-30), even)
