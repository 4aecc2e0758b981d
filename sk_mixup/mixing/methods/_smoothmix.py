"""SmoothMix: the partner shows through a soft, round window."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import check_range
from sk_mixup.mixing.draws import MixStreams, Pairing, Schedule, uniforms
from sk_mixup.mixing.methods._masks import MaskMethod


class SmoothMix(MaskMethod):
    r"""Blend the partner in through a Gaussian window.

    A place at the share v of each axis takes

    .. math:: G(v) = \exp\left(-\frac{\|v - c\|^2}{2 s^2}\right)

    of the partner and 1 - G of its own, with a centre c uniform over the image and a
    width s uniform in `sigma`; the label weight is 1 - mean(G).

    Works on sequences (B, channels, length), images (B, channels, height, width) and
    volumes (B, channels, depth, height, width). There is no alpha: `sigma` says how
    much is mixed.

    NOTE[DIFF]: the width is a share of each axis, which makes the window an ellipse in
    images that are not square; the paper has square images.

    Parameters
    ----------
    sigma : (float, float), default=(0.25, 0.5)
        Range of the width, as shares of the axes; above 0, in order.
    per : {"batch", "row"}, default="batch"
        One window for the batch, or one per row.
    p : float, default=1.0
        Probability of mixing a batch or a row.
    fold : bool, default=False
        Complement windows that give the partner more than half.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Lee, Zaheer, Astrid, Lee: SmoothMix: a Simple Yet Effective Data Augmentation to
    Train Robust Classifiers, CVPR Workshops 2020.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import SmoothMix
    >>> images, y = torch.rand(8, 3, 32, 32), torch.randint(0, 10, (8,))
    >>> mixed, targets = SmoothMix()(images, y, n_classes=10)
    >>> mixed.shape, targets.shape
    (torch.Size([8, 3, 32, 32]), torch.Size([8, 10]))
    """

    short_name = "smooth_mix"
    paper = "Lee et al., CVPR Workshops 2020"

    def __init__(
        self,
        sigma: tuple[float, float] = (0.25, 0.5),
        *,
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool = False,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.sigma = sigma
        self.per = per
        self.p = p
        self.fold = fold
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        super()._validate()
        check_range("sigma", self.sigma, low=0.0, high=float("inf"))
        if self.sigma[0] == 0:
            raise ValueError(f"sigma must be above 0; got {self.sigma!r}.")

    def _draw_numbers(
        self,
        n_masks: int,
        size: tuple[int, ...],
        streams: MixStreams,
        context: MixContext | None,
    ) -> tuple[Tensor, ...]:
        low, high = self.sigma
        sigma = low + (high - low) * uniforms(n_masks, streams.lam)
        centre = torch.stack([uniforms(n_masks, streams.site) for _ in size], dim=1)
        return sigma, centre

    def _masks(self, numbers: Any, size: tuple[int, ...]) -> Tensor:
        sigma, centre = numbers
        device = sigma.device
        mask = torch.ones((1,) * (1 + len(size)), device=device)
        # A Gaussian is the product of one per axis.
        for axis, length in enumerate(size):
            place = (torch.arange(length, device=device) + 0.5) / length
            away = (place - centre[:, axis : axis + 1]) / sigma.unsqueeze(1)
            shape = [len(sigma)] + [1] * len(size)
            shape[1 + axis] = length
            mask = mask * away.square().mul(-0.5).exp().view(shape)
        return mask
