"""FMix: masks of any shape, cut from low-frequency noise."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import check_number
from sk_mixup.mixing.draws import MixStreams, Pairing, Schedule, beta_lams
from sk_mixup.mixing.methods._masks import MaskMethod


class FMix(MaskMethod):
    r"""Take the places where a smooth random picture is dark from the partner.

    The picture is the inverse Fourier transform of complex Gaussian noise that is
    divided by :math:`\max(f, 1 / s)^{\delta}` at frequency f, with s the longest axis
    and :math:`\delta` the decay. Its brightest :math:`\lambda` of all places stay the
    own sample, with :math:`\lambda \sim Beta(\alpha, \alpha)`. The label weight is the
    share really left.

    Works on sequences (B, channels, length), images (B, channels, height, width) and
    volumes (B, channels, depth, height, width), of any size.

    NOTE[DIFF]: the number of own places is lambda times all places rounded to the
    nearest, where the paper's code rounds up or down at the toss of a coin. Its noise
    mixes up the axes of the spectrum and its real and imaginary parts; here they are
    as in the paper's formula. For its "reformulated" single-target loss see
    ``Mixup(single_target=True)``.

    Parameters
    ----------
    alpha : float, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    decay_power : float, default=3.0
        How fast high frequencies fade, at least 0; larger: fewer, smoother regions.
    max_soft : float, default=0.0
        Between 0 and 0.5: half of the share of places in a soft edge, where the own
        weight falls evenly from 1 to 0; never more than the smaller of lambda and
        1 - lambda. 0: hard edges, which serve input of any dtype.
    per : {"batch", "row"}, default="batch"
        One mask for the batch, or one per row.
    p : float, default=1.0
        Probability of mixing a batch or a row.
    fold : bool, default=False
        Swap the roles of the two images where the partner has more than half.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Harris, Marcu, Painter, Niranjan, Prügel-Bennett, Hare: FMix: Enhancing Mixed
    Sample Data Augmentation, 2020, arXiv 2002.12047.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import FMix
    >>> images, y = torch.rand(8, 3, 32, 32), torch.randint(0, 10, (8,))
    >>> mixed, targets = FMix()(images, y, n_classes=10)
    >>> mixed.shape, targets.shape
    (torch.Size([8, 3, 32, 32]), torch.Size([8, 10]))
    """

    short_name = "f_mix"
    paper = "Harris et al., 2020"

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        decay_power: float = 3.0,
        max_soft: float = 0.0,
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool = False,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.decay_power = decay_power
        self.max_soft = max_soft
        self.per = per
        self.p = p
        self.fold = fold
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    @property
    def blends(self) -> bool:
        """Whether a blend of numbers is taken, which refuses integer input."""
        return self.max_soft != 0

    def _validate(self) -> None:
        super()._validate()
        check_number("decay_power", self.decay_power, low=0.0)
        check_number("max_soft", self.max_soft, low=0.0, high=0.5)

    def _draw_numbers(
        self,
        n_masks: int,
        size: tuple[int, ...],
        streams: MixStreams,
        context: MixContext | None,
    ) -> tuple[Tensor, ...]:
        lam = beta_lams(self._alpha_now(context), n_masks, streams.lam)
        generator = streams.site
        # Half of the spectrum of a picture of real numbers, of two numbers each.
        noise = torch.randn(
            (n_masks, *size[:-1], size[-1] // 2 + 1, 2),
            generator=generator,
            device="cpu" if generator is None else generator.device,
        )
        return lam, noise

    def _masks(self, numbers: Any, size: tuple[int, ...]) -> Tensor:
        lam, noise = numbers
        picture = _low_frequencies(noise, size, self.decay_power).flatten(1)
        if self.max_soft == 0:
            return _hard(picture, lam).view(-1, *size)
        return _soft(picture, lam, self.max_soft).view(-1, *size)


def _low_frequencies(
    noise: Tensor, size: tuple[int, ...], decay_power: float
) -> Tensor:
    """Return smooth random pictures of shape (n_masks, *size)."""
    device = noise.device
    square = torch.zeros((), device=device)
    for axis, n in enumerate(size):
        last = axis == len(size) - 1
        frequencies = torch.fft.rfftfreq if last else torch.fft.fftfreq
        freq = frequencies(n, device=device)
        square = square.unsqueeze(-1) + freq.square()
    # The floor gives frequency zero a finite weight. In multiples of it, no power
    # overflows: the scale of the picture has no meaning.
    fade = (square.sqrt() * max(size)).clamp(min=1.0).pow(-decay_power)
    spectrum = torch.view_as_complex(noise) * fade
    output: Tensor = torch.fft.irfftn(
        spectrum, s=size, dim=tuple(range(1, 1 + len(size)))
    )
    return output


def _hard(picture: Tensor, lam: Tensor) -> Tensor:
    """Mark the partner's places: all but the brightest lam of each row."""
    n = picture.shape[1]
    n_own = (lam * n + 0.5).floor().long().clamp(0, n)
    # The brightest of the partner's places; a column in front for where it has none.
    order = torch.nn.functional.pad(picture.sort(dim=1).values, (1, 0), value=-math.inf)
    return picture <= order.gather(1, (n - n_own).unsqueeze(1))


def _soft(picture: Tensor, lam: Tensor, max_soft: float) -> Tensor:
    """Return the partner's share, which rises evenly along the ranks of the edge."""
    n = picture.shape[1]
    n_own = (lam * n + 0.5).floor().long().clamp(0, n)
    edge = (torch.minimum(lam, 1.0 - lam).clamp(max=max_soft) * n).long()
    order = picture.argsort(dim=1, descending=True)
    rank = torch.arange(n, device=picture.device).expand_as(order)
    rank = torch.empty_like(order).scatter_(1, order, rank)
    # From 1 at rank n_own - edge to 0 at rank n_own + edge - 1, as a linspace.
    left = (n_own + edge - edge.clamp(max=1)).unsqueeze(1) - rank
    steps = (2 * edge - 1).clamp(min=1).unsqueeze(1)
    return 1.0 - (left / steps).clamp(0.0, 1.0)
