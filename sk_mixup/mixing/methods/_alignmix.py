"""AlignMix: blend feature maps after moving the partner's features into place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._params import check_integer, check_number
from sk_mixup.mixing.draws import MixStreams, Pairing, Schedule
from sk_mixup.mixing.layers import INPUT, Sites
from sk_mixup.mixing.methods._manifold import ManifoldMixup
from sk_mixup.mixing.plans import MixPlan, to_blendable


@dataclass(frozen=True, eq=False, repr=False)
class AlignPlan(MixPlan):
    """Blend each feature map with its partner's, aligned to the own positions.

    Parameters
    ----------
    eps : float
        Entropic regularisation of the alignment.
    n_iter : int
        Number of Sinkhorn iterations.
    """

    eps: float = 0.1
    n_iter: int = 100

    def _apply(self, x: Tensor) -> Tensor:
        if x.ndim < 3:
            raise ValueError(
                "AlignMix aligns positions and needs feature maps (B, channels,"
                f" *spatial); {self.site!r} gave shape {tuple(x.shape)}. Name a layer"
                " before pooling and flattening, or use ManifoldMixup."
            )
        x = to_blendable(x)
        own, other = x.flatten(2), x.index_select(0, self.partner).flatten(2)
        aligned = other @ alignment(own, other, self.eps, self.n_iter).mT.to(x.dtype)
        lam = self.lam.to(x.dtype).view((-1,) + (1,) * (x.ndim - 1))
        return aligned.view_as(x).lerp(x, lam)


@torch.no_grad()
def alignment(own: Tensor, other: Tensor, eps: float, n_iter: int) -> Tensor:
    """Return how much each own position takes from each position of the partner.

    Parameters
    ----------
    own, other : Tensor of shape (B, channels, r)
    eps : float
    n_iter : int

    Returns
    -------
    weights : Tensor of shape (B, r, r), float32 or wider
        ``r`` times the transport plan; rows sum to 1, columns nearly.
    """
    # Distances far above eps need logarithms: exp(-distance / eps) would be all 0.
    wide = torch.promote_types(own.dtype, torch.float32)
    log_kernel = torch.cdist(own.to(wide).mT, other.to(wide).mT).div_(-eps)
    to_other = torch.zeros_like(log_kernel[:, :1])
    for _ in range(n_iter):
        to_own = -(log_kernel + to_other).logsumexp(2, keepdim=True)
        to_other = -(log_kernel + to_own).logsumexp(1, keepdim=True)
    return (log_kernel + to_other).softmax(2)


class AlignMix(ManifoldMixup):
    r"""Blend feature maps whose positions are aligned by optimal transport.

    For a feature map with :math:`r` positions, :math:`A = (a_1, ..., a_r)`, and that of
    the partner, :math:`A'`, with distances :math:`M_{ij} = \|a_i - a'_j\|` and the
    transport plan of Sinkhorn's algorithm

    .. math:: P = \arg\min_{P \ge 0} \langle P, M \rangle - \epsilon H(P), \quad
        P 1 = P^\top 1 = 1/r,

    the partner's features are moved to the own positions and blended there:

    .. math:: \lambda A + (1 - \lambda) \, A' R^\top, \quad R = r P.

    No gradient flows through :math:`R`. With one position this is `ManifoldMixup`, and
    so it is at the input, where the authors mix without alignment.

    The alignment costs `n_iter` passes over :math:`B r^2` numbers: meant for a late
    layer with few positions, such as the last feature map.

    NOTE[DIFF]: the authors' code aligns the partner to the own positions or the
    own features to the partner's, by the toss of a coin. Here a row, which keeps its
    own majority, also keeps its own positions.

    NOTE[DIFF]: the authors' code takes squared distances and stops early; here the
    distances are those of the paper, and the iterations are `n_iter`.

    Parameters
    ----------
    alpha : float or schedule, default=2.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    layers : str or sequence of str, default="auto"
        As for `ManifoldMixup`; the layers must give (B, channels, \*spatial).
        ``"auto"``: the input, and the last layer that a net names in `mix_layers`,
        which is the paper's choice; early maps have many places, and the cost grows
        with their square. In a net without `mix_layers`, the last layer with at least
        three axes of those that a trial finds, see `ManifoldMixup`.
    eps : float, default=0.1
        Entropic regularisation, greater than 0; larger aligns more softly.
    n_iter : int, default=100
        Sinkhorn iterations, at least 1.
    per, p, fold, pairing, off_first, off_last :
        As for `Mixup`.

    References
    ----------
    Venkataramanan, Kijak, Amsaleg, Avrithis: AlignMixup: Improving Representations by
    Interpolating Aligned Features, CVPR 2022.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import AlignMix, MixContext, mix_layer
    >>> net = nn.Sequential(
    ...     nn.Conv2d(3, 8, 3, stride=2), nn.Flatten(), nn.Linear(72, 2)
    ... )
    >>> x, y = torch.randn(4, 3, 8, 8), torch.randint(0, 2, (4,))
    >>> plan = AlignMix(layers=["0"]).draw(x, y, context=MixContext(module=net))
    >>> with mix_layer(net, plan):
    ...     output = net(x)
    >>> output.shape, plan.targets(y, 2).shape
    (torch.Size([4, 2]), torch.Size([4, 2]))
    """

    short_name = "align_mix"
    cost = "n_iter products of feature maps"
    keeps_places = False
    paper = "Venkataramanan et al., CVPR 2022"

    def __init__(
        self,
        alpha: float | Schedule = 2.0,
        *,
        layers: str | Sequence[str] = "auto",
        eps: float = 0.1,
        n_iter: int = 100,
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool | None = None,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        super().__init__(
            alpha,
            layers=layers,
            per=per,
            p=p,
            fold=fold,
            pairing=pairing,
            off_first=off_first,
            off_last=off_last,
        )
        self.eps = eps
        self.n_iter = n_iter

    def _validate(self) -> None:
        super()._validate()
        check_number("eps", self.eps, low=0.0)
        if self.eps == 0:
            raise ValueError("eps must be greater than 0; got 0.")
        check_integer("n_iter", self.n_iter, low=1)

    def sites(self, module: torch.nn.Module | None) -> list[str]:
        """Return the names of the layers that may be drawn."""
        if getattr(module, "n_members", 1) > 1:
            raise ValueError(
                "AlignMix aligns positions and needs feature maps (B, channels,"
                f" *spatial); the second axis of {type(module).__name__} counts its"
                " members. Use ManifoldMixup."
            )
        sites = super().sites(module)
        return list(dict.fromkeys([sites[0], sites[-1]])) if self._is_auto else sites

    def _auto(self, found: Sites) -> list[str]:
        maps = [
            name
            for name, n_axes in zip(found.layers, found.n_axes, strict=True)
            if n_axes >= 3
        ]
        if not maps and not found.input_mixes:
            raise ValueError(
                "layers='auto' found no feature map (B, channels, *spatial) for"
                " AlignMix. Name a layer, or use ManifoldMixup."
            )
        return [INPUT] * found.input_mixes + maps[-1:]

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        plan = yield from super()._drawing(x, y, streams, context)
        if plan.is_identity or plan.site is None:
            return plan
        return AlignPlan(
            plan.partner, plan.lam, site=plan.site, eps=self.eps, n_iter=self.n_iter
        )
