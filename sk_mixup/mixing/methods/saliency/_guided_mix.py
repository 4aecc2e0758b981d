"""GuidedMix: each pixel is taken from two images by how salient it is in each."""

from __future__ import annotations

import torch
from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_choice, check_number
from sk_mixup.mixing.draws import MixStreams, Pairing, Schedule, integer
from sk_mixup.mixing.looks import (
    blurred,
    input_gradients,
    resized,
    spectral_residual,
    to_sum_one,
)
from sk_mixup.mixing.methods._mixup import Mixup
from sk_mixup.mixing.methods.saliency._looking import LookingMethod
from sk_mixup.mixing.plans import MixPlan, row_groups


class GuidedMix(LookingMethod):
    r"""Blend two images pixel by pixel, by their saliency in each.

    With saliencies :math:`s` that are blurred and sum to 1 over an image, the own share
    of a pixel is :math:`s_i / (s_i + s_j)`; the label weight is the mean of these
    shares. Partners are chosen so that what is salient in one lies elsewhere in the
    other: from a row drawn at random on, each row is paired with the one, of those not
    taken yet, whose saliency is farthest from its own (in the sum of squares), and the
    last row with the first.

    NOTE[DIFF]: public code pairs images and labels at random before it looks for these
    pairs, and uses them nowhere. Here they are the partners.

    Parameters
    ----------
    saliency : {"sr", "ap"}, default="sr"
        The spectral residual of the pixels (Hou and Zhang), without a pass through the
        net; or the gradient of the loss in the pixels, :math:`\sqrt{\sum_c g_c^2}`,
        in evaluation mode.
    greedy : bool, default=True
        Pair by the distance of saliencies; otherwise by `pairing`.
    blur : float, default=0.1
        Standard deviation of the blur, as a share of the longer side, at least 0.
    p : float, default=1.0
        Probability of mixing a batch.
    every : int, default=1
        One batch in so many is looked at, drawn at random; others are mixed by Mixup
        with ``alpha=1``.
    look_size : int or None, default=None
        Images are shrunk for the look until their longer side has so many pixels.
    pairing : str or callable, default="shuffle"
        Who mixes with whom for ``greedy=False``, and in batches not looked at.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Kang, Kim: GuidedMixup: An Efficient Mixup Strategy Guided by Saliency Maps, AAAI
    2023.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import GuidedMix
    >>> images, y = torch.rand(8, 3, 32, 32), torch.randint(0, 10, (8,))
    >>> mixed, targets = GuidedMix()(images, y, n_classes=10)
    >>> mixed.shape, targets.shape
    (torch.Size([8, 3, 32, 32]), torch.Size([8, 10]))
    """

    short_name = "guided_mix"
    solves_on_host = True
    paper = "Kang and Kim, AAAI 2023"
    cost = "a spectrum; 'ap': one forward and backward pass"

    def __init__(
        self,
        saliency: str = "sr",
        *,
        greedy: bool = True,
        blur: float = 0.1,
        p: float | Schedule = 1.0,
        every: int = 1,
        look_size: int | None = None,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.saliency = saliency
        self.greedy = greedy
        self.blur = blur
        self.p = p
        self.every = every
        self.look_size = look_size
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    # A class attribute of the base, which follows from the parameters here.
    @property
    def needs_module(self) -> bool:
        """Whether the gradient of the net is asked for."""
        return self.saliency == "ap"

    def _validate(self) -> None:
        super()._validate()
        check_choice("saliency", self.saliency, ("sr", "ap"))
        check_number("blur", self.blur, low=0.0)
        if not isinstance(self.greedy, bool):
            raise TypeError(
                f"greedy must be True or False; got {self.greedy!r} of type"
                f" {type(self.greedy).__name__}."
            )

    def _draw_numbers(
        self, x: Tensor, streams: MixStreams, context: MixContext | None
    ) -> int:
        return integer(max(len(x), 1), streams.site)

    def _look(
        self,
        x: Tensor,
        y: Tensor | None,
        partner: Tensor,
        open_rows: Tensor | None,
        numbers: int,
        context: MixContext | None,
    ) -> MixPlan:
        seen = self._saliency(x, y, context)
        if self.greedy:
            partner = farthest_partners(seen, numbers, row_groups(len(x), context))
            alone = partner == torch.arange(len(x), device=x.device)
            open_rows = ~alone if bool(alone.any()) else None
        wide = lam_dtype(x)
        seen = to_sum_one(resized(seen, tuple(x.shape[2:]))).to(wide)
        other = seen.index_select(0, partner)
        both = seen + other
        # Where neither shows anything, both are as good.
        mask = torch.where(both > 0, other / both.clamp(min=1e-38), 0.5)
        return self._mask_plan(x, partner, mask, open_rows)

    def _saliency(
        self, x: Tensor, y: Tensor | None, context: MixContext | None
    ) -> Tensor:
        images = self._shrunk(x)
        if self.saliency == "sr":
            seen = spectral_residual(images)
        else:
            slope = input_gradients(context, images, y, who="GuidedMix")
            seen = slope.square().sum(1).sqrt()
        return to_sum_one(blurred(seen, self.blur * max(images.shape[2:])))

    def _unseen(self) -> Method:
        return Mixup(1.0, p=self.p, pairing=self.pairing)


def farthest_partners(maps: Tensor, first: int, groups: Tensor | None = None) -> Tensor:
    """Pair each row with the farthest one that is not taken yet, in one round.

    Parameters
    ----------
    maps : Tensor of shape (B, height, width)
    first : int
        Row to begin with.
    groups : Tensor of shape (B,) or None
        Rows of different groups are never paired: each has a round of its own.

    Returns
    -------
    partner : Tensor of shape (B,), int64
        Every row is the partner of one row; a row alone in its group is its own.
    """
    flat = maps.flatten(1)
    # On the host, where a choice that waits for the one before costs least.
    distance = torch.cdist(flat, flat).cpu()
    n_rows = len(flat)
    partner = torch.arange(n_rows)
    of_rows = torch.zeros(n_rows, dtype=torch.int64) if groups is None else groups.cpu()
    for group in sorted(set(of_rows.tolist())):
        members = (of_rows == group).nonzero().flatten()
        among = distance[members][:, members]
        start = now = first % len(members)
        among[:, start] = -1.0
        for _ in range(len(members) - 1):
            after = int(among[now].argmax())
            among[:, after] = -1.0
            partner[members[now]] = members[after]
            now = after
        partner[members[now]] = members[start]
    return partner.to(maps.device)
