"""ResizeMix: paste the whole partner's image, made smaller."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_choice, check_range
from sk_mixup.mixing.draws import (
    MixStreams,
    Pairing,
    Schedule,
    self_pairs,
    uniform,
    uniforms,
)
from sk_mixup.mixing.plans import (
    ResizePlan,
    check_spatial,
    host_span,
    row_spans,
)


class ResizeMix(Method):
    r"""Paste the whole partner's image, made smaller, at a random place.

    With :math:`\tau` uniform in `scope` the partner shrinks to :math:`\tau` times the
    length of each axis (rounded, at least one place) and lies wholly inside, at a
    place uniform over all where it fits. The label weight is 1 minus its area, so
    about :math:`1 - \tau^2` for images.

    Works on sequences (B, channels, length), images (B, channels, height, width) and
    volumes (B, channels, depth, height, width). There is no alpha: `scope` says how
    much is mixed.

    Floats are interpolated linearly along each axis with antialiasing, as
    ``torch.nn.functional.interpolate(..., mode="bilinear", antialias=True)`` does for
    images; uint8 pixels so too, and rounded; of other integers and bools the nearest
    place is taken. The dtype stays.

    NOTE[DIFF]: public code takes the nearest pixel and squeezes the image into a box
    clipped at the border; here it is antialiased and keeps its shape, as the paper's
    text has it.

    Parameters
    ----------
    scope : (float, float), default=(0.1, 0.8)
        Range of the share of each axis that the partner takes, in [0, 1], in order.
    per : {"batch", "row"}, default="batch"
        One size and place for the batch, or one per row.
    p : float, default=1.0
        Probability of mixing a batch or a row.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Qin, Fang, Zhang, Liu, Wang, Wang: ResizeMix: Mixing Data with Preserved Object
    Information and True Labels, 2020, arXiv 2012.11101.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import ResizeMix
    >>> images, y = torch.rand(8, 3, 32, 32), torch.randint(0, 10, (8,))
    >>> mixed, targets = ResizeMix()(images, y, n_classes=10)
    >>> mixed.shape, targets.shape
    (torch.Size([8, 3, 32, 32]), torch.Size([8, 10]))
    """

    short_name = "resize_mix"
    group = "masks"
    paper = "Qin et al., 2020"
    blends = False

    def __init__(
        self,
        scope: tuple[float, float] = (0.1, 0.8),
        *,
        per: str = "batch",
        p: float | Schedule = 1.0,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.scope = scope
        self.per = per
        self.p = p
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        check_choice("per", self.per, ("batch", "row"))
        check_range("scope", self.scope, low=0.0, high=1.0)

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        size = check_spatial("ResizeMix", x)
        low, high = self.scope
        gate = self._gate(len(x), streams, context)
        if self.per == "batch":
            tau = low + (high - low) * uniform(streams.lam)
            box = tuple(
                host_span("inside", n, max(round(tau * n), 1), uniform(streams.site))
                for n in size
            )
        else:
            taus = low + (high - low) * uniforms(len(x), streams.lam)
            spans = torch.stack(
                [
                    row_spans(
                        "inside",
                        n,
                        (taus * n).round().long().clamp(min=1),
                        uniforms(len(x), streams.site),
                    )
                    for n in size
                ],
                dim=1,
            )
        if self._too_few(len(x)):
            return self._identity(x)
        # Partners are drawn behind a closed gate too: p moves no other draw.
        partner = self._pair(x, y, streams, context)
        if gate is False:
            return self._identity(x)
        if isinstance(gate, bool):
            spans = torch.tensor(box).unsqueeze(0)
        partner, spans, gate = yield partner, spans, gate
        alone = self_pairs(partner) if self._may_pair_selves(context) else None
        if isinstance(gate, bool):
            share = 1.0 - math.prod(b - a for a, b in box) / math.prod(size)
            lam = torch.full((len(x),), share, dtype=lam_dtype(x), device=x.device)
            # Another device would be waited for, to say that there are none.
            looks = alone is not None and x.device.type == "cpu"
            if alone is None or (looks and not bool(alone.any())):
                return ResizePlan(partner, lam, spans=spans, box=box, size=size)
            open_rows = ~alone
        else:
            area = (spans[..., 1] - spans[..., 0]).prod(1)
            lam = (1.0 - area.double() / math.prod(size)).to(lam_dtype(x))
            open_rows = gate if alone is None else gate & ~alone
        # Unlike a box of a row's own pixels, its own image made smaller changes it.
        lam = lam.masked_fill(~open_rows, 1.0)
        return ResizePlan(partner, lam, spans=spans, open_rows=open_rows, size=size)
