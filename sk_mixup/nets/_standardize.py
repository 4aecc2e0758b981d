"""Channels on one scale, by statistics of the training data.

Bundled nets take pixels from 0 to 255 as well as floats of any unit. The statistics are
buffers of the net, so that a saved net needs nothing else, and mixed inputs, which are
made of raw values, are standardized as the clean ones are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Standardize(nn.Module):
    """Subtract a mean per channel and divide by a standard deviation.

    Parameters
    ----------
    n_channels : int
    mean, std : Tensor or sequence of float, of length n_channels, or None
        None: 0 and 1. A standard deviation of 0 counts as 1.

    Notes
    -----
    Input (B, n_channels, ...) of any dtype, output the same shape, floating.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, n_channels: int, mean: Any = None, std: Any = None) -> None:
        super().__init__()
        values = []
        for name, given, default in (("mean", mean, 0.0), ("std", std, 1.0)):
            if given is None:
                value = torch.full((n_channels,), default)
            else:
                value = torch.as_tensor(given, dtype=torch.float32).clone()
            if value.shape != (n_channels,):
                raise ValueError(
                    f"channel_{name} must hold one number for each of the"
                    f" {n_channels} channels; got shape {tuple(value.shape)}."
                )
            values.append(value)
        self.register_buffer("mean", values[0])
        self.register_buffer("std", values[1].masked_fill(values[1] == 0, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        """Standardize (B, n_channels, ...)."""
        shape = (1, -1) + (1,) * (x.ndim - 2)
        if not x.is_floating_point():
            x = x.to(self.mean.dtype)
        return (x - self.mean.view(shape)) / self.std.view(shape)
