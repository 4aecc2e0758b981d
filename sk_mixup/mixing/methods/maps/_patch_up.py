"""PatchUp: blocks of feature maps, swapped with the partner's or blended with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._params import check_choice, check_integer, check_number
from sk_mixup.mixing.draws import (
    MixStreams,
    Pairing,
    Schedule,
    beta_lams,
    generator_on,
    integer,
    rows_let_in,
    self_pairs,
)
from sk_mixup.mixing.layers import INPUT
from sk_mixup.mixing.methods._cutmix import CutMix
from sk_mixup.mixing.methods.maps._maps import MapMethod
from sk_mixup.mixing.plans import (
    MixPlan,
    check_spatial,
    mask_lam,
    scaled_places,
    size_of,
    to_blendable,
)

MODES = ("hard", "soft")
_POOLS = {
    1: functional.max_pool1d,
    2: functional.max_pool2d,
    3: functional.max_pool3d,
}
_SEEDS = 2**31


@dataclass(frozen=True, eq=False, repr=False)
class BlockPlan(MixPlan):
    """Take from the partner, or blend with it, where a mask of channels is set.

    Parameters
    ----------
    mask : Tensor of shape (B or 1, channels, *spatial), bool
    own : Tensor of shape (B,) or None
        Share of the own sample where the mask is set; None: 0.
    """

    mask: Tensor | None = None
    own: Tensor | None = None

    @property
    def places_size(self) -> tuple[int, ...]:
        """Spatial shape that the plan was drawn for."""
        assert self.mask is not None
        return tuple(self.mask.shape[2:])

    def partner_places(self, shape: Sequence[int]) -> Tensor:
        """Return the share of a place's channels that is the partner's, float."""
        assert self.mask is not None
        places = self.mask.float().mean(1)
        if self.own is not None:
            own = self.own.to(places.dtype)
            places = places * (1.0 - own.view((-1,) + (1,) * (places.ndim - 1)))
        return scaled_places(places, size_of(shape, places.ndim - 1, "PatchUp"))

    def _apply(self, x: Tensor) -> Tensor:
        assert self.mask is not None
        if x.shape[1:] != self.mask.shape[1:]:
            raise ValueError(
                f"This plan was drawn for maps of shape {tuple(self.mask.shape[1:])};"
                f" got a tensor of shape {tuple(x.shape)}."
            )
        if self.own is None:
            return torch.where(self.mask, self.take_partners(x), x)
        x = to_blendable(x)
        own = self.own.to(x.dtype).view((-1,) + (1,) * (x.ndim - 1))
        return torch.where(self.mask, self.take_partners(x).lerp_(x, own), x)


@dataclass(frozen=True, eq=False, repr=False)
class PatchUpPlan(MixPlan):
    """Blocks of a feature map; the map says how many places there are.

    Parameters
    ----------
    lam : Tensor of shape (B,)
        Share that is unchanged on average. The one really present follows from the map.
    own : Tensor of shape (B,) or None
        As for `BlockPlan`.
    seed : int
        Of the blocks.
    n_masks : int
        1: one pattern for the batch.
    gamma : float
    block_size : int
        As the parameters of `PatchUp`.
    open_rows : Tensor of shape (B,), bool, or None
        Rows to be mixed; None: all.
    """

    own: Tensor | None = None
    seed: int = 0
    n_masks: int = 1
    gamma: float = 0.75
    block_size: int = 7
    open_rows: Tensor | None = None

    weighs_late = True

    def settled(self, features: Tensor) -> MixPlan:
        """Return the blocks of this feature map, as `MixPlan.settled`."""
        size = check_spatial(f"PatchUp, at the layer {self.site!r},", features)
        generator = generator_on(features.device, self.seed)
        sides = [odd_side(self.block_size, n) for n in size]
        centres = torch.rand(
            (self.n_masks, *features.shape[1:]),
            generator=generator,
            device=features.device,
        )
        hit = (centres < block_rate(self.gamma, size, sides)).float()
        padding = [side // 2 for side in sides]
        mask = _POOLS[len(size)](hit, sides, 1, padding) > 0
        if self.open_rows is not None:
            mask = mask & self.open_rows.view((-1,) + (1,) * (mask.ndim - 1))
        unchanged = mask_lam(mask, self.n_rows, lam_dtype(features))
        kept = 0.0 if self.own is None else self.own.to(unchanged.dtype)
        lam = unchanged + (1.0 - unchanged) * kept
        lam = lam.masked_fill(self_pairs(self.partner), 1.0)
        return BlockPlan(self.partner, lam, site=self.site, mask=mask, own=self.own)


def odd_side(block_size: int, n: int) -> int:
    """Return the side of a block on an axis: the largest odd number that fits."""
    side = min(block_size, n)
    return side if side % 2 else side - 1


def block_rate(gamma: float, size: Sequence[int], sides: Sequence[int]) -> float:
    """Return how likely a place is the centre of a block, so that `gamma` are changed.

    As if blocks never overlapped, which they do: the share changed is smaller.

    Parameters
    ----------
    gamma : float
    size, sides : sequence of int
        Of the map, and of a block.
    """
    centres = math.prod(n - side + 1 for n, side in zip(size, sides, strict=True))
    places, block = math.prod(size), math.prod(sides)
    return min(1.0, gamma * places / (block * centres))


class PatchUp(MapMethod):
    r"""Change blocks of a hidden feature map: swap them, or blend them.

    In a layer drawn for each batch every place and channel is the centre of a block
    with a probability :math:`\gamma_{adj}` that would change a share :math:`\gamma` of
    the map if blocks did not overlap,

    .. math:: \gamma_{adj} = \gamma \, \frac{\prod_a n_a}
        {\prod_a s_a \, \prod_a (n_a - s_a + 1)},

    for a map with :math:`n_a` places along its axes and blocks of :math:`s_a`. Blocks
    are taken from the partner ("hard"), or are :math:`\lambda x + (1 - \lambda) x'`
    with :math:`\lambda \sim Beta(\alpha, \alpha)` ("soft"); the rest stays. With
    :math:`p_u` the share really unchanged, the label of the own row weighs :math:`p_u`
    ("hard") or :math:`p_u + (1 - p_u) \lambda` ("soft").

    Where the input is drawn, it is mixed by ``CutMix(alpha=1.0)``, as by the authors.

    NOTE[DIFF]: the paper adds two losses, that of both targets weighted and that of the
    weighted target. For a loss that is linear in the target, as cross-entropy, both are
    the same number, and here it counts once: a factor of the learning rate.

    NOTE[DIFF]: the authors' code finds :math:`\gamma_{adj}` for the first map that it
    meets and keeps it for maps of other sizes, takes maps for squares, and squares the
    negative :math:`n - s + 1` of maps smaller than a block. Here the rate is that of
    each map, and a block is no larger than the map (and odd).

    Parameters
    ----------
    alpha : float or schedule, default=2.0
        Parameter of the Beta law of ``mode="soft"``; 0: no mixing, in either mode.
    mode : {"hard", "soft"}, default="hard"
        Whether blocks are swapped or blended.
    gamma : float, default=0.75
        In [0, 1]: about how much of a map is changed.
    block_size : int, default=7
        Side of a block, odd; on smaller maps the largest odd number that fits.
    layers : str or sequence of str, default="auto"
        As for `ManifoldMixup`, with the input; the layers must return feature maps
        (B, channels, \*spatial).
    per : {"batch", "row"}, default="batch"
        One pattern (and lambda) for the batch, as the authors have it, or one per row.
    p : float or schedule, default=1.0
        Probability of mixing a batch or a row. The authors use 1.0 for CIFAR-10 and
        0.7 as the default of their code.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Faramarzi, Amini, Badrinaaraayanan, Verma, Chandar: PatchUp: A Feature-Space
    Block-Level Regularization Technique for Convolutional Neural Networks, AAAI 2022.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import MixContext, PatchUp, mix_layer
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(288, 2))
    >>> x, y = torch.randn(4, 3, 8, 8), torch.randint(0, 2, (4,))
    >>> method = PatchUp(layers=["0"], block_size=3)
    >>> plan = method.draw(x, y, context=MixContext(module=net))
    >>> with mix_layer(net, plan) as mixed:
    ...     output = net(x)
    >>> output.shape, mixed.plan.targets(y, 2).shape
    (torch.Size([4, 2]), torch.Size([4, 2]))
    """

    short_name = "patch_up"
    paper = "Faramarzi et al., AAAI 2022"
    takes_input = True

    def __init__(
        self,
        alpha: float | Schedule = 2.0,
        *,
        mode: str = "hard",
        gamma: float = 0.75,
        block_size: int = 7,
        layers: str | Sequence[str] = "auto",
        per: str = "batch",
        p: float | Schedule = 1.0,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        super().__init__(
            alpha,
            layers=layers,
            per=per,
            p=p,
            fold=False,
            pairing=pairing,
            off_first=off_first,
            off_last=off_last,
        )
        self.mode = mode
        self.gamma = gamma
        self.block_size = block_size

    def _validate(self) -> None:
        super()._validate()
        check_choice("mode", self.mode, MODES)
        check_number("gamma", self.gamma, low=0.0, high=1.0)
        check_integer("block_size", self.block_size, low=1)
        if self.block_size % 2 == 0:
            raise ValueError(
                f"block_size must be odd, so that a block has a centre; got"
                f" {self.block_size}."
            )

    @property
    def never_mixes(self) -> bool:
        """Whether the parameters say that nothing is ever mixed."""
        return super().never_mixes or self.gamma == 0

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        sites = self.sites(None if context is None else context.module)
        site = sites[integer(len(sites), streams.site)]
        if site == INPUT:
            return (yield from self._cut(x, y, streams, context))
        gate = self._gate(len(x), streams, context)
        n_masks = len(x) if self.per == "row" else 1
        alpha = self._alpha_now(context)
        own = beta_lams(alpha, n_masks, streams.lam)
        seed = integer(_SEEDS, streams.site)
        if self._too_few(len(x)):
            return self._identity(x)
        # Partners are drawn without mixing too: p and alpha move no other draw.
        partner = self._pair(x, y, streams, context)
        if gate is False or alpha == 0 or self.gamma == 0:
            return self._identity(x)
        rows = rows_let_in(gate, self._p_now(context))
        partner, own, rows = yield partner, own.to(lam_dtype(x)), rows
        own = own.expand(len(x)).contiguous()
        if self.mode == "hard":
            own = torch.zeros_like(own)
        return PatchUpPlan(
            partner,
            1.0 - self.gamma * (1.0 - own),
            site=site,
            own=None if self.mode == "hard" else own,
            seed=seed,
            n_masks=n_masks,
            gamma=float(self.gamma),
            block_size=int(self.block_size),
            open_rows=rows,
        )

    def _cut(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        """Mix the input, as the authors do."""
        cut = CutMix(1.0, per=self.per, p=self.p, pairing=self.pairing)
        plan = yield from cut.drawing(x, y, streams, context)
        off = self.gamma == 0 or self._alpha_now(context) == 0
        return self._identity(x) if off or plan.is_identity else plan
