"""AdAutoMix: a mix block that is taught to make hard images, and still true ones."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from sk_mixup.mixing._params import check_number
from sk_mixup.mixing.draws import Pairing, Schedule
from sk_mixup.mixing.methods.learned._beside import Lesson
from sk_mixup.mixing.methods.learned._blocks import MixBlock, TwoSidedBlock
from sk_mixup.mixing.methods.learned._learned import LearnedMix, off_share
from sk_mixup.mixing.methods.learned._sa_mix import scores


class AdAutoMix(LearnedMix):
    r"""Learn masks as `AutoMix` does, every second lesson against the net.

    In one lesson the block learns to be understood, as in `AutoMix`. In the next it
    learns to be hard: it lowers

    .. math:: -\beta \, \ell + (1 - \beta) \, \left(1 - \lambda \cos(z, z_i)
        - (1 - \lambda) \cos(z, z_j)\right),

    where :math:`\ell` is the loss of the mixed images and :math:`z`, :math:`z_i` and
    :math:`z_j` are what the momentum copy says of the mixed image and of the two it is
    made of: hard, but no less like them.

    All else, companion and cost too, is as for `AutoMix`.

    NOTE[DIFF]: two images are mixed; the paper mixes up to three.

    NOTE[DIFF]: the authors' code adds the cosines where the paper rewards them, which
    would drive mixed images away from what they are made of; and with three images its
    test of `margin` is always true, so that the net sees plain Mixup.

    NOTE[DIFF]: the loss of the mask, which the paper does not have, keeps the block
    from answering with one of the two images alone; ``mask_loss=0`` leaves it out.

    Parameters
    ----------
    alpha : float or schedule, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    beta : float, default=0.3
        In [0, 1]: how much hardness counts beside likeness.
    margin : float, default=0.03
        As for `AutoMix`.
    layer, momentum, lr, mask_loss, adjust, clean, every, per, p, pairing :
        As for `AutoMix`.
    off_first, off_last :
        As for `AutoMix`.

    References
    ----------
    Qin, Jin, Jiang, El-Yacoubi, Gao: Adversarial AutoMixup, ICLR 2024.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import AdAutoMix, MixContext
    >>> pool = nn.AdaptiveAvgPool2d(1)
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), pool, nn.Flatten(), nn.Linear(8, 2))
    >>> x, y = torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1])
    >>> method = AdAutoMix(clean=False)
    >>> companion = method.companion(net, x)
    >>> context = MixContext(module=net, companions=(companion,))
    >>> method.draw(x, y, context=context).apply(x).shape
    torch.Size([4, 3, 8, 8])
    """

    short_name = "ad_auto_mix"
    paper = "Qin et al., ICLR 2024"

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        beta: float = 0.3,
        layer: str = "auto",
        momentum: float = 0.999,
        lr: float = 3e-3,
        mask_loss: float = 0.1,
        margin: float = 0.03,
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
        self.beta = beta

    def _validate(self) -> None:
        super()._validate()
        check_number("beta", self.beta, low=0.0, high=1.0)

    def block(self, channels: int) -> MixBlock:
        """Return a new mix block for maps of so many channels."""
        return TwoSidedBlock(channels)

    def judged(self, lesson: Lesson) -> Tensor:
        """Return the loss of the block."""
        shape = self.mask_loss * off_share(lesson)
        understood = lesson.classification()
        if lesson.number % 2 == 0:
            return understood + shape
        mixed = scores(lesson.output).flatten(1)
        clean = scores(lesson.clean).flatten(1)
        own = functional.cosine_similarity(mixed, clean)
        other = functional.cosine_similarity(mixed, clean[lesson.partner])
        likeness = (lesson.lam * own + (1.0 - lesson.lam) * other).mean()
        return shape - self.beta * understood + (1.0 - self.beta) * (1.0 - likeness)
