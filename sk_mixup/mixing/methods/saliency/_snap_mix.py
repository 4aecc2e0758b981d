"""SnapMix: a box of the partner, resized, and labels by what the boxes meant."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing.draws import (
    MixStreams,
    Pairing,
    Schedule,
    beta_lams,
    uniforms,
)
from sk_mixup.mixing.looks import class_activations, resized, to_sum_one
from sk_mixup.mixing.methods.saliency._looking import LookingMethod
from sk_mixup.mixing.plans import MixPlan, ResizePlan, covered, row_spans


class _Boxes(NamedTuple):
    """Where is pasted, and what of the partner: (n, 2, 2), int64."""

    spans: Tensor
    sources: Tensor


class SnapMix(LookingMethod):
    r"""Paste a box of the partner into another box; weigh labels by their meaning.

    The two boxes have places and sizes of their own, drawn as those of CutMix, and what
    is taken is resized. With the class activation map of each image, made to be at
    least 0 and to sum to 1, the own label has the weight that is left outside of the
    box that is covered, and the partner's label the weight inside of the box that was
    taken; the two need not sum to 1: a box of background on a bird leaves less than one
    label, a bird beside a bird gives more.

    NOTE[DIFF]: the paper's code gives either of two equal labels the sum of their
    weights, so that the class counts twice; here each keeps its own.

    Parameters
    ----------
    alpha : float, default=5.0
        Of the Beta law of both boxes, at least 0; 0: no mixing. As in the paper's code:
        most boxes have half the area.
    layer : str, default="auto"
        Name of the layer whose map is read; "auto": the last one that returns a map.
        Activations are those of `sk_mixup.mixing.looks.class_activations`.
    per : {"batch", "row"}, default="batch"
        Two boxes for the batch, as in the paper's code, or two per row.
    p : float, default=1.0
        Probability of mixing a batch or a row.
    every : int, default=1
        One batch in so many is looked at, drawn at random; others are mixed by CutMix.
    look_size : int or None, default=None
        Images are shrunk for the look until their longer side has so many pixels.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    Notes
    -----
    `plan.lam` is the share of pixels left, `plan.label_lam` and `plan.label_partner`
    are the weights of the labels. Losses that take both targets of a row by one number
    (a `MixedTargets`) cannot say them: give `n_classes`, or call the criterion for
    either target, as the estimators do. The target is a class per row.

    References
    ----------
    Huang, Wang, Tao: SnapMix: Semantically Proportional Mixing for Augmenting
    Fine-grained Data, AAAI 2021.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import MixContext, SnapMix
    >>> net = nn.Sequential(
    ...     nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)
    ... )
    >>> images, y = torch.rand(8, 3, 28, 28), torch.randint(0, 10, (8,))
    >>> context = MixContext(module=net)
    >>> mixed, targets = SnapMix()(images, y, n_classes=10, context=context)
    >>> mixed.shape, targets.shape
    (torch.Size([8, 3, 28, 28]), torch.Size([8, 10]))
    """

    short_name = "snap_mix"
    paper = "Huang et al., AAAI 2021"
    cost = "one forward pass"
    blends = False

    def __init__(
        self,
        alpha: float | Schedule = 5.0,
        *,
        layer: str = "auto",
        per: str = "batch",
        p: float | Schedule = 1.0,
        every: int = 1,
        look_size: int | None = None,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.layer = layer
        self.per = per
        self.p = p
        self.every = every
        self.look_size = look_size
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _draw_numbers(
        self, x: Tensor, streams: MixStreams, context: MixContext | None
    ) -> _Boxes:
        n = len(x) if self.per == "row" else 1
        alpha, size = self._alpha_now(context), tuple(x.shape[2:])
        boxes = []
        for _ in range(2):
            share = (1.0 - beta_lams(alpha, n, streams.lam)).sqrt()
            boxes.append(
                torch.stack(
                    [
                        row_spans(
                            "clipped",
                            side,
                            (share * side).round().long(),
                            uniforms(n, streams.site),
                        )
                        for side in size
                    ],
                    dim=1,
                )
            )
        return _Boxes(*boxes)

    def _look(
        self,
        x: Tensor,
        y: Tensor | None,
        partner: Tensor,
        open_rows: Tensor | None,
        numbers: _Boxes,
        context: MixContext | None,
    ) -> MixPlan:
        size = tuple(x.shape[2:])
        spans, sources = (box.expand(len(x), -1, -1) for box in numbers)
        # Nothing is pasted from nowhere, nor into nothing.
        both = torch.stack((spans, sources))
        fits = (both[..., 1] > both[..., 0]).all(2).all(0)
        open_rows = fits if open_rows is None else open_rows & fits
        wide = lam_dtype(x)
        mass = self._mass(x, y, size, context).to(wide)
        pasted, taken = covered(spans, size), covered(sources, size)
        own = (mass * ~pasted).sum((1, 2))
        other = (mass.index_select(0, partner) * taken).sum((1, 2))
        lam = 1.0 - pasted.flatten(1).double().mean(1)
        closed = ~open_rows
        lam = lam.masked_fill(closed, 1.0).to(wide)
        own, other = own.masked_fill(closed, 1.0), other.masked_fill(closed, 0.0)
        safe = torch.arange(2, device=x.device)
        # A closed row reads some box, too, and drops what it has read.
        sources = torch.where(closed.view(-1, 1, 1), safe, sources)
        spans = torch.where(closed.view(-1, 1, 1), safe, spans)
        return ResizePlan(
            partner,
            lam,
            label_lam=own,
            label_partner=other,
            spans=spans,
            open_rows=open_rows,
            size=size,
            sources=sources,
        )

    def _mass(
        self,
        x: Tensor,
        y: Tensor | None,
        size: tuple[int, ...],
        context: MixContext | None,
    ) -> Tensor:
        """Return how the meaning of each image lies over its places, with sum 1."""
        if y is None:
            raise ValueError(
                "SnapMix looks at the class, and got y=None. Give y to draw."
            )
        maps = class_activations(context, self._shrunk(x), y, self.layer, who="SnapMix")
        maps = resized(maps, size)
        return to_sum_one(maps - maps.amin((1, 2), keepdim=True))
