"""The base of methods that move columns.

Other methods look at the first tensor of a batch alone. The columns of a table may lie
in several (numbers, category codes), so these look at all of them.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._method import Method
from sk_mixup.mixing.draws import MixStreams, self_pairs
from sk_mixup.mixing.plans import Columns, SwapPlan, column_ids, mask_lam


class TableMethod(Method):
    """Base class of methods whose plan is a `SwapPlan`."""

    group = "tabular"
    blends = False
    keeps_places = False

    def _batch_drawing(
        self,
        x: Any,
        first: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        given = n_given = None
        if context is not None:
            given, n_given = context.columns, context.n_columns
        columns, n_columns = column_ids(type(self).__name__, x, given, n_given)
        return self._column_drawing(first, y, streams, context, columns, n_columns)

    def _column_drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
        columns: Columns,
        n_columns: int,
    ) -> Drawing:
        raise NotImplementedError

    def _swap(
        self,
        x: Tensor,
        partner: Any,
        mask: Tensor,
        columns: Columns,
        context: MixContext | None,
        label_lam: Tensor | None = None,
    ) -> Drawing:
        """Send a mask, and return its plan; rows that are their own partner stay clean.

        Parameters
        ----------
        x : Tensor
        partner : Tensor or Later
        mask, columns, label_lam :
            As for `SwapPlan`.
        context : MixContext or None
        """
        lam = mask_lam(mask, len(x), lam_dtype(x))
        if label_lam is not None:
            label_lam = label_lam.to(lam_dtype(x))
        partner, mask, lam, label_lam = yield partner, mask, lam, label_lam
        if self._may_pair_selves(context):
            alone = self_pairs(partner)
            lam = lam.masked_fill(alone, 1.0)
            if label_lam is not None:
                label_lam = label_lam.masked_fill(alone, 1.0)
        return SwapPlan(partner, lam, label_lam=label_lam, mask=mask, columns=columns)
