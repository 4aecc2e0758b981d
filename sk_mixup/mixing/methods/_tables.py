"""The base of methods that move columns.

Other methods look at the first tensor of a batch alone. The columns of a table may lie
in several (numbers, category codes), so these look at all of them.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._method import Method
from sk_mixup.mixing.draws import MixStreams, self_pairs
from sk_mixup.mixing.plans import Columns, MixPlan, SwapPlan, column_ids, mask_lam


class TableMethod(Method):
    """Base class of methods whose plan is a `SwapPlan`."""

    group = "tabular"
    blends = False
    keeps_places = False

    def _draw_batch(
        self,
        x: Any,
        first: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> MixPlan:
        given = None if context is None else context.columns
        columns, n_columns = column_ids(type(self).__name__, x, given)
        return self._draw_columns(first, y, streams, context, columns, n_columns)

    def _draw_columns(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
        columns: Columns,
        n_columns: int,
    ) -> MixPlan:
        raise NotImplementedError

    def _swap_plan(
        self,
        x: Tensor,
        partner: Tensor,
        mask: Tensor,
        columns: Columns,
        context: MixContext | None,
        label_lam: Tensor | None = None,
    ) -> SwapPlan:
        """Return the plan of a mask; rows that are their own partner stay clean."""
        lam = mask_lam(mask, len(x), lam_dtype(x)).to(x.device, non_blocking=True)
        if label_lam is not None:
            label_lam = label_lam.to(x.device, lam_dtype(x), non_blocking=True)
        if self._may_pair_selves(context):
            alone = self_pairs(partner)
            lam = lam.masked_fill(alone, 1.0)
            if label_lam is not None:
                label_lam = label_lam.masked_fill(alone, 1.0)
        mask = mask.to(x.device, non_blocking=True)
        return SwapPlan(partner, lam, label_lam=label_lam, mask=mask, columns=columns)
