"""Remix: mixup whose labels favour the rarer class."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._params import check_number
from sk_mixup.mixing.draws import LamLaw, MixStreams, Pairing, Schedule
from sk_mixup.mixing.methods._mixup import Mixup
from sk_mixup.mixing.plans import class_labels, row_class_counts


class CountedLabels(Mixup):
    """Base of linear methods whose label weight depends on how rare classes are.

    The input is mixed as by `Mixup` without folding, which would break such a rule: it
    has to see lambda on both sides of 1/2.
    """

    group = "imbalance"

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
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
            fold=False,
            law=law,
            pairing=pairing,
            off_first=off_first,
            off_last=off_last,
        )

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        who = type(self).__name__
        y = class_labels(who, y, len(x))
        plan = yield from super()._drawing(x, y, streams, context)
        plan = self._with_pool(plan)
        if plan.is_identity:
            return plan
        if plan.pool is not None and plan.pool[1] is not None:
            y = torch.cat((y, plan.pool[1].long()))
        counts = row_class_counts(who, y, context).to(plan.lam.device)
        own, other = counts[: len(x)], counts.index_select(0, plan.partner)
        label_lam = self._label_lam(plan.lam, own, other)
        return dataclasses.replace(plan, label_lam=label_lam)

    def _label_lam(self, lam: Tensor, n_own: Tensor, n_partner: Tensor) -> Tensor:
        """Return the weights of the own labels; all of shape (B,)."""
        raise NotImplementedError


class Remix(CountedLabels):
    r"""Mix as mixup, and give the label to the rarer class where it has a fair share.

    The weight of the own label, with :math:`n_i, n_j` training rows in the classes of
    the row and its partner, is

    .. math::

        \lambda_y = \begin{cases}
            0 & n_i / n_j \ge \kappa \text{ and } \lambda < \tau \\
            1 & n_i / n_j \le 1 / \kappa \text{ and } 1 - \lambda < \tau \\
            \lambda & \text{otherwise,}
        \end{cases}

    the first case that holds.

    NOTE[DIFF]: alone in a loop, without `MixContext.class_counts`, the rows of the
    batch are counted instead of those of the training.

    Parameters
    ----------
    alpha : float or schedule, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    kappa : float, default=3.0
        From this ratio of class sizes on the label is given away; at least 1.
    tau : float, default=0.5
        Largest share of the larger class in such a row, in [0, 1]; 0: plain mixup.
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
    Chou, Chang, Pan, Wei, Juan: Remix: Rebalanced Mixup, ECCV 2020 workshops.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import FixedLaw, MixContext, Remix
    >>> x, y = torch.randn(2, 3), torch.tensor([0, 1])
    >>> context = MixContext(class_counts=torch.tensor([90, 10]))
    >>> plan = Remix(law=FixedLaw(0.4)).draw(x, y, context=context)
    >>> plan.targets(y, 2)
    tensor([[0.0000, 1.0000],
            [0.6000, 0.4000]])
    """

    short_name = "remix"
    paper = "Chou et al., ECCV 2020 workshops"

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        kappa: float = 3.0,
        tau: float = 0.5,
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
        self.kappa = kappa
        self.tau = tau

    def _validate(self) -> None:
        super()._validate()
        check_number("kappa", self.kappa, low=1.0)
        check_number("tau", self.tau, low=0.0, high=1.0)

    def _label_lam(self, lam: Tensor, n_own: Tensor, n_partner: Tensor) -> Tensor:
        kappa, tau = float(self.kappa), float(self.tau)
        # Products and not ratios: they are exact, and no ratio equals 1 / 3.
        gives = (n_own >= kappa * n_partner) & (lam < tau)
        takes = (n_partner >= kappa * n_own) & (1.0 - lam < tau)
        return lam.masked_fill(takes, 1.0).masked_fill_(gives, 0.0)
