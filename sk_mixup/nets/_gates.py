"""Hidden layers with gates: one half of the units is multiplied by the other.

A product of two units is what a layer of rectified sums needs many units for. On smooth
tables of numbers it lowers the loss; it costs the columns of a second matrix.
"""

from __future__ import annotations

from numbers import Real

import torch
from torch import Tensor, nn

from sk_mixup.nets._batch_ensemble import NARROW, EnsembleLinear
from sk_mixup.nets._dropout import Dropout
from sk_mixup.nets._exporting import is_traced


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
        return _rectified(x)


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


def n_gated_members(gated: bool | float, n_members: int) -> int:
    """Return how many members of a net have gates: the last ones.

    Parameters
    ----------
    gated : bool or float
        All, none, or the share of the members, from 0 to 1.
    n_members : int

    Raises
    ------
    ValueError
        If `gated` is neither.

    Examples
    --------
    >>> from sk_mixup.nets import n_gated_members
    >>> n_gated_members(0.5, 8)
    4
    """
    if not isinstance(gated, Real) or not 0.0 <= gated <= 1.0:
        raise ValueError(
            f"gated must be True, False, or a share of the members; got {gated!r}."
        )
    return round(float(gated) * n_members)


class PartlyGated(nn.Module):
    """A hidden layer of several members, of which the last ones have gates.

    Nets of two kinds err in other rows, and their mean is better than that of as many
    of one kind.

    Parameters
    ----------
    n_in, n_out : int
        Widths.
    n_plain, n_gated : int
        Members of either kind; they share nothing.
    dropout : float
    """

    def __init__(
        self, n_in: int, n_out: int, n_plain: int, n_gated: int, dropout: float
    ) -> None:
        super().__init__()
        self.n_plain = n_plain
        self.plain = _spread(n_in, n_out, n_plain)
        self.gated = _spread(n_in, 2 * n_out, n_gated)
        open_gates(self.gated)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Compute (B, members, n_out) of (B, members, n_in)."""
        if not self.training and self.plain.weight.shape[2] >= NARROW:
            # As below to the bit, without the calls that a single row waits for.
            n, rows = self.n_plain, x.transpose(0, 1)
            plain = torch.baddbmm(self.plain.bias, rows[:n], self.plain.weight)
            gated = torch.baddbmm(self.gated.bias, rows[n:], self.gated.weight)
            return torch.cat([plain.relu(), _rectified(gated)]).transpose(0, 1)
        # Not two slices: each would have a gradient of all members, and zeros in it.
        sizes = [self.n_plain, x.shape[1] - self.n_plain]
        plain, gated = torch.split(x, sizes, 1)
        plain = self.plain(plain).relu()
        gated = _rectified(self.gated(gated))
        at_once = self.training and _drops_at_once(plain)
        if self.training and not at_once:
            plain, gated = self.dropout(plain), self.dropout(gated)
        # In the memory of an `EnsembleLinear`, member by member.
        joined = torch.cat([plain.transpose(0, 1), gated.transpose(0, 1)])
        if at_once:
            joined = self.dropout(joined)
        return joined.transpose(0, 1)


def _rectified(x: Tensor) -> Tensor:
    value, gate = x.chunk(2, -1)
    return value.relu() * gate


def _drops_at_once(first: Tensor) -> bool:
    """Whether one mask of all members is that of the first ones, then of the others.

    The draws of a mask are eight bytes each, in the order of memory.
    """
    if first.device.type != "cpu" or is_traced():
        return False
    # Narrow layers leave their values in another order.
    return first.numel() % 8 == 0 and first.transpose(0, 1).is_contiguous()


def _spread(n_in: int, n_units: int, n_members: int) -> EnsembleLinear:
    linear = EnsembleLinear(n_in, n_units, n_members, shares_weight=False)
    linear.spread()
    return linear
