"""Losses of heads that predict more of a number than its mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

#: Of a standardised target: a variance below has no meaning, and its logarithm no end.
LEAST_VARIANCE = 1e-6


class PinballLoss(nn.Module):
    r"""The loss that quantiles minimise, the mean over some of them.

    :math:`\max(q (y - f), (q - 1)(y - f))` for the quantile f of level q.

    Parameters
    ----------
    quantiles : sequence of float
        Levels in (0, 1).
    reduction : {"mean", "none"}, default="mean"
        ``"none"``: one value per target.

    Notes
    -----
    Input (..., n_quantiles) and targets of the shape before it.

    Koenker & Bassett: Regression Quantiles, Econometrica 1978.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.training import PinballLoss
    >>> loss = PinballLoss([0.1, 0.5], reduction="none")
    >>> loss(torch.tensor([[1.0, 2.0]]), torch.tensor([3.0]))
    tensor([0.3500])
    """

    levels: Tensor

    def __init__(self, quantiles: Sequence[float], reduction: str = "mean") -> None:
        super().__init__()
        self.register_buffer("levels", torch.tensor(list(map(float, quantiles))))
        self.reduction = reduction

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss, or one per target."""
        error = y.unsqueeze(-1) - output
        levels = self.levels.to(error.dtype)
        loss = torch.maximum(levels * error, (levels - 1.0) * error).mean(-1)
        return loss if self.reduction == "none" else loss.mean()


class GaussianLoss(nn.Module):
    r"""Negative log-likelihood of a mean and a variance, weighted while training.

    :math:`v^\beta (\log(2 \pi v) + (y - m)^2 / v) / 2`, where no gradient flows through
    the weight :math:`v^\beta`. Without it, rows that a net fits badly get a large
    variance, which hides them from the mean ever after. In evaluation mode, and so in
    validation, the weight is left out.

    Parameters
    ----------
    beta : float, default=0.5
        From 0, the likelihood itself, to 1, where the mean learns as by squared error.
    reduction : {"mean", "none"}, default="mean"
        ``"none"``: one value per target.

    Notes
    -----
    Input (..., 2), mean and logarithm of the variance, and targets of the shape before
    it. Variances are at least 1e-6.

    Seitzer, Tavakoli, Antic, Martius: On the Pitfalls of Heteroscedastic Uncertainty
    Estimation with Probabilistic Neural Networks, ICLR 2022.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.training import GaussianLoss
    >>> loss = GaussianLoss(reduction="none").eval()
    >>> loss(torch.tensor([[1.0, 0.0]]), torch.tensor([3.0]))
    tensor([2.9189])
    """

    def __init__(self, beta: float = 0.5, reduction: str = "mean") -> None:
        if not 0.0 <= beta <= 1.0:
            raise ValueError(f"beta must lie in [0, 1]; got {beta!r}.")
        super().__init__()
        self.beta = beta
        self.reduction = reduction

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss, or one per target."""
        variance = variance_of(output[..., 1])
        square = (y - output[..., 0]).square()
        loss = 0.5 * (math.log(2.0 * math.pi) + variance.log() + square / variance)
        if self.training and self.beta > 0.0:
            loss = variance.detach().pow(self.beta) * loss
        return loss if self.reduction == "none" else loss.mean()


def variance_of(log_variance: Tensor) -> Tensor:
    """Return variances: neither zero nor infinite, whatever their logarithms."""
    return log_variance.clamp(max=30.0).exp() + LEAST_VARIANCE
