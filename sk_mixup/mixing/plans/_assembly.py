"""Images put together from cells of several rows of the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sk_mixup.mixing.plans._masks import check_size
from sk_mixup.mixing.plans._plan import MixPlan


@dataclass(frozen=True, eq=False, repr=False)
class AssemblyPlan(MixPlan):
    """Take every place of a mixed image from one of several rows.

    `partner` is the row with the largest share beside the own one, and the second of
    `label_weights` is what all others have together. `label_sources` has them all, the
    largest share first.

    Parameters
    ----------
    source : Tensor of shape (B, height, width), int64
        Row of the batch that each place comes from.
    """

    source: Tensor | None = None

    pastes = True

    @classmethod
    def of(
        cls,
        source: Tensor,
        dtype: torch.dtype = torch.float32,
        *,
        extra_loss: Callable[[], Tensor] | None = None,
    ) -> AssemblyPlan:
        """Return the plan of some places, with the shares of its rows.

        Parameters
        ----------
        source : Tensor of shape (B, height, width), int64
        dtype : torch.dtype, default=torch.float32
            Of the shares.
        extra_loss : callable or None
            As for `MixPlan`.
        """
        shares = row_shares(source, dtype)
        others = shares.clone().fill_diagonal_(0.0)
        most, partner = others.max(1)
        itself = torch.arange(len(source), device=source.device)
        weight, row = shares.sort(dim=1, descending=True, stable=True)
        n_most = int((weight > 0).sum(1).max())
        sources = zip(row.unbind(1)[:n_most], weight.unbind(1)[:n_most], strict=True)
        return cls(
            torch.where(most > 0, partner, itself),
            shares.diagonal().clone(),
            extra_loss=extra_loss,
            label_sources=tuple(sources),
            source=source,
        )

    def _apply(self, x: Tensor) -> Tensor:
        assert self.source is not None
        check_size(x, self.source.shape[1:])
        last = not x.is_contiguous() and x.is_contiguous(
            memory_format=torch.channels_last
        )
        index = self.source.unsqueeze(1).expand(-1, x.shape[1], -1, -1)
        mixed = x.gather(0, index)
        return mixed.contiguous(memory_format=torch.channels_last) if last else mixed


def row_shares(source: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the share of every row in every mixed row, of shape (B, B)."""
    places = source.flatten(1)
    counts = torch.zeros((len(source),) * 2, dtype=torch.float64, device=source.device)
    ones = torch.ones_like(places, dtype=torch.float64)
    counts = counts.scatter_add_(1, places, ones) / places.shape[1]
    return counts.to(dtype)
