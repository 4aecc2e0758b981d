"""AutoMix: a mix block learns which pixels to take from which image."""

from __future__ import annotations

from sk_mixup.mixing.draws import Pairing, Schedule
from sk_mixup.mixing.methods.learned._blocks import CrossBlock, MixBlock
from sk_mixup.mixing.methods.learned._learned import LearnedMix


class AutoMix(LearnedMix):
    r"""Let a small net, trained beside the net, say which pixels come from the partner.

    A *mix block* compares the feature maps of two images, told :math:`\lambda`, and
    returns the partner's share of every place, which is enlarged to the image. It
    learns, from other pairs and another :math:`\lambda` of the same batch, to make
    images in which a slowly moving average of the net (the momentum copy) finds both
    labels by :math:`\lambda` and :math:`1 - \lambda`. Targets are weighted by
    :math:`\lambda` as drawn, not by the share of the pixels, of which the loss of the
    mask takes care.

    What learns is a *companion*, see `Companion`. The estimators make it for
    each `fit` and drop it at the end; what is fitted has nothing of it. Each further
    `fit` with ``warm_start=True`` and each `partial_fit` begins with a new one, so that
    a training of many calls of `partial_fit` never gets beyond flat masks.

    A step costs a forward pass of the copy over the batch, one back and forth for the
    lesson of the block, and, with ``clean=True``, twice the rows: three and a half
    plain steps, and with ``clean=False`` two and a half. ``every=2`` halves the
    lessons.

    NOTE[DIFF]: the masks are those of the authors' code, where each own place takes
    values of the partner's map; the paper's formula has those of the own map.

    NOTE[DIFF]: :math:`\lambda` is a channel of the maps, as in the paper; the authors'
    settings for small images leave it out, and the block cannot know it.

    NOTE[DIFF]: clean and mixed rows go through the net in one pass, and the loss is the
    mean over both, where the authors add two losses of two passes.

    NOTE[DIFF]: queries and keys begin at the scale of the features; where all weights
    begin small, as the authors', masks stay flat for longer still.

    NOTE[DIFF]: the block has an optimizer of its own, AdamW, and the copy follows the
    net faster at first, see `momentum`; the authors' trainings are 100 times longer
    than ``1 / (1 - momentum)`` steps.

    Parameters
    ----------
    alpha : float or schedule, default=2.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    layer : str, default="auto"
        The layer whose map the block reads: one that returns (B, channels, h, w), or
        tokens (B, n, channels) on a grid, as a vision transformer's. "auto": the last
        one. An earlier layer of a convolutional net gives finer masks.
    momentum : float, default=0.999
        In [0, 1]: what stays of the copy at each step, t, of the net; at first less,
        :math:`(1 + t) / (10 + t)`.
    lr : float, default=0.003
        Learning rate of the block.
    mask_loss : float, default=0.1
        Weight of the distance between the mean of a mask and lambda, as far as it is
        more than 0.1.
    margin : float, default=0.08
        Between 0 and 0.5: pixels are blended, all alike, where lambda or 1 - lambda is
        at most this.
    adjust : float, default=0.0
        Probability that the masks of a batch are scaled such that their mean is lambda.
    clean : bool, default=True
        Whether the net sees the rows themselves beside the mixed ones, as the authors'
        does; each counts half.
    every : int, default=1
        The block learns from every so many batches.
    per : {"batch", "row"}, default="batch"
        One lambda for the batch, or one per row.
    p : float or schedule, default=1.0
        Probability of mixing a batch or a row.
    pairing : str or callable, default="shuffle"
        Who mixes with whom; none that keeps rows.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Liu, Li, Wu, Liu, Chen, Wu, Li: AutoMix: Unveiling the Power of Mixup for Stronger
    Classifiers, ECCV 2022.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import AutoMix, MixContext
    >>> pool = nn.AdaptiveAvgPool2d(1)
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), pool, nn.Flatten(), nn.Linear(8, 2))
    >>> x, y = torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1])
    >>> method = AutoMix()
    >>> companion = method.companion(net, x)
    >>> context = MixContext(module=net, companions=(companion,))
    >>> plan = method.draw(x, y, context=context)
    >>> net(plan.apply(x)).shape, plan.targets(y, 2).shape
    (torch.Size([8, 2]), torch.Size([8, 2]))
    >>> companion.learn(y)  # behind the backward pass
    >>> companion.step()  # behind the step of the net
    """

    short_name = "auto_mix"
    paper = "Liu et al., ECCV 2022"

    def __init__(
        self,
        alpha: float | Schedule = 2.0,
        *,
        layer: str = "auto",
        momentum: float = 0.999,
        lr: float = 3e-3,
        mask_loss: float = 0.1,
        margin: float = 0.08,
        adjust: float = 0.0,
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

    def block(self, channels: int) -> MixBlock:
        """Return a new mix block for maps of so many channels."""
        return CrossBlock(channels)
