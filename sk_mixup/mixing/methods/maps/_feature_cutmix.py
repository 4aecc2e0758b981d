"""CutMix of feature maps: a box of a layer drawn per batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._params import check_choice
from sk_mixup.mixing.draws import (
    MixStreams,
    Pairing,
    Schedule,
    beta_lams,
    integer,
    rows_let_in,
    self_pairs,
    uniforms,
)
from sk_mixup.mixing.layers import INPUT
from sk_mixup.mixing.methods.maps._maps import MapMethod
from sk_mixup.mixing.plans import (
    PLACEMENTS,
    BoxPlan,
    MaskPlan,
    MixPlan,
    check_spatial,
    covered,
    mask_lam,
    row_spans,
)

# Of sequences, images and volumes.
_MOST_AXES = 3


@dataclass(frozen=True, eq=False, repr=False)
class FeatureCutPlan(MixPlan):
    """Paste a box of the partner's feature map; the map says how many places it has.

    Parameters
    ----------
    lam : Tensor of shape (B,)
        The share that was drawn. The one that is really present follows from the map.
    drawn : Tensor of shape (n,)
        That share for each box: one box for all rows, or one per row.
    places : Tensor of shape (n, 3)
        Uniform in [0, 1): where the boxes lie along each axis.
    placement : str
        As `CutMix.box`.
    fold : bool
        Exchange box and rest where the box is larger than half of the map.
    open_rows : Tensor of shape (B,), bool, or None
        Rows to be mixed; None: all.
    """

    drawn: Tensor | None = None
    places: Tensor | None = None
    placement: str = "clipped"
    fold: bool = False
    open_rows: Tensor | None = None

    weighs_late = True

    def settled(self, features: Tensor) -> MixPlan:
        """Return the boxes on this feature map; parameters as for `MixPlan.settled`."""
        where = "the input" if self.site is None else f"the layer {self.site!r}"
        size = check_spatial(f"FeatureCutMix, at {where},", features)
        assert self.drawn is not None
        assert self.places is not None
        share = (1.0 - self.drawn).pow(1.0 / len(size))
        spans = torch.stack(
            [
                row_spans(
                    self.placement, n, (share * n).round().long(), self.places[:, axis]
                )
                for axis, n in enumerate(size)
            ],
            1,
        )
        dtype, alone = lam_dtype(features), self_pairs(self.partner)
        if len(spans) == 1 and self.open_rows is None and spans.device.type == "cpu":
            box = tuple((start, stop) for start, stop in spans[0].tolist())
            area = math.prod(stop - start for start, stop in box)
            own = 1.0 - area / math.prod(size)
            outside = self.fold and own < 0.5
            lam = torch.full_like(self.lam, 1.0 - own if outside else own, dtype=dtype)
            lam = lam.masked_fill(alone, 1.0)
            return BoxPlan(
                self.partner, lam, site=self.site, box=box, size=size, outside=outside
            )
        mask = covered(spans, size)
        if self.fold:
            large = mask.flatten(1).double().mean(1) > 0.5
            mask = mask ^ large.view((-1,) + (1,) * len(size))
        if self.open_rows is not None:
            mask = mask & self.open_rows.view((-1,) + (1,) * len(size))
        lam = mask_lam(mask, self.n_rows, dtype).masked_fill(alone, 1.0)
        return MaskPlan(self.partner, lam, site=self.site, mask=mask)


class FeatureCutMix(MapMethod):
    r"""Paste a box of the partner's feature map, in a layer drawn for each batch.

    A layer is drawn as for `ManifoldMixup`, and a box in it as for `CutMix`: sides
    :math:`(1 - \lambda)^{1/d}` of those of the map, which has :math:`d` axes beside
    rows and channels. The label weight is the share of the places of *this map* that
    stay, so that it is known when the map is: the estimators take it from the running
    net, and `mix_layer` hands it over in loops of your own.

    A coarse map has few places, and its boxes differ more from the share drawn than
    those of an image: a map of one place is pasted wholly or not at all.

    Parameters
    ----------
    alpha : float or schedule, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    layers : str or sequence of str, default="auto"
        As for `ManifoldMixup`; the layers must return feature maps (B, channels,
        \*spatial). ``"auto"``: the hidden layers that it finds and that do, and not the
        input, for which there is `CutMix`; ``"input"`` adds it.
    per : {"batch", "row"}, default="batch"
        One box for the batch, or one per row.
    p : float or schedule, default=1.0
        Probability of mixing a batch or a row.
    fold : bool, default=False
        Exchange box and rest where the box takes more than half of the map.
    box : {"clipped", "inside", "uniform"}, default="clipped"
        Where the box lies, see `CutMix`.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Yun et al.: CutMix, ICCV 2019, in the ablation "feature CutMix".

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import FeatureCutMix, MixContext, mix_layer
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(288, 2))
    >>> x, y = torch.randn(4, 3, 8, 8), torch.randint(0, 2, (4,))
    >>> plan = FeatureCutMix(layers=["0"]).draw(x, y, context=MixContext(module=net))
    >>> with mix_layer(net, plan) as mixed:
    ...     output = net(x)
    >>> output.shape, mixed.plan.targets(y, 2).shape
    (torch.Size([4, 2]), torch.Size([4, 2]))
    """

    short_name = "feature_cutmix"
    paper = "Yun et al., ICCV 2019"
    blends = False

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        layers: str | Sequence[str] = "auto",
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool = False,
        box: str = "clipped",
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
        self.box = box

    def _validate(self) -> None:
        super()._validate()
        check_choice("box", self.box, PLACEMENTS)
        if not isinstance(self.fold, bool):
            raise TypeError(f"fold must be True or False; got {self.fold!r}.")

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        sites = self.sites(None if context is None else context.module)
        site = sites[integer(len(sites), streams.site)]
        gate = self._gate(len(x), streams, context)
        n_boxes = len(x) if self.per == "row" else 1
        alpha = self._alpha_now(context)
        drawn = beta_lams(alpha, n_boxes, streams.lam)
        places = uniforms(n_boxes * _MOST_AXES, streams.site)
        if self._too_few(len(x)):
            return self._identity(x)
        # Partners are drawn without mixing too: p and alpha move no other draw.
        partner = self._pair(x, y, streams, context)
        if gate is False or alpha == 0:
            return self._identity(x)
        rows = rows_let_in(gate, self._p_now(context))
        partner, drawn, places, rows = yield partner, drawn, places, rows
        plan = FeatureCutPlan(
            partner,
            drawn.to(lam_dtype(x)).expand(len(x)).contiguous(),
            site=None if site == INPUT else site,
            drawn=drawn,
            places=places.view(n_boxes, _MOST_AXES),
            placement=self.box,
            fold=bool(self.fold),
            open_rows=rows,
        )
        return plan.settled(x) if plan.site is None else plan
