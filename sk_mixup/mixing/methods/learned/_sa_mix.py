"""SAMix: AutoMix with masks that follow from both images, and a sharper lesson."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._params import check_number
from sk_mixup.mixing.draws import Pairing, Schedule
from sk_mixup.mixing.methods.learned._beside import Lesson
from sk_mixup.mixing.methods.learned._blocks import MixBlock, ScaledBlock
from sk_mixup.mixing.methods.learned._learned import LearnedMix, off_share


class SAMix(LearnedMix):
    r"""Learn masks as `AutoMix` does, with a richer block and a local loss.

    Queries and keys of the block see both maps, scaled by lambda, and masks are
    enlarged smoothly. Of the two classes i and j of a mixed image, the block learns

    .. math:: -\lambda \log p_i - (1 - \lambda) \log p_j + \eta \, \ell, \quad
        p_i = \frac{e^{z_i}}{e^{z_i} + e^{z_j}},

    where :math:`\ell` is the loss of the training: to be told from each other first,
    and from other classes second. Where targets are not one class per row, it is
    :math:`\ell` alone. The loss of the mask rewards masks that vary.

    All else, companion and cost too, is as for `AutoMix`.

    NOTE[DIFF]: the hidden layer of the block's values has no BatchNorm, so that a mask
    follows from its two images alone.

    NOTE[DIFF]: where masks are scaled to lambda (`adjust`), it is the lambda of the
    batch that the net sees; the authors' code takes that of the lesson.

    Parameters
    ----------
    alpha : float or schedule, default=2.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    eta : float, default=0.5
        Weight of the loss of the training in that of the block, at least 0.
    k : float, default=0.25
        How closely the block is told lambda, at least 0; see `ScaledBlock`.
    adjust : float, default=0.25
        As for `AutoMix`.
    layer, momentum, lr, mask_loss, margin, clean, every, per, p, pairing :
        As for `AutoMix`.
    off_first, off_last :
        As for `AutoMix`.

    References
    ----------
    Li, Liu, Wang, Wu, Liu, Li: Boosting Discriminative Visual Representation Learning
    with Scenario-Agnostic Mixup, 2021, arXiv 2111.15454.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import MixContext, SAMix
    >>> pool = nn.AdaptiveAvgPool2d(1)
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), pool, nn.Flatten(), nn.Linear(8, 2))
    >>> x, y = torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1])
    >>> method = SAMix(clean=False)
    >>> companion = method.companion(net, x)
    >>> context = MixContext(module=net, companions=(companion,))
    >>> method.draw(x, y, context=context).apply(x).shape
    torch.Size([4, 3, 8, 8])
    """

    short_name = "sa_mix"
    paper = "Li et al., 2021"

    def __init__(
        self,
        alpha: float | Schedule = 2.0,
        *,
        eta: float = 0.5,
        k: float = 0.25,
        layer: str = "auto",
        momentum: float = 0.999,
        lr: float = 3e-3,
        mask_loss: float = 0.1,
        margin: float = 0.08,
        adjust: float = 0.25,
        clean: bool = True,
        every: int = 1,
        per: str = "batch",
        p: float | Schedule = 1.0,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        super().__init__(
            alpha,
            layer=layer,
            momentum=momentum,
            lr=lr,
            mask_loss=mask_loss,
            margin=margin,
            adjust=adjust,
            clean=clean,
            every=every,
            per=per,
            p=p,
            pairing=pairing,
            off_first=off_first,
            off_last=off_last,
        )
        self.eta = eta
        self.k = k

    def _validate(self) -> None:
        super()._validate()
        check_number("eta", self.eta, low=0.0)
        check_number("k", self.k, low=0.0)

    def block(self, channels: int) -> MixBlock:
        """Return a new mix block for maps of so many channels."""
        return ScaledBlock(channels, k=self.k)

    def judged(self, lesson: Lesson) -> Tensor:
        """Return the loss of the block."""
        mask = lesson.mask
        varies = (mask - mask.mean()).square().mean()
        shape = self.mask_loss * (off_share(lesson) - 2.0 * varies)
        y, output = lesson.y, scores(lesson.output)
        if y.ndim != 1 or y.is_floating_point() or output.ndim != 2:
            return lesson.classification() + shape
        if output.shape[1] < 2:  # one logit of two classes: no third to be told from
            return lesson.classification() + shape
        other = y[lesson.partner]
        pair = output.gather(1, torch.stack((y, other), 1).long()).log_softmax(1)
        local = -(lesson.lam * pair[:, 0] + (1.0 - lesson.lam) * pair[:, 1])
        # Of one class, nothing is to be told apart.
        local = local.masked_fill(y == other, 0.0).mean()
        return local + self.eta * lesson.classification() + shape


def scores(output: Any) -> Tensor:
    """Return the tensor of what a net returns: it, the first, or the logits."""
    if isinstance(output, Mapping):
        output = output.get("logits", next(iter(output.values())))
    elif isinstance(output, (tuple, list)):
        output = output[0]
    found: Tensor = output
    return found.float()
