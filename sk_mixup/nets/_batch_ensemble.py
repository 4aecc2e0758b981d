"""Several nets in one: members share a matrix and scale it in their own way.

Every member has its own scales of the inputs and outputs of a layer, and its own bias;
the matrix is common (Wen, Tran & Ba: BatchEnsemble, ICLR 2020; as an ensemble of
tabular nets Gorishniy et al.: TabM, ICLR 2025). Members cost parameters by the row and
not by the matrix, and train together at the speed of one batched product.

The scales are folded into the matrix and not into the activations: a batch has more
activations than a layer has weights, and the product of folded weights is one
``baddbmm``. A prediction of a few rows is the other way round: there the activations
are scaled, and no member's matrix is ever written. Memory is laid out member by member;
shapes are batch first, as everything that mixes rows wants them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from sk_mixup.nets._exporting import is_exported
from sk_mixup.nets._narrow import may_go_narrow, narrow_product

#: Products of fewer columns round by the place of a row.
NARROW = 16
# Up to so many folded weights, a few rows need no way of their own, which would round
# otherwise than that of many rows.
_CHEAP_TO_FOLD = 2**17


class EnsembleLinear(nn.Module):
    """A linear layer with `n_members` variants of one matrix.

    Parameters
    ----------
    n_in, n_out : int
        Widths.
    n_members : int
    scale : Tensor of shape (n_members, n_in) or None, default=None
        Initial scales of the inputs; None: ones. Members must differ somewhere: the
        first layer of a net starts with random ones, see `column_scales`.
    shares_weight : bool, default=True
        False: a matrix per member, as for heads.

    Notes
    -----
    Input (B, n_in), the same for all members, or (B, n_members, n_in); output
    (B, n_members, n_out), whose memory is ordered by member.

    Examples
    --------
    >>> import torch
    >>> layer = EnsembleLinear(3, 5, n_members=4)
    >>> layer(torch.zeros(2, 3)).shape
    torch.Size([2, 4, 5])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        n_members: int,
        *,
        scale: Tensor | None = None,
        shares_weight: bool = True,
    ) -> None:
        super().__init__()
        bound = n_in**-0.5
        n_matrices = 1 if shares_weight else n_members
        self.weight = nn.Parameter(
            torch.empty(n_matrices, n_in, n_out).uniform_(-bound, bound)
        )
        self.scale_in: nn.Parameter | None = None
        self.scale_out: nn.Parameter | None = None
        if shares_weight:
            if scale is None:
                scale = torch.ones(n_members, n_in)
            self.scale_in = nn.Parameter(scale)
            self.scale_out = nn.Parameter(torch.ones(n_members, n_out))
        # The same for all members, which the scales tell apart.
        bias = torch.empty(1 if shares_weight else n_members, 1, n_out)
        bias = bias.uniform_(-bound, bound)
        self.bias = nn.Parameter(bias.expand(n_members, 1, n_out).clone())

    @torch.no_grad()
    def spread(self) -> None:
        """Start as a hidden layer whose members are nets of their own.

        Weights that keep the variance behind a ReLU, and biases that put its bends
        where the values are.
        """
        n_in = self.weight.shape[1]
        self.weight.normal_(std=math.sqrt(2.0 / max(n_in, 1)))
        self.bias.uniform_(-0.5, 0.5)

    @torch.no_grad()
    def quieten(self) -> None:
        """Start as a head that says little before it has learnt."""
        self.weight.normal_(std=0.5 / math.sqrt(max(self.weight.shape[1], 1)))
        self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Compute (B, n_members, n_out)."""
        weight: Tensor = self.weight
        if self.scale_in is not None and self.scale_out is not None:
            dear = weight[0].numel() * len(self.scale_in) > _CHEAP_TO_FOLD
            # A program for any number of rows takes the way that suits one of them.
            is_short = is_exported() or len(x) < weight.shape[1]
            if dear and not self.training and is_short:
                x = x.unsqueeze(1) if x.ndim == 2 else x
                output: Tensor = (x * self.scale_in) @ weight[0] * self.scale_out
                return output + self.bias.squeeze(1)
            weight = weight * self.scale_in.unsqueeze(2)
            weight = weight * self.scale_out.unsqueeze(1)
        if x.ndim == 2:
            x = x.unsqueeze(0).expand(len(weight), -1, -1)
        else:
            x = x.transpose(0, 1)
        if weight.shape[2] >= NARROW or x.device.type != "cpu":
            return torch.baddbmm(self.bias, x, weight).transpose(0, 1)
        if self.training and may_go_narrow(x):
            return narrow_product(x, weight, self.bias).permute(2, 0, 1)
        # Libraries sum the last rows of a narrow product in another order: what is
        # said of a row would depend on its place. Of the transposed product they do
        # not.
        narrow = torch.baddbmm(self.bias.mT, weight.mT, x.mT).permute(2, 0, 1)
        return narrow if self.training else narrow.contiguous()


def joined_output(output: Tensor, activation: str) -> Tensor:
    """Return the logits of the mean probability of all members.

    Parameters
    ----------
    output : Tensor of shape (B, n_members, n_outputs)
        Logits, or numbers.
    activation : {"softmax", "sigmoid", "none"}
        How outputs become what is averaged.

    Returns
    -------
    output : Tensor of shape (B, n_outputs)
        Log-probabilities, logits of the mean of sigmoids, or means.
    """
    if activation == "none":
        # Members last: sums across memory depend on the place of a row.
        return output.transpose(1, 2).contiguous().mean(2)
    if activation == "softmax":
        return output.log_softmax(2).logsumexp(1) - math.log(output.shape[1])
    yes = nn.functional.logsigmoid(output).logsumexp(1)
    return yes - nn.functional.logsigmoid(-output).logsumexp(1)


def column_scales(n_members: int, columns: Tensor) -> Tensor:
    """Draw first scales that weigh whole columns, by normal numbers.

    Parameters
    ----------
    n_members : int
    columns : Tensor of shape (n_in,), int64
        Which column each entry of an embedded row belongs to. A number and its vector
        are one thing: entry by entry, random scales would tear them apart.

    Returns
    -------
    scale : Tensor of shape (n_members, n_in)
    """
    n_columns = int(columns.max()) + 1 if len(columns) else 0
    return torch.randn(n_members, n_columns)[:, columns].contiguous()
