"""CutMix: paste a box of the partner's image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sk_mixup.mixing._law import draw_lam
from sk_mixup.mixing._method import Method, MixContext, lam_dtype
from sk_mixup.mixing._pairing import Pairing, self_pairs
from sk_mixup.mixing._plan import MixPlan, take_rows
from sk_mixup.mixing._streams import MixStreams, uniform, uniforms


@dataclass(frozen=True, eq=False, repr=False)
class BoxPlan(MixPlan):
    """Paste ``x[partner]`` inside one box that all rows share."""

    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    size: tuple[int, int] = (0, 0)

    def _apply(self, x: Tensor) -> Tensor:
        check_images(x, self.size)
        top, bottom, left, right = self.box
        mixed = x.clone()
        patch = x[:, :, top:bottom, left:right].index_select(0, self.partner)
        mixed[:, :, top:bottom, left:right] = patch
        return mixed


@dataclass(frozen=True, eq=False, repr=False)
class MaskPlan(MixPlan):
    """Take ``x[partner]`` where a mask per row is set."""

    mask: Tensor | None = None

    def _apply(self, x: Tensor) -> Tensor:
        assert self.mask is not None
        check_images(x, self.mask.shape[1:])
        return torch.where(self.mask.unsqueeze(1), take_rows(x, self.partner), x)


class CutMix(Method):
    r"""Paste a box of the partner's image; the label weight is the area left.

    The box has sides :math:`\sqrt{1 - \lambda}` of the image's, with
    :math:`\lambda \sim Beta(\alpha, \alpha)`, and a centre uniform over the pixels;
    what sticks out is clipped, and lambda is measured from the box really pasted.

    Parameters
    ----------
    alpha : float, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    per : {"batch", "row"}, default="batch"
        One box for the batch, as in the paper's code, or one per row.
    p : float, default=1.0
        Probability of mixing a batch or a row.
    fold : bool, default=False
        Swap the roles of box and rest where the box takes more than half of the
        image, so that a row keeps its own majority. Lambda is never clamped.
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
    blends = False

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        per: str = "batch",
        p: float = 1.0,
        fold: bool = False,
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
        check_images(x)
        if self.per == "batch":
            return self._draw_box(x, y, streams, context)
        return self._draw_masks(x, y, streams, context)

    def _draw_box(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> MixPlan:
        open_gate = self._gate_is_open(streams)
        lam = float(
            draw_lam(float(self.alpha), None, fold=False, generator=streams.lam)
        )
        height, width = x.shape[-2:]
        box = _box(lam, height, width, uniform(streams.site), uniform(streams.site))
        if self.alpha == 0 or len(x) < 2:
            return self._identity(x)
        # Partners are drawn behind a closed gate too: p moves no other draw.
        partner = self._pair(x, y, streams, context)
        if not open_gate:
            return self._identity(x)
        top, bottom, left, right = box
        area = (bottom - top) * (right - left)
        share = 1.0 - area / (height * width)
        alone = self_pairs(partner)
        shares = torch.full((len(x),), share, dtype=lam_dtype(x), device=x.device)
        if self.fold and share < 0.5:
            mask = torch.ones((len(x), height, width), dtype=torch.bool)
            mask[:, top:bottom, left:right] = False
            mask = mask.to(x.device)
            return MaskPlan(partner, (1.0 - shares).masked_fill(alone, 1.0), mask=mask)
        return BoxPlan(
            partner, shares.masked_fill(alone, 1.0), box=box, size=(height, width)
        )

    def _draw_masks(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> MixPlan:
        n_rows, (height, width) = len(x), x.shape[-2:]
        gate = uniforms(n_rows, streams.gate) < self.p
        lam = draw_lam(float(self.alpha), n_rows, fold=False, generator=streams.lam)
        centre_y = (uniforms(n_rows, streams.site) * height).long()
        centre_x = (uniforms(n_rows, streams.site) * width).long()
        if self.alpha == 0 or n_rows < 2:
            return self._identity(x)
        partner = self._pair(x, y, streams, context)
        side = (1.0 - torch.as_tensor(lam).to(gate.device)).sqrt()
        rows_in = _interval(side, height, centre_y)
        columns_in = _interval(side, width, centre_x)
        mask = rows_in.unsqueeze(2) & columns_in.unsqueeze(1) & gate.view(-1, 1, 1)
        mask = mask.to(x.device, non_blocking=True)
        alone = self_pairs(partner)
        mask = mask & ~alone.view(-1, 1, 1)
        if self.fold:
            large = mask.flatten(1).sum(1) * 2 > height * width
            mask = mask ^ large.view(-1, 1, 1)
        area = mask.flatten(1).sum(1, dtype=lam_dtype(x))
        return MaskPlan(partner, 1.0 - area / (height * width), mask=mask)


def check_images(x: Tensor, size: Sequence[int] | None = None) -> None:
    """Raise unless `x` is a batch of images, of the height and width of the plan."""
    if x.ndim != 4:
        raise ValueError(
            "CutMix pastes boxes and needs images of shape (B, channels, height,"
            f" width); got shape {tuple(x.shape)}. For tables and vectors use Mixup."
        )
    if size is not None and tuple(x.shape[-2:]) != tuple(size):
        raise ValueError(
            f"This plan was drawn for images of {size[0]} x {size[1]} pixels; got a"
            f" tensor of shape {tuple(x.shape)}."
        )


def _box(
    lam: float, height: int, width: int, u_y: float, u_x: float
) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right after clipping."""
    side = math.sqrt(1.0 - lam)
    spans = []
    for size, u in ((height, u_y), (width, u_x)):
        cut = round(side * size)
        start = min(int(u * size), size - 1) - cut // 2
        spans += [max(start, 0), min(start + cut, size)]
    return spans[0], max(spans[0], spans[1]), spans[2], max(spans[2], spans[3])


def _interval(side: Tensor, size: int, centre: Tensor) -> Tensor:
    """Mark the pixels of one axis inside each row's box: (B, size)."""
    cut = (side * size).round().long()
    start = centre.clamp(max=size - 1) - cut // 2
    pixel = torch.arange(size, device=side.device)
    return (pixel >= start.unsqueeze(1)) & (pixel < (start + cut).unsqueeze(1))
