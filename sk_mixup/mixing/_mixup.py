"""Linear mixup: the blend of two rows, of numbers or of embedded categories."""

from __future__ import annotations

import torch
from torch import Tensor

from sk_mixup.mixing._law import draw_lam
from sk_mixup.mixing._method import Method, MixContext, lam_dtype
from sk_mixup.mixing._pairing import Pairing, never_pairs_selves, self_pairs
from sk_mixup.mixing._plan import LinearPlan, MixPlan
from sk_mixup.mixing._streams import MixStreams, uniforms


class Mixup(Method):
    r"""Blend each row with a partner: :math:`\lambda x_i + (1 - \lambda) x_j`.

    Targets are blended alike, with :math:`\lambda \sim Beta(\alpha, \alpha)`.

    Parameters
    ----------
    alpha : float, default=0.2
        Parameter of the Beta law, at least 0; 0: no mixing. Larger is stronger.
    per : {"batch", "row"}, default="batch"
        One lambda for the whole batch, as in the paper's code, or one per row.
    p : float, default=1.0
        Probability of mixing a batch (``per="batch"``) or a row (``per="row"``).
    fold : bool, default=True
        Use max(lambda, 1 - lambda), so that a row keeps its own majority. The law of
        the mixed batch is the same by symmetry.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Zhang, Cissé, Dauphin, Lopez-Paz: mixup: Beyond Empirical Risk Minimization,
    ICLR 2018.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import Mixup
    >>> x, y = torch.randn(8, 3), torch.randint(0, 10, (8,))
    >>> x_mixed, targets = Mixup(alpha=0.2)(x, y, n_classes=10)
    >>> x_mixed.shape, targets.shape
    (torch.Size([8, 3]), torch.Size([8, 10]))
    """

    short_name = "mixup"

    def __init__(
        self,
        alpha: float = 0.2,
        *,
        per: str = "batch",
        p: float = 1.0,
        fold: bool = True,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.per = per
        self.p = p
        self.fold = fold
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _draw(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> MixPlan:
        n_rows = len(x)
        if self.per == "batch":
            open_gate = self._gate_is_open(streams)
            lam = draw_lam(
                float(self.alpha), None, fold=self.fold, generator=streams.lam
            )
        else:
            open_gate = True
            lam = draw_lam(
                float(self.alpha), n_rows, fold=self.fold, generator=streams.lam
            )
            u = uniforms(n_rows, streams.gate)
            if self.p < 1:
                lam = torch.where(u < self.p, lam, 1.0)
        if self.alpha == 0 or n_rows < 2:
            return self._identity(x)
        # Partners are drawn behind a closed gate too: p moves no other draw.
        partner = self._pair(x, y, streams, context)
        if not open_gate:
            return self._identity(x)
        return self._plan(x, partner, lam)

    def _plan(self, x: Tensor, partner: Tensor, lam: Tensor | float) -> MixPlan:
        dtype = lam_dtype(x)
        alone = None if never_pairs_selves(self.pairing) else self_pairs(partner)
        if isinstance(lam, float) and (alone is None or not bool(alone.any())):
            full = torch.full((len(x),), lam, dtype=dtype, device=x.device)
            return LinearPlan(partner, full, lam_host=lam)
        rows = torch.as_tensor(lam, dtype=dtype)
        rows = rows.to(x.device, non_blocking=True).expand(len(x)).contiguous()
        if alone is not None:
            rows = rows.masked_fill(alone, 1.0)
        return LinearPlan(partner, rows)

    def _clean_plan(self, partner: Tensor, lam: Tensor) -> MixPlan:
        return LinearPlan(partner, lam, lam_host=1.0)
