"""The plan of SSMix: a span of the partner's text in the place of one of the own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing.plans._plan import MixPlan


@dataclass(frozen=True, eq=False, repr=False)
class SpanPlan(MixPlan):
    """Put a span of ``x[partner]`` in the place of one of the same length.

    Parameters
    ----------
    starts : Tensor of shape (B, 2), int64
        Where the span begins in the own row, and in the partner's.
    length : Tensor of shape (B,), int64
        Tokens in the span; 0: the row stays as it is.
    key : str or None
        Of a dict: the entry that is mixed. Others stay.
    n_places : int
        Length of the rows that the plan was drawn for, along axis 1.
    """

    starts: Tensor | None = None
    length: Tensor | None = None
    key: str | None = None
    n_places: int = 0

    pastes = True

    def apply(self, x: Any) -> Any:
        """Mix a tensor, or the one entry of a dict; see `MixPlan.apply`."""
        if not isinstance(x, Mapping):
            return super().apply(x)
        mixed = dict(x)
        mixed[self.key] = super().apply(x[self.key])
        return mixed

    def _apply(self, x: Tensor) -> Tensor:
        assert self.starts is not None
        assert self.length is not None
        if x.ndim < 2 or x.shape[1] != self.n_places:
            raise ValueError(
                f"This plan was drawn for rows of {self.n_places} tokens; got a tensor"
                f" of shape {tuple(x.shape)}."
            )
        place = torch.arange(self.n_places, device=x.device)
        own, other = self.starts[:, :1], self.starts[:, 1:]
        covered = (place >= own) & (place < own + self.length.unsqueeze(1))
        source = (place - own + other).clamp(0, self.n_places - 1)
        shape = (*source.shape, *(1,) * (x.ndim - 2))
        taken = self.take_partners(x).take_along_dim(source.view(shape), 1)
        return torch.where(covered.view(shape), taken, x)
