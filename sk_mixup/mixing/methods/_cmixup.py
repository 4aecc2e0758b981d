"""C-Mixup: mixup for regression, with partners of similar target."""

from __future__ import annotations

from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing.draws import KernelPairing, LamLaw, MixStreams, Pairing, Schedule
from sk_mixup.mixing.methods._mixup import Mixup


class CMixup(Mixup):
    r"""Blend rows, and their targets, with partners whose target is similar.

    Row i draws partner j with probability proportional to
    :math:`\exp(-\|y_i - y_j\|^2 / 2 \sigma^2)`, and
    :math:`\lambda \sim Beta(\alpha, \alpha)`. Between rows of similar target a straight
    line is a fair guess; between any two it need not be, and plain mixup can hurt
    regression.

    NOTE[DIFF]: the paper draws partners from the whole training set and takes
    :math:`\sigma` in units of y, chosen anew for each data set (0.05 to 20). Here
    partners come from the batch, in O(B^2), and :math:`\sigma` counts standard
    deviations of the targets in the batch, output by output: scaling y changes
    nothing. The own row, the likeliest partner in the paper's code, is left out.

    Parameters
    ----------
    alpha : float or schedule, default=2.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    bandwidth : float, default=1.0
        :math:`\sigma`, greater than 0, in standard deviations of the target. The larger
        it is, the nearer to plain mixup.
    per : {"batch", "row"}, default="batch"
        One lambda for the whole batch, as in the paper's code, or one per row.
    p : float or schedule, default=1.0
        Probability of mixing a batch or a row.
    fold : bool, default=False
        Use max(lambda, 1 - lambda). The paper does not.
    law : "beta" or LamLaw, default="beta"
        Law of lambda; a law object takes the place of `alpha`.
    pairing : str or callable, default="similar"
        Who mixes with whom; `bandwidth` belongs to ``"similar"``.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Yao, Wang, Zhang, Zou, Finn: C-Mixup: Improving Generalization in Regression,
    NeurIPS 2022.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import CMixup
    >>> x, y = torch.randn(4, 3), torch.tensor([0.0, 10.0, 0.1, 10.1])
    >>> plan = CMixup(bandwidth=0.1).draw(x, y)
    >>> plan.partner
    tensor([2, 3, 0, 1])
    >>> plan.apply(x).shape, plan.targets(y).shape
    (torch.Size([4, 3]), torch.Size([4]))
    """

    short_name = "c_mixup"
    group = "regression"
    paper = "Yao et al., NeurIPS 2022"

    def __init__(
        self,
        alpha: float | Schedule = 2.0,
        *,
        bandwidth: float = 1.0,
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool = False,
        law: str | LamLaw = "beta",
        pairing: str | Pairing = "similar",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        super().__init__(
            alpha,
            per=per,
            p=p,
            fold=fold,
            law=law,
            pairing=pairing,
            off_first=off_first,
            off_last=off_last,
        )
        self.bandwidth = bandwidth

    def _validate(self) -> None:
        super()._validate()
        KernelPairing(self.bandwidth).validate()

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        if y is None or not y.is_floating_point():
            got = "y=None" if y is None else f"y of dtype {y.dtype}"
            raise (ValueError if y is None else TypeError)(
                f"CMixup pairs rows by similar numbers and needs float targets; got"
                f" {got}. For classes use Mixup, or pairing='within'."
            )
        return super()._drawing(x, y, streams, context)

    def _pairing_now(self) -> Pairing:
        if self.pairing == "similar":
            return KernelPairing(self.bandwidth)
        return super()._pairing_now()
