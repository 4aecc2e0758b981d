"""TokenMix: several blocks of patches, and labels weighed by what the patches show."""

from __future__ import annotations

import weakref

import torch
from torch import Tensor, nn

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_choice, check_integer
from sk_mixup.mixing.draws import (
    BetaLaw,
    MixStreams,
    Pairing,
    Schedule,
    draw_lam,
    integer,
    self_pairs,
)
from sk_mixup.mixing.looks import asked, check_images, class_activations, module_of
from sk_mixup.mixing.methods.attention._grid import (
    attention_shares,
    cell_shares,
    spread,
)
from sk_mixup.mixing.methods.attention._token_blocks import token_blocks
from sk_mixup.mixing.methods.attention._trans_mix import check_layer
from sk_mixup.mixing.methods.attention._watch import watch_attention
from sk_mixup.mixing.plans import MaskPlan, MixPlan, mask_lam

# Of nets that were looked at: whether they computed attention.
_ATTENDS: weakref.WeakKeyDictionary[nn.Module, bool] = weakref.WeakKeyDictionary()


class TokenMix(Method):
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
    teacher : torch.nn.Module or None, default=None
        A trained net that makes the maps, called as ``teacher(x)``; None: the net that
        trains.
    layer : str, default="auto"
        Where attention or features are looked for.
    per : {"batch", "row"}, default="batch"
        One mask for the batch, or one per row.
    p : float or schedule, default=1.0
        Probability of mixing a batch or a row.
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

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        grid: int | str = "auto",
        source: str = "auto",
        teacher: nn.Module | None = None,
        layer: str = "auto",
        per: str = "batch",
        p: float | Schedule = 1.0,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.grid = grid
        self.source = source
        self.teacher = teacher
        self.layer = layer
        self.per = per
        self.p = p
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        super()._validate()
        check_choice("source", self.source, ("auto", "attention", "activation"))
        check_layer(self.layer)
        if self.grid != "auto":
            check_integer("grid", self.grid, low=1)
        if self.teacher is not None and not isinstance(self.teacher, nn.Module):
            raise TypeError(
                "teacher must be a torch.nn.Module or None; got"
                f" {self.teacher!r} of type {type(self.teacher).__name__}."
            )
        check_no_pool("TokenMix", self.pairing)

    @property
    def reads_module(self) -> bool:
        """Whether a draw looks at the net: always."""
        return True

    def _draw_batch(
        self,
        x: Tensor,
        first: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> MixPlan:
        return self._draw(check_images("TokenMix", x), y, streams, context)

    def _draw(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> MixPlan:
        gate = self._gate(len(x), streams, context)
        n_masks = len(x) if self.per == "row" else 1
        law = BetaLaw(self._alpha_now(context))
        lam = torch.as_tensor(
            draw_lam(law, n_masks, fold=False, generator=streams.lam)
        ).reshape(-1)
        # One number per mask, whatever it takes to make it.
        seeds = [integer(2**31, streams.site) for _ in range(n_masks)]
        if self._too_few(len(x)):
            return self._identity(x)
        # Drawn without mixing too: p and alpha move no other draw.
        partner = self._pair(x, y, streams, context)
        nothing = self._alpha_now(context) == 0 or self._p_now(context) == 0
        if gate is False or nothing:
            return self._identity(x)
        maps = self._maps(x, y, context)
        size = (x.shape[2], x.shape[3])
        shape = (maps.shape[1], maps.shape[2])
        if not isinstance(self.grid, str):
            shape = (min(self.grid, size[0]), min(self.grid, size[1]))
        n_cells = shape[0] * shape[1]
        counts = ((1.0 - lam) * n_cells).round().long().tolist()
        blocks = [
            token_blocks(shape, n, seed) for n, seed in zip(counts, seeds, strict=True)
        ]
        mask = spread(torch.stack(blocks).to(x.device), size)
        own = label_shares(maps, partner, mask).to(lam_dtype(x))
        alone = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        if self._may_pair_selves(context):
            alone |= self_pairs(partner)
        if isinstance(gate, Tensor):
            alone |= ~gate.to(x.device)
        if bool(alone.any()):
            mask = mask & ~alone.view(-1, 1, 1)
        return MaskPlan(
            partner,
            mask_lam(mask, len(x), lam_dtype(x)),
            label_lam=own.masked_fill(alone, 1.0),
            mask=mask,
        )

    def _maps(self, x: Tensor, y: Tensor | None, context: MixContext | None) -> Tensor:
        """Return what each place says for the label of its image: (B, h, w)."""
        net = self.teacher
        if net is None:
            net = module_of(context, "TokenMix")
        if self.source == "attention" or (self.source == "auto" and self._attends(net)):
            with (
                watch_attention(net, self.layer, "TokenMix") as watch,
                asked(context, "TokenMix", module=self.teacher) as call,
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
            context, x, y, self.layer, who="TokenMix", module=self.teacher
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


def check_no_pool(who: str, pairing: object) -> None:
    """Refuse pairings that keep rows, of which the net is not asked.

    Raises
    ------
    ValueError
    """
    if getattr(pairing, "keeps_rows", False):
        raise ValueError(
            f"pairing={pairing!r} keeps rows of earlier batches, at which {who} does"
            " not look; use another pairing."
        )
