"""Hidden layers with gates: one half of the units is multiplied by the other.

A product of two units is what a layer of rectified sums needs many units for. On smooth
tables of numbers it lowers the loss; it costs the columns of a second matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sk_mixup.nets._batch_ensemble import EnsembleLinear


class Gate(nn.Module):
    """Rectify the first half of the last dimension, and multiply it by the second.

    References
    ----------
    Dauphin et al.: Language Modeling with Gated Convolutional Networks, ICML 2017;
    with a rectifier (ReGLU) Shazeer: GLU Variants Improve Transformer, 2020.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.nets import Gate
    >>> Gate()(torch.tensor([[2.0, -3.0, 0.5, 4.0]]))
    tensor([[1., 0.]])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., 2 n) to (..., n)."""
        value, gate = x.chunk(2, -1)
        return value.relu() * gate


@torch.no_grad()
def open_gates(linear: nn.Linear | EnsembleLinear) -> None:
    """Let the layer before a `Gate` start as one without: its gates are about open.

    Parameters
    ----------
    linear : nn.Linear or EnsembleLinear
        Its first half of outputs are the values, its second the gates.
    """
    bias = linear.bias
    n_gates = bias.shape[-1] // 2
    rows = linear.weight if isinstance(linear, nn.Linear) else linear.weight.mT
    rows[..., n_gates:, :] *= 0.5
    bias[..., n_gates:] = 1.0
