"""FeatureSwap: CutMix for tables."""

from __future__ import annotations

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._params import check_number
from sk_mixup.mixing.draws import (
    BetaLaw,
    MixStreams,
    Pairing,
    Schedule,
    draw_lam,
    uniforms,
)
from sk_mixup.mixing.methods._tables import TableMethod
from sk_mixup.mixing.plans import Columns


class FeatureSwap(TableMethod):
    r"""Take some columns from the partner; the label weight is the share left.

    Of :math:`d` columns :math:`k = \max(1, \lfloor (1 - \lambda) d \rfloor)` are
    swapped, :math:`\lambda \sim Beta(\alpha, \alpha)`, and the weight of the own target
    is :math:`1 - k / d`. Whole values move: a category keeps the code of one of the two
    parents, and a missing indicator follows its column.

    Parameters
    ----------
    alpha : float or schedule, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    per : {"batch", "row"}, default="batch"
        One set of columns for the batch, as in Auto-PyTorch, or one per row.
    rate : float or None, default=None
        Swap each column with this probability, in [0, 1], in place of a number of
        columns from the Beta law. ``FeatureSwap(rate=0.1, per="row")`` swaps single
        cells, as SAINT does.
    p : float or schedule, default=1.0
        Probability of mixing a batch (``per="batch"``) or a row (``per="row"``).
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    Notes
    -----
    NOTE[DIFF]: Auto-PyTorch draws the number of columns as lambda d, which has the same
    law. SAINT swaps cells in pre-training, without targets; here targets are mixed by
    the share of cells really swapped.

    Input of shape (B, columns) or (B, columns, width), or a dict of such tensors.

    References
    ----------
    Kadra, Lindauer, Hutter, Grabocka: Well-tuned Simple Nets Excel on Tabular Datasets,
    NeurIPS 2021 (row CutMix).
    Somepalli et al.: SAINT: Improved Neural Networks for Tabular Data via Row Attention
    and Contrastive Pre-Training, 2021 (cells).

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import FeatureSwap
    >>> table = {
    ...     "numeric": torch.rand(6, 3),
    ...     "categorical": torch.randint(0, 4, (6, 2)),
    ... }
    >>> mixed, targets = FeatureSwap()(table, torch.arange(6), n_classes=6)
    >>> mixed["categorical"].dtype, targets.shape
    (torch.int64, torch.Size([6, 6]))
    """

    short_name = "feature_swap"
    paper = "Kadra et al., NeurIPS 2021; Somepalli et al., 2021"

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        per: str = "batch",
        rate: float | None = None,
        p: float | Schedule = 1.0,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.per = per
        self.rate = rate
        self.p = p
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        super()._validate()
        if self.rate is not None:
            check_number("rate", self.rate, low=0.0, high=1.0)

    @property
    def never_mixes(self) -> bool:
        """Whether the parameters say that nothing is ever mixed."""
        return super().never_mixes or self.rate == 0

    def _column_drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
        columns: Columns,
        n_columns: int,
    ) -> Drawing:
        n_rows, alpha = len(x), self._alpha_now(context)
        shared = self.per == "batch"
        gate = self._gate(n_rows, streams, context)
        drawn = draw_lam(
            BetaLaw(alpha),
            None if shared else n_rows,
            fold=False,
            generator=streams.lam,
        )
        n_masks = 1 if shared else n_rows
        u = uniforms(n_masks * n_columns, streams.site).view(n_masks, n_columns)
        if self._too_few(n_rows):
            return self._identity(x)
        # Partners are drawn without mixing too: p and alpha move no other draw.
        partner = self._pair(x, y, streams, context)
        if gate is False or alpha == 0 or self.rate == 0 or n_columns == 0:
            return self._identity(x)
        if self.rate is not None:
            mask = u < float(self.rate)
        else:
            lam = torch.as_tensor(drawn, dtype=torch.float64).reshape(-1, 1)
            mask = _smallest(u, ((1.0 - lam) * n_columns).floor().clamp(min=1.0))
        if isinstance(gate, Tensor):
            mask = mask & gate.unsqueeze(1)
        return (yield from self._swap(x, partner, mask, columns, context))


def _smallest(u: Tensor, k: Tensor) -> Tensor:
    """Mark the k smallest numbers of each row: (rows, n), with k of shape (rows, 1)."""
    first = torch.arange(u.shape[1], device=u.device) < k
    return torch.zeros_like(first).scatter_(1, u.argsort(1), first)
