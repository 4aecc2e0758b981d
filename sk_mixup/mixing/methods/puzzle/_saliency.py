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
