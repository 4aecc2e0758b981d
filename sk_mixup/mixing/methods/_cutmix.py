"""CutMix: paste a box of the partner's image."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._params import check_choice, check_range
from sk_mixup.mixing.draws import (
    BetaLaw,
    MixStreams,
    Pairing,
    Schedule,
    beta_lams,
    draw_lam,
    self_pairs,
    uniform,
    uniforms,
)
from sk_mixup.mixing.methods._masks import MaskMethod
from sk_mixup.mixing.plans import (
    PLACEMENTS,
    BoxPlan,
    check_spatial,
    covered,
    host_span,
    row_spans,
)


class CutMix(MaskMethod):
    r"""Paste a box of the partner's image; the label weight is the area left.

    With :math:`d` spatial axes the box has sides :math:`(1 - \lambda)^{1/d}` of the
    image's (the square root for images, :math:`1 - \lambda` for sequences), with
    :math:`\lambda \sim Beta(\alpha, \alpha)`, and a centre uniform over the pixels;
    what sticks out is clipped, and lambda is measured from the box really pasted.

    Works on sequences (B, channels, length), images (B, channels, height, width) and
    volumes (B, channels, depth, height, width).

    Parameters
    ----------
    alpha : float, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing. Not used with `minmax`.
    per : {"batch", "row"}, default="batch"
        One box for the batch, as in the paper's code, or one per row.
    p : float, default=1.0
        Probability of mixing a batch or a row.
    fold : bool, default=False
        Swap the roles of box and rest where the box takes more than half of the
        image, so that a row keeps its own majority. Lambda is never clamped.
    box : {"clipped", "inside", "uniform"}, default="clipped"
        Where the box lies. Clipped: its centre is uniform over the pixels, and what
        sticks out is lost, as in the paper; pixels near the border are pasted less
        often. Inside: wholly inside, uniform over all places where it fits, so that
        its area is the one drawn. Uniform: its centre comes from a range that
        reaches beyond the image, so that all pixels are pasted equally often.
    minmax : (float, float) or None, default=None
        Draw each side on its own, uniform between these two shares of its axis
        (in [0, 1], in order, rounded to pixels), and place the box inside, instead
        of drawing lambda.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Yun et al.: CutMix: Regularization Strategy to Train Strong Classifiers with
    Localizable Features, ICCV 2019.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import CutMix
    >>> images, y = torch.rand(8, 3, 32, 32), torch.randint(0, 10, (8,))
    >>> mixed, targets = CutMix(alpha=1.0)(images, y, n_classes=10)
    >>> mixed.shape, targets.shape
    (torch.Size([8, 3, 32, 32]), torch.Size([8, 10]))
    """

    short_name = "cutmix"
    paper = "Yun et al., ICCV 2019"
    blends = False

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool = False,
        box: str = "clipped",
        minmax: tuple[float, float] | None = None,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.per = per
        self.p = p
        self.fold = fold
        self.box = box
        self.minmax = minmax
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        super()._validate()
        check_choice("box", self.box, PLACEMENTS)
        if self.minmax is not None:
            check_range("minmax", self.minmax, low=0.0, high=1.0)
            if self.box == "uniform":
                raise ValueError(
                    "minmax places the box inside, so box='uniform' cannot stand"
                    " beside it; leave one of them out."
                )

    @property
    def never_mixes(self) -> bool:
        """Whether the parameters say that nothing is ever mixed."""
        return self.minmax is None and super().never_mixes

    def _draws_no_mixing(self, context: MixContext | None) -> bool:
        return self.minmax is None and super()._draws_no_mixing(context)

    @property
    def _placement(self) -> str:
        return self.box if self.minmax is None else "inside"

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        if self.per == "row":
            return (yield from super()._drawing(x, y, streams, context))
        # One box for all rows: numbers on the host, and a copy of a slice.
        size = check_spatial("CutMix", x)
        open_gate = self._gate_is_open(streams, context)
        sides = self._host_sides(size, streams, context)
        box = tuple(
            host_span(self._placement, n, side, uniform(streams.site))
            for n, side in zip(size, sides, strict=True)
        )
        if self._too_few(len(x)):
            return self._identity(x)
        # Partners are drawn without mixing too: p and alpha move no other draw.
        partner = self._pair(x, y, streams, context)
        if not open_gate or self._draws_no_mixing(context):
            return self._identity(x)
        partner, spans = yield partner, torch.tensor(box).unsqueeze(0)
        area = math.prod(stop - start for start, stop in box)
        share = 1.0 - area / math.prod(size)
        outside = self.fold and share < 0.5
        own = 1.0 - share if outside else share
        lam = torch.full((len(x),), own, dtype=lam_dtype(x), device=x.device)
        lam_host: float | None = own
        if self._may_pair_selves(context):
            lam, lam_host = lam.masked_fill(self_pairs(partner), 1.0), None
        return BoxPlan(
            partner,
            lam,
            lam_host=lam_host,
            box=box,
            size=size,
            outside=outside,
            spans=spans,
        )

    def _host_sides(
        self, size: tuple[int, ...], streams: MixStreams, context: MixContext | None
    ) -> list[int]:
        if self.minmax is not None:
            low, high = self.minmax
            return [
                round((low + (high - low) * uniform(streams.lam)) * n) for n in size
            ]
        law = BetaLaw(self._alpha_now(context))
        lam = float(draw_lam(law, None, fold=False, generator=streams.lam))
        return [round((1.0 - lam) ** (1.0 / len(size)) * n) for n in size]

    def _draw_numbers(
        self,
        n_masks: int,
        size: tuple[int, ...],
        streams: MixStreams,
        context: MixContext | None,
    ) -> tuple[Tensor, ...]:
        shares = self._row_shares(n_masks, len(size), streams, context)
        spans = [
            row_spans(
                self._placement,
                n,
                (share * n).round().long(),
                uniforms(n_masks, streams.site),
            )
            for n, share in zip(size, shares, strict=True)
        ]
        return (torch.stack(spans, 1),)

    def _masks(self, numbers: Any, size: tuple[int, ...]) -> Tensor:
        return covered(numbers[0], size)

    def _row_shares(
        self,
        n_rows: int,
        n_axes: int,
        streams: MixStreams,
        context: MixContext | None,
    ) -> list[Tensor]:
        """Draw the sides of one box per row, as shares of the axes."""
        if self.minmax is not None:
            low, high = self.minmax
            return [
                low + (high - low) * uniforms(n_rows, streams.lam)
                for _ in range(n_axes)
            ]
        lam = beta_lams(self._alpha_now(context), n_rows, streams.lam)
        return [(1.0 - lam).pow(1.0 / n_axes)] * n_axes
