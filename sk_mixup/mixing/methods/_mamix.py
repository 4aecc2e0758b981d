"""MAMix: mixup whose labels change over where the classes' margins meet."""

from __future__ import annotations

import torch
from torch import Tensor

from sk_mixup.mixing._params import check_number
from sk_mixup.mixing.draws import LamLaw, Pairing, Schedule
from sk_mixup.mixing.methods._remix import CountedLabels


class MAMix(CountedLabels):
    r"""Mix as mixup, with labels that leave a rarer class the wider margin.

    A class of n training rows is to have a margin proportional to
    :math:`n^{-\omega}`. With :math:`k = n^\omega` and
    :math:`m = k_i / (k_i + k_j)`, the weight of the own label runs in two straight
    lines through (0, 0), (m, 1/2) and (1, 1):

    .. math::

        \lambda_y = \begin{cases}
            \lambda / 2m & \lambda \le m \\
            1 - (1 - \lambda) / 2(1 - m) & \text{otherwise.}
        \end{cases}

    NOTE[DIFF]: alone in a loop, without `MixContext.class_counts`, the rows of the
    batch are counted instead of those of the training. The authors' code writes
    :math:`\omega` as a negative exponent and :math:`\lambda` as the partner's share,
    and refuses :math:`\lambda = m`.

    Parameters
    ----------
    alpha : float or schedule, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    omega : float, default=0.25
        How much margins differ, at least 0; 0: plain mixup.
    per : {"batch", "row"}, default="batch"
        One lambda for the whole batch or one per row. Lambda is never folded: the rule
        has to see both sides of 1/2.
    p : float or schedule, default=1.0
        Probability of mixing a batch or a row.
    law : "beta" or LamLaw, default="beta"
        Law of lambda; a law object takes the place of `alpha`.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Cheng, Mai, Lin: From SMOTE to Mixup for Deep Imbalanced Classification, TAAI 2023.
    Margins: Cao et al.: LDAM, NeurIPS 2019.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import FixedLaw, MAMix, MixContext
    >>> x, y = torch.randn(2, 3), torch.tensor([0, 1])
    >>> context = MixContext(class_counts=torch.tensor([81, 1]))
    >>> plan = MAMix(law=FixedLaw(0.75)).draw(x, y, context=context)
    >>> plan.targets(y, 2)
    tensor([[0.5000, 0.5000],
            [0.1667, 0.8333]])
    """

    short_name = "ma_mix"
    paper = "Cheng et al., TAAI 2023"

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        omega: float = 0.25,
        per: str = "batch",
        p: float | Schedule = 1.0,
        law: str | LamLaw = "beta",
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        super().__init__(
            alpha,
            per=per,
            p=p,
            law=law,
            pairing=pairing,
            off_first=off_first,
            off_last=off_last,
        )
        self.omega = omega

    def _validate(self) -> None:
        super()._validate()
        check_number("omega", self.omega, low=0.0)

    def _label_lam(self, lam: Tensor, n_own: Tensor, n_partner: Tensor) -> Tensor:
        # k_j / k_i by one power, which no large omega can turn into inf / inf.
        ratio = (n_partner / n_own).pow(float(self.omega))
        middle = (1.0 / (1.0 + ratio)).to(lam.dtype)
        rest = (ratio / (1.0 + ratio)).nan_to_num(nan=1.0).to(lam.dtype)
        tiny = torch.finfo(lam.dtype).tiny
        low = 0.5 * lam / middle.clamp(min=tiny)
        high = 1.0 - 0.5 * (1.0 - lam) / rest.clamp(min=tiny)
        return torch.where(lam <= middle, low, high)
