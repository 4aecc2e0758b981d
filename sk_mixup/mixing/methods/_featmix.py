"""FEAT-MIX: swap columns, and weigh targets by what the columns tell about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing.draws import (
    BetaLaw,
    MixStreams,
    Pairing,
    Schedule,
    check_schedule,
    draw_lam,
    uniforms,
)
from sk_mixup.mixing.methods._tables import TableMethod
from sk_mixup.mixing.plans import Columns


class FeatMix(TableMethod):
    r"""Keep each column with a probability per row; weigh targets by information.

    With :math:`r \sim Beta(\alpha, \alpha)` for each row and :math:`m_f \sim
    Bernoulli(r)` for each column, :math:`x_f = m_f x_{i,f} + (1 - m_f) x_{j,f}` and

    .. math:: y = \Lambda y_i + (1 - \Lambda) y_j, \quad
              \Lambda = \sum_f m_f s_f / \sum_f s_f,

    where :math:`s_f` is the mutual information of column f and the target. `plan.lam`
    is the share of columns kept, and `plan.label_lam` is :math:`\Lambda`.

    Parameters
    ----------
    alpha : float or schedule, default=0.5
        Parameter of the Beta law, at least 0; 0: no mixing.
    information : sequence of float or None, default=None
        A weight :math:`s_f \ge 0` per column. None: what `MixContext.information`
        says, which the estimators compute from the training data; equal weights where
        it says nothing, or where no column tells anything.
    p : float or schedule, default=1.0
        Probability of mixing a row.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    Notes
    -----
    NOTE[DIFF]: the paper mixes the numbers (its categories are target-encoded); here
    category codes move too, and a missing indicator follows its column.

    Input of shape (B, columns) or (B, columns, width), or a dict of such tensors.

    References
    ----------
    Chen et al.: Can a Deep Learning Model be a Sure Bet for Tabular Prediction?
    (ExcelFormer), KDD 2024.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import FeatMix
    >>> x, y = torch.randn(8, 3), torch.randint(0, 10, (8,))
    >>> x_mixed, targets = FeatMix(information=[0.5, 0.2, 0.0])(x, y, n_classes=10)
    >>> x_mixed.shape, targets.shape
    (torch.Size([8, 3]), torch.Size([8, 10]))
    """

    short_name = "feat_mix"
    paper = "Chen et al., KDD 2024"

    def __init__(
        self,
        alpha: float | Schedule = 0.5,
        *,
        information: Sequence[float] | None = None,
        p: float | Schedule = 1.0,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.information = information
        self.p = p
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    @property
    def needs_information(self) -> bool:
        """Whether `MixContext.information` is used."""
        return self.information is None

    def _validate(self) -> None:
        check_schedule("alpha", self.alpha, low=0.0)
        if self.information is None:
            return
        try:
            values = [float(value) for value in self.information]
        except (TypeError, ValueError) as error:
            raise TypeError(
                "information must be None or a sequence with one number per column;"
                f" got {self.information!r}."
            ) from error
        if not all(math.isfinite(value) and value >= 0 for value in values):
            raise ValueError(
                "information must hold finite numbers of at least 0; got"
                f" {self.information!r}."
            )

    def _column_drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
        columns: Columns,
        n_columns: int,
    ) -> Drawing:
        weights = self._weights(y, context, n_columns)
        n_rows, alpha = len(x), self._alpha_now(context)
        gate = self._open_rows(n_rows, streams, context)
        drawn = draw_lam(BetaLaw(alpha), n_rows, fold=False, generator=streams.lam)
        u = uniforms(n_rows * n_columns, streams.site).view(n_rows, n_columns)
        if self._too_few(n_rows):
            return self._identity(x)
        # Partners are drawn without mixing too: p and alpha move no other draw.
        partner = self._pair(x, y, streams, context)
        if alpha == 0 or n_columns == 0:
            return self._identity(x)
        mask = (u >= torch.as_tensor(drawn).unsqueeze(1)) & gate.unsqueeze(1)
        label_lam = None
        if weights is not None:
            # One minus what was taken: a row that keeps all columns has exactly 1.
            taken = mask.to(torch.float64) @ weights.to(mask.device)
            label_lam = (1.0 - taken).clamp(0.0, 1.0)
        return (yield from self._swap(x, partner, mask, columns, context, label_lam))

    def _weights(
        self, y: Tensor | None, context: MixContext | None, n_columns: int
    ) -> Tensor | None:
        """Return weights with a sum of 1, or None for equal weights."""
        given: Any = self.information
        if given is None and context is not None:
            given = context.information
        if given is None:
            if y is None:
                raise ValueError(
                    "FeatMix weighs the columns by their mutual information with the"
                    " target, and got neither y nor information. Give y, or"
                    " FeatMix(information=[one weight per column]), or use"
                    " FeatureSwap, which needs no target."
                )
            return None
        weights = torch.as_tensor(given, dtype=torch.float64)
        if weights.shape != (n_columns,):
            raise ValueError(
                f"FeatMix: information needs one weight for each of the {n_columns}"
                f" columns; got shape {tuple(weights.shape)}."
            )
        total = weights.sum()
        return None if float(total) <= 0 else weights / total
