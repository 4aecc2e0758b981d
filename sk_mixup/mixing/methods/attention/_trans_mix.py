"""TransMix: CutMix whose labels are weighed by where the net looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._params import check_number
from sk_mixup.mixing.draws import MixStreams, Pairing, Schedule
from sk_mixup.mixing.looks import check_images
from sk_mixup.mixing.methods._cutmix import CutMix
from sk_mixup.mixing.methods.attention._grid import attention_shares, cell_shares
from sk_mixup.mixing.methods.attention._watch import watch_attention
from sk_mixup.mixing.plans import BoxPlan, MaskPlan, MixPlan


@dataclass(frozen=True, eq=False, repr=False)
class AttentionPlan(MaskPlan):
    """Paste by a mask; what the net attends to in the mixed images weighs the labels.

    Parameters
    ----------
    layer : str
        Where attention is looked for; "auto": the last place that computes any.
    ratio : float
        Weight of the area beside the attention.
    """

    layer: str = "auto"
    ratio: float = 0.5

    weighs_late = True

    @contextmanager
    def watched(self, module: nn.Module) -> Iterator[Callable[[], MixPlan]]:
        """Watch the net while it runs on the mixed images."""
        assert self.mask is not None
        size = (self.mask.shape[1], self.mask.shape[2])
        with watch_attention(module, self.layer, "TransMix") as watch:
            yield lambda: self.weighed(watch.map(self.n_rows, size))

    def weighed(self, attention: Tensor) -> MaskPlan:
        """Return the plan with the label weights that follow.

        Parameters
        ----------
        attention : Tensor of shape (B, h, w)
            To the places of the mixed images.
        """
        assert self.mask is not None
        attention = attention.to(self.mask.device)
        shape = (attention.shape[1], attention.shape[2])
        shares = attention_shares(attention, cell_shares(self.mask, shape))
        own = self.ratio * self.lam + (1.0 - self.ratio) * shares.to(self.lam.dtype)
        # Of rows that are their own partners, or stay clean.
        own = torch.where(self.lam == 1.0, self.lam, own)
        return MaskPlan(self.partner, self.lam, label_lam=own, mask=self.mask)


class TransMix(CutMix):
    r"""Paste a box as `CutMix` does, and weigh the labels by the attention of the net.

    A box may hold nothing but background. With :math:`A` the attention that the class
    token pays to the patches of the mixed image (the mean over heads, in the last layer
    that computes any), and :math:`m` the partner's share of each patch, the weight of
    the own label is

    .. math:: \rho \, \lambda + (1 - \rho) \frac{\sum (1 - m) A}{\sum A},

    where :math:`\lambda` is the area that is left, and :math:`\rho` is `ratio`. The
    attention is that of the very forward pass that trains the net: it costs next to
    nothing, and the weights are known when the pass is over. In a loop of your own, run
    the net inside ``with mix_layer(net, plan) as mixed:`` and take ``mixed.plan``.

    For nets that attend to patches: those with `scaled_dot_product_attention` (timm,
    Hugging Face), with `torch.nn.MultiheadAttention`, or with a softmax over maps of
    attention, from patches with a class token or without one (then it is the mean over
    the patches). Others may say themselves what they attend to, by an attribute or
    method `attention_map` of shape (B, h, w), of the last forward pass.

    NOTE[DIFF]: the paper weighs by attention alone (``ratio=0``); the authors' training
    uses the mean of both, which is the default here. A patch that the edge of the box
    cuts counts by its share, where the authors give it to one side.

    Parameters
    ----------
    alpha : float, default=1.0
        Parameter of the Beta law of the box's area, at least 0; 0: no mixing.
    ratio : float, default=0.5
        In [0, 1]: weight of the area beside the attention.
    layer : str, default="auto"
        A layer inside which attention is looked for, such as ``"blocks.11"``; "auto":
        the last place of the net that computes any.
    per, p, fold, box, minmax, pairing, off_first, off_last :
        As for `CutMix`.

    References
    ----------
    Chen, Sun, He, Torr, Yuille, Bai: TransMix: Attend to Mix for Vision Transformers,
    CVPR 2022.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import TransMix, mix_layer
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.patches = nn.Conv2d(3, 8, 4, stride=4)
    ...         self.block = nn.MultiheadAttention(8, 2, batch_first=True)
    ...
    ...     def forward(self, x):
    ...         tokens = self.patches(x).flatten(2).mT
    ...         return self.block(tokens, tokens, tokens)[0].mean(1)
    >>> net, x, y = Net(), torch.rand(4, 3, 16, 16), torch.arange(4)
    >>> plan = TransMix().draw(x, y)
    >>> with mix_layer(net, plan) as mixed:
    ...     output = net(plan.apply(x))
    >>> mixed.plan.targets(y, 4).sum(1)
    tensor([1., 1., 1., 1.])
    """

    short_name = "trans_mix"
    group = "attention"
    cost = "5 % of a step"
    paper = "Chen et al., CVPR 2022"
    weighs_late = True

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        ratio: float = 0.5,
        layer: str = "auto",
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool = False,
        box: str = "clipped",
        minmax: tuple[float, float] | None = None,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        super().__init__(
            alpha,
            per=per,
            p=p,
            fold=fold,
            box=box,
            minmax=minmax,
            pairing=pairing,
            off_first=off_first,
            off_last=off_last,
        )
        self.ratio = ratio
        self.layer = layer

    def _validate(self) -> None:
        super()._validate()
        check_number("ratio", self.ratio, low=0.0, high=1.0)
        check_layer(self.layer)

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        x = check_images("TransMix", x)
        plan = yield from super()._drawing(x, y, streams, context)
        if isinstance(plan, BoxPlan):
            mask = plan.inside ^ plan.outside
        elif isinstance(plan, MaskPlan) and plan.mask is not None:
            mask = plan.mask
        else:
            return plan
        return AttentionPlan(
            plan.partner, plan.lam, mask=mask, layer=self.layer, ratio=self.ratio
        )


def check_layer(layer: object) -> None:
    """Check the name of a layer, which may be "auto".

    Raises
    ------
    TypeError
    """
    if not isinstance(layer, str):
        raise TypeError(
            f"layer must be 'auto' or the name of a layer; got {layer!r} of type"
            f" {type(layer).__name__}."
        )
