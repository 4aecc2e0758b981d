"""What methods with a mix block have in common; each adds its block and its loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._companion import companion_for
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing, Later
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_integer, check_number
from sk_mixup.mixing.draws import (
    MixStreams,
    Pairing,
    Schedule,
    beta_lams,
    keeps_rows,
    self_pairs,
    uniform,
)
from sk_mixup.mixing.looks import check_images
from sk_mixup.mixing.methods.learned._beside import BlockCompanion, Lesson
from sk_mixup.mixing.methods.learned._blocks import MixBlock
from sk_mixup.mixing.plans import SoftMaskPlan, StackPlan, mask_lam

# How far the mean of a mask may be from lambda at no price.
_FREE = 0.1


class LearnedMix(Method):
    """Base of methods whose masks are made by a block that learns beside the net.

    Attributes
    ----------
    layer : str
        Whose feature map the block reads; "auto": the last one.
    momentum, lr, mask_loss, margin, adjust : float
        See `AutoMix`.
    clean : bool
        Whether the net sees the rows themselves too.
    every : int
        The block learns from every so many batches.
    """

    group = "learned"
    cost = "3.5 times a step; clean=False: 2.3"
    mode: str = "nearest"

    layer: str
    momentum: float
    lr: float
    mask_loss: float
    margin: float
    adjust: float
    clean: bool
    every: int

    def __init__(
        self,
        alpha: float | Schedule,
        *,
        layer: str,
        momentum: float,
        lr: float,
        mask_loss: float,
        margin: float,
        adjust: float,
        clean: bool,
        every: int,
        per: str,
        p: float | Schedule,
        pairing: str | Pairing,
        off_first: float,
        off_last: float,
    ) -> None:
        self.alpha = alpha
        self.layer = layer
        self.momentum = momentum
        self.lr = lr
        self.mask_loss = mask_loss
        self.margin = margin
        self.adjust = adjust
        self.clean = clean
        self.every = every
        self.per = per
        self.p = p
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    # -- checks -----------------------------------------------------------------------

    def _validate(self) -> None:
        super()._validate()
        name = type(self).__name__
        if not isinstance(self.layer, str):
            raise TypeError(
                f"layer must be 'auto' or the name of a layer; got {self.layer!r} of"
                f" type {type(self.layer).__name__}."
            )
        check_number("momentum", self.momentum, low=0.0, high=1.0)
        check_number("lr", self.lr, low=0.0)
        check_number("mask_loss", self.mask_loss, low=0.0)
        check_number("margin", self.margin, low=0.0, high=0.5)
        check_number("adjust", self.adjust, low=0.0, high=1.0)
        check_integer("every", self.every, low=1)
        if not isinstance(self.clean, bool):
            raise TypeError(
                f"clean must be True or False; got {self.clean!r} of type"
                f" {type(self.clean).__name__}."
            )
        if keeps_rows(self.pairing):
            raise ValueError(
                f"pairing={self.pairing!r} keeps rows of earlier batches, of which the"
                f" block of {name} knows no features; use another pairing."
            )

    @property
    def reads_module(self) -> bool:
        """Whether a draw looks at what earlier steps left: always."""
        return True

    # -- what each method adds --------------------------------------------------------

    def block(self, channels: int) -> MixBlock:
        """Return a new mix block for maps of so many channels."""
        raise NotImplementedError

    def judged(self, lesson: Lesson) -> Tensor:
        """Return the loss of the block."""
        return lesson.classification() + self.mask_loss * off_share(lesson)

    # -- companion --------------------------------------------------------------------

    def companion(
        self,
        module: nn.Module,
        x: Any,
        *,
        call: Callable[[nn.Module, Any], Any] | None = None,
        criterion: Callable[[Any, Tensor], Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> BlockCompanion:
        """Return what trains beside a net, from now on.

        Parameters
        ----------
        module : torch.nn.Module
            The net; it is followed, and never changed.
        x : Tensor of shape (rows, channels, height, width)
            Some rows of its input.
        call, criterion, generator :
            As for `companions_of`.

        Returns
        -------
        companion : BlockCompanion

        Raises
        ------
        ValueError, TypeError
            If `x` are no images, the net cannot be copied, has no such layer or none
            that returns a map, or a parameter is wrong.
        """
        self.validate()
        x = check_images(type(self).__name__, x)
        return BlockCompanion(
            self, module, x, call=call, criterion=criterion, generator=generator
        )

    def pairs_for(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> tuple[Tensor | Later, Tensor]:
        """Draw partners and lambda, for a batch or for a lesson of the block.

        Returns
        -------
        partner : Tensor of shape (B,), int64, or Later
        lam : Tensor of shape (B,)
            To be sent with it.
        """
        n_rows = len(x)
        n_draws = n_rows if self.per == "row" else 1
        lam = beta_lams(self._alpha_now(context), n_draws, streams.lam)
        lam = lam.to(lam_dtype(x)).expand(n_rows)
        return self._pair(x, y, streams, context), lam

    # -- draw -------------------------------------------------------------------------

    def _batch_drawing(
        self,
        x: Any,
        first: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        x = check_images(type(self).__name__, x)
        return super()._batch_drawing(x, x, y, streams, context)

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        gate = self._gate(len(x), streams, context)
        adjusts = uniform(streams.site) < self.adjust
        if self._too_few(len(x)):
            return self._identity(x)
        # Drawn without mixing too: p and alpha move no other draw.
        pairs, shares = self.pairs_for(x, y, streams, context)
        nothing = self._alpha_now(context) == 0 or self._p_now(context) == 0
        if gate is False or nothing:
            return self._identity(x)
        companion = companion_for(self, context)
        assert isinstance(companion, BlockCompanion)
        lesson = companion.pairs_for(x, y, context)
        partner, lam, gate, lesson = yield pairs, shares, gate, lesson
        mask = companion.mask(x, partner, lam, lesson)
        if adjusts:
            mask = adjusted(mask, lam)
        mask = self._without_margins(mask, lam)
        alone = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        if self._may_pair_selves(context):
            alone |= self_pairs(partner)
        if isinstance(gate, Tensor):
            alone |= ~gate
        mask = mask.masked_fill(alone.view(-1, 1, 1), 0.0)
        plan = SoftMaskPlan(
            partner,
            mask_lam(mask, len(x), lam_dtype(x)),
            label_lam=lam.masked_fill(alone, 1.0),
            mask=mask,
        )
        return StackPlan.of([self._identity(x), plan]) if self.clean else plan

    def _without_margins(self, mask: Tensor, lam: Tensor) -> Tensor:
        """Blend all pixels alike where one image is hardly there."""
        edge = torch.minimum(lam, 1.0 - lam) <= self.margin
        flat = (1.0 - lam).to(mask.dtype).view(-1, 1, 1).expand_as(mask)
        return torch.where(edge.view(-1, 1, 1), flat, mask)


def off_share(lesson: Lesson) -> Tensor:
    """Return how far the means of the masks are from lambda, beyond what is free."""
    distance = (1.0 - lesson.mask.mean((1, 2)) - lesson.lam).abs()
    return (distance - _FREE).clamp(min=0.0).mean()


def adjusted(mask: Tensor, lam: Tensor) -> Tensor:
    """Return masks scaled such that the own share is lambda exactly.

    The image that has too much loses the same share of every pixel.

    Parameters
    ----------
    mask : Tensor of shape (B, height, width)
        The partner's share.
    lam : Tensor of shape (B,)
    """
    lam = lam.to(mask.dtype)
    own = 1.0 - mask.mean((1, 2))
    tiny = torch.finfo(mask.dtype).tiny
    less = 1.0 - (1.0 - mask) * (lam / own.clamp(min=tiny)).view(-1, 1, 1)
    more = mask * ((1.0 - lam) / (1.0 - own).clamp(min=tiny)).view(-1, 1, 1)
    return torch.where((own > lam).view(-1, 1, 1), less, more)
