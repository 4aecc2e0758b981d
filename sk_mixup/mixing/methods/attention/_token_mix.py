"""TokenMix: several blocks of patches, and labels weighed by what the patches show."""

from __future__ import annotations

import dataclasses
import weakref
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing._batch import sent
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import check_choice, check_integer, check_number
from sk_mixup.mixing.draws import (
    MixStreams,
    Pairing,
    Schedule,
    beta_lams,
    integer,
)
from sk_mixup.mixing.looks import (
    asked,
    class_activations,
    module_of,
    running_average,
)
from sk_mixup.mixing.methods.attention._grid import (
    attention_shares,
    cell_shares,
    spread,
)
from sk_mixup.mixing.methods.attention._token_blocks import token_blocks
from sk_mixup.mixing.methods.attention._trans_mix import check_layer
from sk_mixup.mixing.methods.attention._watch import watch_attention
from sk_mixup.mixing.methods.saliency import LookingMethod
from sk_mixup.mixing.plans import MixPlan

_NETWORKS = ("training", "average")
# Of nets that were looked at: whether they computed attention.
_ATTENDS: weakref.WeakKeyDictionary[nn.Module, bool] = weakref.WeakKeyDictionary()
# Beside nets that trained: rows and columns of the maps that looks have shown.
_SHAPES: weakref.WeakKeyDictionary[
    nn.Module, dict[tuple[Any, ...], tuple[int, int]]
] = weakref.WeakKeyDictionary()


@dataclasses.dataclass(frozen=True)
class TokenMasks:
    """Masks that can be laid out on any grid.

    Parameters
    ----------
    lam : Tensor of shape (n,)
        Own share of each, on the host.
    seeds : list of int
        Of its blocks.
    """

    lam: Tensor
    seeds: list[int]

    def on(self, shape: tuple[int, int]) -> Tensor:
        """Return which cells of a grid show the partner: (n, *shape), on the host."""
        counts = ((1.0 - self.lam) * (shape[0] * shape[1])).round().long().tolist()
        masks = zip(counts, self.seeds, strict=True)
        return torch.stack([token_blocks(shape, n, seed) for n, seed in masks])


class TokenMix(LookingMethod):
    r"""Take several blocks of patches from the partner, and weigh labels by content.

    The partner has a share :math:`1 - \lambda` of the patches, with :math:`\lambda \sim
    Beta(\alpha, \alpha)`, in blocks of random places and proportions. With :math:`A`
    and :math:`A'` the maps of what each place of the two images, as they are, says for
    their label, and :math:`m` the partner's share of each place, the weight of the own
    label is

    .. math:: \frac{\sum (1 - m) \bar A}{\sum (1 - m) \bar A + \sum m \bar A'}, \quad
        \bar A = A / \sum A.

    The maps are made by a net that is given, or by the one that trains, in one more
    forward pass over the batch: the attention of its class token if it has one, else
    its class activation maps, cut at zero.

    NOTE[DIFF]: the two weights are scaled to a sum of 1.

    NOTE[DIFF]: the partner has :math:`1 - \lambda` of the patches, rounded; the
    authors' code adds 14 patches to every mask.

    Parameters
    ----------
    alpha : float or schedule, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    grid : int or "auto", default="auto"
        Patches along each side; "auto": as the map has, which for a vision transformer
        are its own patches.
    source : {"auto", "attention", "activation"}, default="auto"
        What the maps are: attention, or class activations; "auto": attention if the net
        computes any.
    network : "training", "average" or torch.nn.Module, default="training"
        Who makes the maps: the net that trains, the average of its weights over the
        training so far, or a trained net, called as ``network(x)``.
    decay : float, default=0.999
        Of the average, in [0, 1); the average is not stored with a training.
    layer : str, default="auto"
        Where attention or features are looked for.
    per : {"batch", "row"}, default="batch"
        One mask for the batch, or one per row.
    p : float or schedule, default=1.0
        Probability of mixing a batch or a row.
    every : int, default=1
        One batch in so many is looked at, drawn at random; others are mixed by CutMix.
    pairing : str or callable, default="shuffle"
        Who mixes with whom; none that keeps rows.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Liu, Liu, Zhou, Li, Liu: TokenMix: Rethinking Image Mixing for Data Augmentation in
    Vision Transformers, ECCV 2022.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import MixContext, TokenMix
    >>> pool = nn.AdaptiveAvgPool2d(1)
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), pool, nn.Flatten(), nn.Linear(8, 2))
    >>> x, y = torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1])
    >>> plan = TokenMix().draw(x, y, context=MixContext(module=net))
    >>> plan.apply(x).shape, plan.targets(y, 2).sum(1)
    (torch.Size([4, 3, 8, 8]), tensor([1., 1., 1., 1.]))
    """

    short_name = "token_mix"
    group = "attention"
    cost = "one forward pass"
    paper = "Liu et al., ECCV 2022"
    blends = False
    look_size = None

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        grid: int | str = "auto",
        source: str = "auto",
        network: Any = "training",
        decay: float = 0.999,
        layer: str = "auto",
        per: str = "batch",
        p: float | Schedule = 1.0,
        every: int = 1,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.grid = grid
        self.source = source
        self.network = network
        self.decay = decay
        self.layer = layer
        self.per = per
        self.p = p
        self.every = every
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        super()._validate()
        check_choice("source", self.source, ("auto", "attention", "activation"))
        check_layer(self.layer)
        if self.grid != "auto":
            check_integer("grid", self.grid, low=1)
        check_number("decay", self.decay, low=0.0, high=1.0)
        if self.decay == 1:
            raise ValueError("decay=1 would never take a new weight in; give less.")
        named = isinstance(self.network, str) and self.network in _NETWORKS
        if not named and not isinstance(self.network, nn.Module):
            raise ValueError(
                "network must be 'training', 'average' or a torch.nn.Module; got"
                f" {self.network!r}."
            )

    # A class attribute of the base, which follows from the parameters here.
    @property
    def needs_module(self) -> bool:
        """Whether the net that trains is asked for."""
        return not isinstance(self.network, nn.Module)

    def _draw_numbers(
        self, x: Tensor, streams: MixStreams, context: MixContext | None
    ) -> TokenMasks:
        n_masks = len(x) if self.per == "row" else 1
        lam = beta_lams(self._alpha_now(context), n_masks, streams.lam)
        # One number per mask, whatever it takes to make it.
        seeds = [integer(2**31, streams.site) for _ in range(n_masks)]
        return TokenMasks(lam.reshape(-1), seeds)

    def _to_send(
        self, x: Tensor, numbers: TokenMasks, context: MixContext | None
    ) -> tuple[TokenMasks, Tensor | None]:
        """Lay masks out for the map that the last look has shown, if there was one."""
        shape = self._shape(x, self._last_shapes(context).get(self._look_key(x)))
        return numbers, None if shape is None else numbers.on(shape)

    def _look(
        self,
        x: Tensor,
        y: Tensor | None,
        partner: Tensor,
        open_rows: Tensor | None,
        numbers: tuple[TokenMasks, Tensor | None],
        context: MixContext | None,
    ) -> MixPlan:
        masks, cells = numbers
        maps = self._maps(x, y, context)
        seen = (maps.shape[1], maps.shape[2])
        self._last_shapes(context)[self._look_key(x)] = seen
        shape = self._shape(x, seen)
        assert shape is not None
        if cells is None or cells.shape[1:] != shape:
            cells = sent(masks.on(shape), x.device)
        mask = spread(cells, (x.shape[2], x.shape[3]))
        own = label_shares(maps, partner, mask)
        plan = self._mask_plan(x, partner, mask, open_rows)
        own = own.to(plan.lam.dtype)
        if open_rows is not None:
            own = own.masked_fill(~open_rows, 1.0)
        return dataclasses.replace(plan, label_lam=own)

    def _shape(
        self, x: Tensor, of_map: tuple[int, int] | None
    ) -> tuple[int, int] | None:
        """Return the rows and columns of patches; None: the map has to be seen."""
        if isinstance(self.grid, str):
            return of_map
        return min(self.grid, x.shape[2]), min(self.grid, x.shape[3])

    def _look_key(self, x: Tensor) -> tuple[Any, ...]:
        """Return what the size of a map depends on, beside the net that trains."""
        known = self.network if isinstance(self.network, str) else "known"
        return known, self.source, self.layer, x.shape[2], x.shape[3]

    def _last_shapes(
        self, context: MixContext | None
    ) -> dict[tuple[Any, ...], tuple[int, int]]:
        net = None if context is None else context.module
        if net is None:
            net = self.network
        return _SHAPES.setdefault(net, {}) if isinstance(net, nn.Module) else {}

    def _maps(self, x: Tensor, y: Tensor | None, context: MixContext | None) -> Tensor:
        """Return what each place says for the label of its image: (B, h, w)."""
        other: nn.Module | None = None
        if isinstance(self.network, nn.Module):
            other = self.network
        elif self.network == "average":
            other = running_average(module_of(context, "TokenMix"), self.decay)
        net = module_of(context, "TokenMix") if other is None else other
        if self.source == "attention" or (self.source == "auto" and self._attends(net)):
            with (
                watch_attention(net, self.layer, "TokenMix") as watch,
                asked(context, "TokenMix", module=other) as call,
            ):
                call(x)
            if self.source == "attention" or watch.saw_any(len(x)):
                return watch.map(len(x), (x.shape[2], x.shape[3])).to(x.device)
            _ATTENDS[net] = False
        if y is None:
            raise ValueError(
                "TokenMix weighs labels by what each place says for the class, and got"
                " y=None. Give y to draw."
            )
        maps = class_activations(
            context, x, y, self.layer, who="TokenMix", module=other
        )
        return maps.clamp(min=0.0)

    @staticmethod
    def _attends(net: nn.Module) -> bool:
        return _ATTENDS.get(net, True)


def label_shares(maps: Tensor, partner: Tensor, mask: Tensor) -> Tensor:
    """Return the weight of each own label.

    Parameters
    ----------
    maps : Tensor of shape (B, h, w)
        What each place of the images says, at least 0.
    partner : Tensor of shape (B,), int64
    mask : Tensor of shape (B or 1, height, width), bool
        Where the partner is seen.

    Returns
    -------
    shares : Tensor of shape (B,), float32
    """
    total = maps.sum((1, 2), keepdim=True)
    # An image that says nothing anywhere says the same everywhere.
    even = torch.full_like(maps, 1.0 / maps[0].numel())
    scaled = torch.where(total > 0, maps / total.clamp(min=1e-30), even)
    cells = cell_shares(mask, (maps.shape[1], maps.shape[2]))
    return attention_shares(scaled, cells, other=scaled[partner])
