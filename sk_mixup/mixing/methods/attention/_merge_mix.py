"""MergeMix: keep the patches that the net attends to, in groups of alike ones."""

from __future__ import annotations

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import check_number
from sk_mixup.mixing.draws import (
    MixStreams,
    Pairing,
    Schedule,
    beta_lams,
)
from sk_mixup.mixing.looks import asked, module_of
from sk_mixup.mixing.methods.attention._grid import spread
from sk_mixup.mixing.methods.attention._merging import merged_groups, shared_attention
from sk_mixup.mixing.methods.attention._trans_mix import check_layer
from sk_mixup.mixing.methods.attention._watch import watch_attention
from sk_mixup.mixing.methods.saliency import LookingMethod
from sk_mixup.mixing.plans import MixPlan


class MergeMix(LookingMethod):
    r"""Keep the patches that the net attends to most; the partner has the others.

    The net that trains looks at the batch in one more forward pass. Patches that are
    alike are merged, by bipartite soft matching, until a share `merge` of them is gone,
    and each is paid the mean attention of its group: whole objects, and not their
    brightest corners. Of n patches, the :math:`\lfloor \lambda n \rfloor` that are paid
    most stay, with :math:`\lambda \sim Beta(\alpha, \alpha)`, and labels are weighted
    by the share that stays. Every row has a mask of its own.

    For nets that attend to patches, as for `TransMix`. Patches are compared by their
    keys, by their features where those are not seen, or else by what they attend to.

    NOTE[DIFF]: the paper merges within the layers of a transformer of its own, layer by
    layer; here the net is any, runs as it is, and tokens are merged once, behind its
    last attention.

    NOTE[DIFF]: the attention is that of the class token; the authors' code reads the
    column of the first patch.

    NOTE[DIFF]: the label weight is the share of the patches, as in the authors'
    settings; the paper's draw from a normal law around it is left out, and so is its
    second loss, of plainly mixed rows: OneOf([MergeMix(), Mixup()]) alternates.

    Parameters
    ----------
    alpha : float or schedule, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    merge : float, default=0.5
        In [0, 1): share of the patches that are merged into others; 0: none are.
    layer : str, default="auto"
        A layer inside which attention is looked for; "auto": the last place of the net
        that computes any.
    per : {"batch", "row"}, default="batch"
        One lambda for the batch, or one per row.
    p : float or schedule, default=1.0
        Probability of mixing a batch or a row.
    every : int, default=1
        One batch in so many is looked at, drawn at random; others are mixed by CutMix.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Jin, Li, Jian, Yu, Wang: MergeMix: A Unified Augmentation Paradigm for Visual and
    Multi-Modal Understanding, 2025, arXiv 2510.23479.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import MergeMix, MixContext
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.patches = nn.Conv2d(3, 8, 4, stride=4)
    ...         self.block = nn.MultiheadAttention(8, 2, batch_first=True)
    ...
    ...     def forward(self, x):
    ...         tokens = self.patches(x).flatten(2).mT
    ...         return self.block(tokens, tokens, tokens)[0].mean(1)
    >>> x, y = torch.rand(4, 3, 16, 16), torch.arange(4)
    >>> plan = MergeMix().draw(x, y, context=MixContext(module=Net()))
    >>> plan.apply(x).shape, plan.targets(y, 4).sum(1)
    (torch.Size([4, 3, 16, 16]), tensor([1., 1., 1., 1.]))
    """

    short_name = "merge_mix"
    group = "attention"
    cost = "one forward pass"
    paper = "Jin et al., 2025"
    blends = False
    look_size = None

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        merge: float = 0.5,
        layer: str = "auto",
        per: str = "batch",
        p: float | Schedule = 1.0,
        every: int = 1,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.merge = merge
        self.layer = layer
        self.per = per
        self.p = p
        self.every = every
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        super()._validate()
        check_number("merge", self.merge, low=0.0, high=1.0)
        if self.merge == 1:
            raise ValueError("merge must be less than 1: some patches must be left.")
        check_layer(self.layer)

    def _draw_numbers(
        self, x: Tensor, streams: MixStreams, context: MixContext | None
    ) -> Tensor:
        n_draws = len(x) if self.per == "row" else 1
        return beta_lams(self._alpha_now(context), n_draws, streams.lam)

    def _look(
        self,
        x: Tensor,
        y: Tensor | None,
        partner: Tensor,
        open_rows: Tensor | None,
        numbers: Tensor,
        context: MixContext | None,
    ) -> MixPlan:
        paid = self._attention(x, context)
        lam = numbers.expand(len(x))
        stays = most_paid(paid.flatten(1), lam).view_as(paid)
        mask = spread(~stays, (x.shape[2], x.shape[3]))
        return self._mask_plan(x, partner, mask, open_rows)

    def _attention(self, x: Tensor, context: MixContext | None) -> Tensor:
        """Return what the net pays to each patch, in groups: (B, h, w)."""
        net = module_of(context, "MergeMix")
        size = (x.shape[2], x.shape[3])
        with (
            watch_attention(net, self.layer, "MergeMix") as watch,
            asked(context, "MergeMix") as call,
        ):
            call(x)
        told = watch.told(len(x))
        if told is not None:  # and nothing of what patches are compared by
            return told.to(x.device)
        paid, grid = watch.received(len(x), size)
        n = paid[0].numel()
        n_left = max(1, n - round(self.merge * n))
        groups = merged_groups(watch.features(len(x), grid), n_left)
        shared = shared_attention(paid.flatten(1), groups, n_left)
        # Of one group, those that are paid most themselves come first.
        order = paid.flatten(1).argsort(dim=1, descending=True, stable=True)
        ranked = shared.gather(1, order).argsort(dim=1, descending=True, stable=True)
        rank = ranks(order.gather(1, ranked))
        return (n - rank).to(paid.dtype).view_as(paid).to(x.device)


def most_paid(attention: Tensor, lam: Tensor) -> Tensor:
    """Mark the share lambda, rounded down, of the places with the most attention.

    Parameters
    ----------
    attention : Tensor of shape (B, n)
    lam : Tensor of shape (B,)

    Returns
    -------
    stays : Tensor of shape (B, n), bool
    """
    n = attention.shape[1]
    # A hair above, or 0.3 of 10 places might come out as 2.
    n_kept = (lam * n + 1e-6).floor().long().clamp(0, n)
    order = attention.argsort(dim=1, descending=True, stable=True)
    return ranks(order) < n_kept.unsqueeze(1)


def ranks(order: Tensor) -> Tensor:
    """Return the place of each number in an order of them.

    Parameters
    ----------
    order : Tensor of shape (B, n), int64
        Each row has 0 to n - 1.
    """
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places)
