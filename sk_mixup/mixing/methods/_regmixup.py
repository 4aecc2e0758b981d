"""RegMixup: mixed rows beside the clean ones, as a regulariser."""

from __future__ import annotations

from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing.draws import MixStreams, Pairing, Schedule
from sk_mixup.mixing.methods._mixup import Mixup
from sk_mixup.mixing.plans import StackPlan


class RegMixup(Mixup):
    r"""Train on the clean rows and on mixed ones at once.

    The net sees :math:`x_1, ..., x_B` and, below them, :math:`\lambda x_i + (1 -
    \lambda) x_j`; the loss is the mean over the 2B rows,

    .. math:: \frac{1}{2B} \sum_i \ell(x_i, y_i)
        + \frac{1}{2B} \sum_i \ell(\lambda x_i + (1 - \lambda) x_j,
        \lambda y_i + (1 - \lambda) y_j).

    Since clean rows stay, a large alpha (lambda near 1/2) serves best. A step costs as
    much as a batch of twice the size. A batch that is not mixed (``alpha=0``, a closed
    gate, one row) has its B rows alone.

    NOTE[DIFF]: the paper writes the sum of the clean loss and :math:`\eta` times the
    mixed one, with :math:`\eta = 1`. The authors' code takes the mean over 2B rows, as
    this class does: half of that sum, so that learning rates keep their meaning.

    NOTE[DIFF]: lambda is folded, max(lambda, 1 - lambda), which changes nothing in the
    law of a batch; ``fold=False`` takes it as drawn.

    Parameters
    ----------
    alpha : float or schedule, default=10.0
        Parameter of the Beta law, at least 0; 0: no mixing. The paper uses 10 for
        CIFAR-100 and 20 for CIFAR-10.
    per : {"batch", "row"}, default="batch"
        One lambda for the whole batch, as in the authors' code, or one per row.
    p : float or schedule, default=1.0
        Probability that the mixed rows are there (``per="batch"``) or that a row of
        them is mixed (``per="row"``).
    fold : bool or None, default=None
        As for `Mixup`.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Pinto, Yang, Lim, Torr, Dokania: Using Mixup as a Regularizer Can Surprisingly
    Improve Accuracy and Out-of-Distribution Robustness, NeurIPS 2022.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import RegMixup
    >>> x, y = torch.randn(8, 3), torch.randint(0, 10, (8,))
    >>> plan = RegMixup().draw(x, y)
    >>> both = plan.apply(x)
    >>> both.shape, torch.equal(both[:8], x), plan.rows.tolist()[6:10]
    (torch.Size([16, 3]), True, [6, 7, 0, 1])
    """

    short_name = "reg_mixup"
    cost = "a pass over twice the rows"
    paper = "Pinto et al., NeurIPS 2022"

    def __init__(
        self,
        alpha: float | Schedule = 10.0,
        *,
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool | None = None,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        super().__init__(
            alpha,
            per=per,
            p=p,
            fold=fold,
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
        plan = yield from super()._drawing(x, y, streams, context)
        clean = self._identity(x)
        if plan.is_identity or self._p_now(context) == 0:
            return clean
        return StackPlan.of([clean, plan])
