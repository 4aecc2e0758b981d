"""Numbers as waves: periodic embeddings.

Sines of a number times trained frequencies let a net see fine steps of a column that a
linear layer on the number itself learns late or never.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_VARIANTS = ("plr", "pbld")


class PeriodicEmbedding(nn.Module):
    r"""Embed each number by trained waves and a linear map of its column.

    With :math:`c_k \sim N(0, \sigma^2)` trained, per column,

    - ``"plr"``: :math:`ReLU(W [\cos 2 \pi c x, \sin 2 \pi c x] + b)`;
    - ``"pbld"``: :math:`[x, W \cos(2 \pi c x + \phi) + b]`, with trained phases that
      start uniform in :math:`(-\pi, \pi)`, no activation, and the number itself as the
      first entry.

    Parameters
    ----------
    n_columns : int
    d_embedding : int
        Width per column; for ``"pbld"`` at least 2, the number included.
    n_frequencies : int, default=16
        Waves per column. RealMLP has 16, the paper of PLR up to 96.
    sigma : float, default=0.1
        Standard deviation of the first frequencies. It decides how wiggly the functions
        are that the net learns easily, and suits columns whose middle half has about
        unit width.
    variant : {"plr", "pbld"}, default="pbld"

    Notes
    -----
    Input (B, n_columns), output (B, n_columns, d_embedding), by one batched product for
    all columns.

    References
    ----------
    Gorishniy, Rubachev, Babenko: On Embeddings for Numerical Features in Tabular Deep
    Learning, NeurIPS 2022 (PLR). Holzmueller, Grinsztajn, Steinwart: Better by Default
    (RealMLP), NeurIPS 2024 (PBLD).

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.nets import PeriodicEmbedding
    >>> embedding = PeriodicEmbedding(3, 8, variant="plr")
    >>> embedding(torch.randn(5, 3)).shape
    torch.Size([5, 3, 8])
    """

    def __init__(
        self,
        n_columns: int,
        d_embedding: int,
        *,
        n_frequencies: int = 16,
        sigma: float = 0.1,
        variant: str = "pbld",
    ) -> None:
        if variant not in _VARIANTS:
            raise ValueError(f"variant must be one of {_VARIANTS}; got {variant!r}.")
        if n_frequencies < 1 or not sigma > 0:
            raise ValueError(
                "n_frequencies must be at least 1 and sigma greater than 0; got"
                f" n_frequencies={n_frequencies!r}, sigma={sigma!r}."
            )
        if d_embedding < (2 if variant == "pbld" else 1):
            raise ValueError(
                f"d_embedding={d_embedding} is too narrow: variant={variant!r} needs at"
                f" least {2 if variant == 'pbld' else 1}."
            )
        super().__init__()
        self.variant = variant
        frequency = sigma * torch.randn(n_columns, n_frequencies)
        self.frequency = nn.Parameter(frequency)
        self.phase: nn.Parameter | None = None
        n_waves, n_mapped = 2 * n_frequencies, d_embedding
        if variant == "pbld":
            n_waves, n_mapped = n_frequencies, d_embedding - 1
            phase = torch.empty_like(frequency).uniform_(-math.pi, math.pi)
            self.phase = nn.Parameter(phase)
        bound = n_waves**-0.5
        shape = (n_columns, n_waves, n_mapped)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        bias = torch.empty(n_columns, 1, n_mapped).uniform_(-bound, bound)
        self.bias = nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Embed (B, n_columns) as (B, n_columns, d_embedding)."""
        angle = x.t().unsqueeze(2) * (2.0 * math.pi * self.frequency).unsqueeze(1)
        if self.phase is not None:
            waves = (angle + self.phase.unsqueeze(1)).cos()
        else:
            waves = torch.cat([angle.cos(), angle.sin()], 2)
        mapped = torch.baddbmm(self.bias, waves, self.weight).transpose(0, 1)
        if self.phase is None:
            return mapped.relu()
        return torch.cat([x.unsqueeze(2), mapped], 2)
