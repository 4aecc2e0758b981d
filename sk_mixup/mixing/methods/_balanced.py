"""Balanced-MixUp: each row with a touch of a class-balanced partner."""

from __future__ import annotations

from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing.draws import (
    BetaLaw,
    LamLaw,
    MixStreams,
    OneSidedBetaLaw,
    Pairing,
    Schedule,
)
from sk_mixup.mixing.methods._mixup import Mixup
from sk_mixup.mixing.plans import class_labels


class BalancedMixup(Mixup):
    r"""Blend each row of the batch with a partner whose class is drawn first.

    .. math::

        (1 - \lambda) x_i + \lambda x_j, \quad \lambda \sim Beta(\alpha, 1),

    where row i comes as the batch has it and row j from a class-balanced draw. For a
    small :math:`\alpha` most rows keep nearly all of themselves, and rare classes are
    seen often without being learnt by heart. `MixPlan.lam` is the own share
    :math:`1 - \lambda`.

    NOTE[DIFF]: the paper draws partners from the whole training set; here from the
    batch, with all classes in it alike, so that a class absent from a batch has no part
    in it.

    Parameters
    ----------
    alpha : float or schedule, default=0.2
        Parameter of the one-sided Beta law, at least 0; 0: no mixing. The mean share of
        the partner is ``alpha / (1 + alpha)``; the paper takes 0.1 to 0.2.
    per : {"batch", "row"}, default="batch"
        One lambda for the whole batch, as in the paper's code, or one per row.
    p : float or schedule, default=1.0
        Probability of mixing a batch or a row.
    pairing : str or callable, default="balanced"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Galdran, Carneiro, González Ballester: Balanced-MixUp for Highly Imbalanced Medical
    Image Classification, MICCAI 2021.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import BalancedMixup
    >>> x, y = torch.randn(8, 3), torch.tensor([0, 0, 0, 0, 0, 0, 1, 1])
    >>> x_mixed, targets = BalancedMixup(alpha=0.2)(x, y, n_classes=2)
    >>> x_mixed.shape, targets.shape
    (torch.Size([8, 3]), torch.Size([8, 2]))
    """

    short_name = "balanced_mixup"
    group = "imbalance"
    paper = "Galdran et al., MICCAI 2021"

    def __init__(
        self,
        alpha: float | Schedule = 0.2,
        *,
        per: str = "batch",
        p: float | Schedule = 1.0,
        pairing: str | Pairing = "balanced",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        super().__init__(
            alpha,
            per=per,
            p=p,
            fold=False,
            pairing=pairing,
            off_first=off_first,
            off_last=off_last,
        )

    def _law_now(self, context: MixContext | None) -> LamLaw:
        alpha = self._alpha_now(context)
        return BetaLaw(0.0) if alpha == 0 else _OwnShare(alpha)

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        class_labels("BalancedMixup", y, len(x))
        return super()._drawing(x, y, streams, context)


class _OwnShare(OneSidedBetaLaw):
    """What a partner's share with law Beta(alpha, 1) leaves."""

    def quantile(self, u: Tensor) -> Tensor:
        return 1.0 - super().quantile(u)
