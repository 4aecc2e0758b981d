"""SaliencyMix: paste the box around what stands out of the partner's image."""

from __future__ import annotations

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import check_choice
from sk_mixup.mixing.draws import (
    MixStreams,
    Pairing,
    Schedule,
    beta_lams,
)
from sk_mixup.mixing.looks import fine_grained, spectral_residual
from sk_mixup.mixing.methods.saliency._looking import LookingMethod
from sk_mixup.mixing.plans import MixPlan, covered

_MAPS = {"fine_grained": fine_grained, "spectral_residual": spectral_residual}


class SaliencyMix(LookingMethod):
    r"""Paste the box around the partner's most salient pixel; the rest is CutMix.

    The box has sides :math:`\sqrt{1 - \lambda}` of the image's, with
    :math:`\lambda \sim Beta(\alpha, \alpha)`, and its centre at the peak of the
    partner's saliency; what sticks out is clipped, and the label weight is the area
    left. The saliency is that of the pixels themselves: no net is asked.

    Every row has the box of its own partner. NOTE[DIFF]: the paper's code, and public
    code after it, takes the peak of one image for the whole batch.

    Parameters
    ----------
    alpha : float, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    saliency : {"fine_grained", "spectral_residual"}, default="fine_grained"
        How pixels differ from their surroundings at several scales (Montabone and
        Soto, as in the paper), or where the spectrum departs from its even course (Hou
        and Zhang). Of an image of one colour, every place is as good: its middle.
    per : {"batch", "row"}, default="batch"
        One size of box for the batch, or one per row.
    p : float, default=1.0
        Probability of mixing a batch or a row; 0.5 in the paper, for CIFAR.
    every : int, default=1
        One batch in so many is looked at, drawn at random; others are mixed by CutMix.
    look_size : int or None, default=None
        Images are shrunk for the look until their longer side has so many pixels.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Uddin, Monira, Shin, Chung, Bae: SaliencyMix: A Saliency Guided Data Augmentation
    Strategy for Better Regularization, ICLR 2021.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import SaliencyMix
    >>> images, y = torch.rand(8, 3, 32, 32), torch.randint(0, 10, (8,))
    >>> mixed, targets = SaliencyMix(alpha=1.0)(images, y, n_classes=10)
    >>> mixed.shape, targets.shape
    (torch.Size([8, 3, 32, 32]), torch.Size([8, 10]))
    """

    short_name = "saliency_mix"
    paper = "Uddin et al., ICLR 2021"
    cost = "a saliency map of the pixels"
    blends = False
    needs_module = False

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        saliency: str = "fine_grained",
        per: str = "batch",
        p: float | Schedule = 1.0,
        every: int = 1,
        look_size: int | None = None,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.saliency = saliency
        self.per = per
        self.p = p
        self.every = every
        self.look_size = look_size
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        super()._validate()
        check_choice("saliency", self.saliency, tuple(_MAPS))

    def _draw_numbers(
        self, x: Tensor, streams: MixStreams, context: MixContext | None
    ) -> Tensor:
        n_rows = len(x) if self.per == "row" else 1
        return beta_lams(self._alpha_now(context), n_rows, streams.lam)

    def _look(
        self,
        x: Tensor,
        y: Tensor | None,
        partner: Tensor,
        open_rows: Tensor | None,
        numbers: Tensor,
        context: MixContext | None,
    ) -> MixPlan:
        seen = _MAPS[self.saliency](self._shrunk(x))
        centre = peaks(seen, tuple(x.shape[2:])).index_select(0, partner)
        share = (1.0 - numbers).sqrt()
        spans = []
        for axis, n in enumerate(x.shape[2:]):
            side = (share * n).round().long()
            start = centre[:, axis] - side // 2
            spans.append(torch.stack((start, start + side), 1).clamp(0, n))
        mask = covered(torch.stack(spans, 1), tuple(x.shape[2:]))
        return self._mask_plan(x, partner, mask, open_rows)


def peaks(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return the place of the largest value of each map, in an image of some size.

    Parameters
    ----------
    maps : Tensor of shape (B, height, width)
        One that is 0 everywhere has its peak in the middle.
    size : (int, int)

    Returns
    -------
    places : Tensor of shape (B, 2), int64
    """
    height, width = maps.shape[1:]
    highest, at = maps.flatten(1).max(1)
    places = []
    where = (at // width, at % width)
    for place, length, n in zip(where, size, (height, width), strict=True):
        # The middle of the cell that a place of a smaller map stands for.
        large = ((place + 0.5) * (length / n)).long()
        places.append(torch.where(highest > 0, large, length // 2))
    return torch.stack(places, 1)
