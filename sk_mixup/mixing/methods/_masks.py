"""What the methods that draw a mask have in common; each adds its mask."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_choice
from sk_mixup.mixing.draws import (
    MixStreams,
    rows_let_in,
    self_pairs,
)
from sk_mixup.mixing.plans import (
    MaskPlan,
    SoftMaskPlan,
    check_spatial,
    mask_lam,
    partner_share,
)


class MaskMethod(Method):
    """Base of methods that take the places of a mask from the partner.

    Attributes
    ----------
    fold : bool
        Complement masks that give the partner more than half.
    """

    group = "masks"
    fold: bool

    def _validate(self) -> None:
        if hasattr(self, "alpha"):
            super()._validate()
        else:
            check_choice("per", self.per, ("batch", "row"))
        if not isinstance(self.fold, bool):
            raise TypeError(
                f"fold must be True or False; got {self.fold!r} of type"
                f" {type(self.fold).__name__}."
            )

    def _draw_numbers(
        self,
        n_masks: int,
        size: tuple[int, ...],
        streams: MixStreams,
        context: MixContext | None,
    ) -> tuple[Tensor, ...]:
        """Draw what masks are made of.

        Parameters
        ----------
        n_masks : int
            1 or the number of rows.
        size : tuple of int
            Spatial shape.
        streams, context :
            As for `draw`. The number of draws depends on `n_masks` and `size`.
        """
        raise NotImplementedError

    def _masks(self, numbers: Any, size: tuple[int, ...]) -> Tensor:
        """Return the partner's share of every place.

        Parameters
        ----------
        numbers : tuple of Tensor
            As `_draw_numbers` returned them, on the device of the batch.
        size : tuple of int

        Returns
        -------
        mask : Tensor of shape (n_masks, *size), bool or float
            bool where whole values move.
        """
        raise NotImplementedError

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        size = check_spatial(type(self).__name__, x)
        gate = self._gate(len(x), streams, context)
        n_masks = len(x) if self.per == "row" else 1
        if n_masks == 0:
            return self._identity(x)
        numbers: Any = self._draw_numbers(n_masks, size, streams, context)
        if self._too_few(len(x)):
            return self._identity(x)
        # Partners are drawn without mixing too: p and alpha move no other draw.
        partner = self._pair(x, y, streams, context)
        if gate is False or self._draws_no_mixing(context):
            return self._identity(x)
        rows = rows_let_in(gate, self._p_now(context))
        partner, numbers, rows = yield partner, numbers, rows
        mask = self._masks(numbers, size)
        if self.fold:
            mask = _fold(mask)
        if rows is not None:
            mask = mask * rows.view((-1,) + (1,) * (mask.ndim - 1))
        lam = mask_lam(mask, len(x), lam_dtype(x))
        if self._may_pair_selves(context):
            lam = lam.masked_fill(self_pairs(partner), 1.0)
        plan = MaskPlan if mask.dtype == torch.bool else SoftMaskPlan
        return plan(partner, lam, mask=mask)

    def _draws_no_mixing(self, context: MixContext | None) -> bool:
        """Whether alpha, where there is one, is 0 now."""
        return hasattr(self, "alpha") and self._alpha_now(context) == 0


def _fold(mask: Tensor) -> Tensor:
    large = partner_share(mask) > 0.5
    large = large.view((-1,) + (1,) * (mask.ndim - 1))
    if mask.dtype == torch.bool:
        return mask ^ large
    return torch.where(large, 1.0 - mask, mask)
