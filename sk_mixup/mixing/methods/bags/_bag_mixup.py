"""Mixing instances of bags: between two bags, or within one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_choice
from sk_mixup.mixing.draws import (
    BetaLaw,
    MixStreams,
    Pairing,
    Schedule,
    check_schedule,
    draw_lam,
    self_pairs,
    uniforms,
)
from sk_mixup.mixing.plans import MixPlan, to_blendable

WHERE = ("between", "within")
INSTANCES, MASK = "instances", "mask"


@dataclass(frozen=True, eq=False, repr=False)
class BagPlan(MixPlan):
    """Blend each instance of a bag with an instance of its own, or of the partner's.

    Parameters
    ----------
    source : Tensor of shape (B,), int64
        The bag that instances are blended with: the partner, or the bag itself.
    index : Tensor of shape (B, L), int64
        Which of its instances.
    own : Tensor of shape (B, L or 1, d or 1)
        Share of the own instance.
    """

    source: Tensor | None = None
    index: Tensor | None = None
    own: Tensor | None = None

    # Goes to the input of nets that mix inside, as plans do that move values.
    pastes = True

    def apply(self, x: Any) -> Any:
        """Mix the instances of a dict, or a tensor (B, L, d) of whole bags.

        Parameters
        ----------
        x : Tensor or dict with the entry "instances"

        Returns
        -------
        mixed : like `x`
            Bags have as many instances as before, in the same places.
        """
        if not isinstance(x, Mapping):
            return super().apply(x)
        return {
            key: super(BagPlan, self).apply(value) if key == INSTANCES else value
            for key, value in x.items()
        }

    def _apply(self, x: Tensor) -> Tensor:
        assert self.source is not None
        assert self.index is not None
        assert self.own is not None
        if x.ndim != 3 or x.shape[1] != self.index.shape[1]:
            raise ValueError(
                f"This plan was drawn for bags of {self.index.shape[1]} places, (B, L,"
                f" d); got shape {tuple(x.shape)}."
            )
        x = to_blendable(x)
        rows = torch.arange(len(x), device=x.device).unsqueeze(1)
        other = x[self.source[rows], self.index]
        return other.lerp(x, self.own.to(x.dtype))


class BagMixup(Method):
    r"""Blend the instances of bags, those of two bags or those of one.

    "between": every instance of a bag is blended with one of the partner's,
    :math:`\lambda h_{ik} + (1 - \lambda) h_{j\pi(k)}`, with a random order :math:`\pi`
    in which the partner's instances are used up before one comes again. The label is
    blended by :math:`\lambda`. "within": every instance is blended with another one of
    its bag, which keeps its label; a bag of one instance stays as it is.

    With `multilinear`, each feature has a :math:`\lambda` of its own, and the label of
    a row their mean.

    For ``module="mil"``, and for nets of your own that take a dict with "instances",
    (B, L, d), and "mask", (B, L). A tensor (B, L, d) holds bags without padding. A list
    of both kinds, ``mix=[BagMixup(), BagMixup("within")]``, draws one per batch.

    Parameters
    ----------
    where : {"between", "within"}, default="between"
        Whom instances are blended with.
    alpha : float or schedule, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing. 1: uniform, as in the
        paper.
    multilinear : bool, default=False
        Whether every feature has a share of its own.
    per : {"batch", "row"}, default="row"
        Shares for the batch or for every bag; "within" draws one per instance in
        either case.
    p : float or schedule, default=1.0
        Probability of mixing a batch or a bag.
    fold : bool, default=True
        Whether bags keep their own majority, with lambda of at least one half.
        "between" only.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    Notes
    -----
    NOTE[DIFF]: the paper mixes bags that have been cut to one number of instances, and
    shuffled. Here bags keep all of their instances, as many as they have.

    References
    ----------
    Gadermayr et al.: MixUp-MIL: Novel Data Augmentation for Multiple Instance Learning
    and a Study on Thyroid Cancer Diagnosis, MICCAI 2023.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import BagMixup
    >>> bags = {"instances": torch.rand(4, 6, 3), "mask": torch.rand(4, 6) < 0.8}
    >>> bags["mask"][:, 0] = True
    >>> plan = BagMixup().draw(bags, torch.tensor([0, 1, 0, 1]))
    >>> plan.apply(bags)["instances"].shape
    torch.Size([4, 6, 3])
    """

    short_name = "bag_mixup"
    group = "bags"
    paper = "Gadermayr et al., MICCAI 2023"
    keeps_places = False

    def __init__(
        self,
        where: str = "between",
        alpha: float | Schedule = 1.0,
        *,
        multilinear: bool = False,
        per: str = "row",
        p: float | Schedule = 1.0,
        fold: bool = True,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.where = where
        self.alpha = alpha
        self.multilinear = multilinear
        self.per = per
        self.p = p
        self.fold = fold
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        check_choice("where", self.where, WHERE)
        check_schedule("alpha", self.alpha, low=0.0)
        check_choice("per", self.per, ("batch", "row"))
        for name in ("multilinear", "fold"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(
                    f"{name} must be True or False; got {getattr(self, name)!r}."
                )

    def _batch_drawing(
        self,
        x: Any,
        first: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        bags, mask = _bags_of(x)
        n_rows, length, width = bags.shape
        gate = self._gate(n_rows, streams, context)
        alpha = self._alpha_now(context)
        features = width if self.multilinear else 1
        between = self.where == "between"
        many = (1 if self.per == "batch" else n_rows) if between else n_rows * length
        law = BetaLaw(alpha)
        drawn = draw_lam(
            law, many * features, fold=between and self.fold, generator=streams.lam
        )
        order = uniforms(n_rows * length, streams.site).view(n_rows, length)
        if n_rows == 0 or (between and self._too_few(n_rows)):
            return self._identity(bags)
        # Partners are drawn without mixing too: p and alpha move no other draw.
        partner = self._pair(bags, y, streams, context) if between else None
        if gate is False or alpha == 0:
            return self._identity(bags)
        own = torch.as_tensor(drawn).to(lam_dtype(bags))
        partner, own, order, gate = yield partner, own, order, gate
        shape = (-1, 1, features) if between else (n_rows, length, features)
        own = own.view(shape).expand(n_rows, *shape[1:])
        if isinstance(gate, Tensor):
            own = torch.where(gate.view(-1, 1, 1), own, 1.0)
        if partner is None:
            index = _next_in_order(order, mask)
            lam = own.new_ones(n_rows)
            rows = torch.arange(n_rows, device=bags.device)
            return BagPlan(rows, lam, source=rows, index=index, own=own)
        lam = own.mean((1, 2))
        if self._may_pair_selves(context):
            alone = self_pairs(partner)
            lam = lam.masked_fill(alone, 1.0)
            own = own.masked_fill(alone.view(-1, 1, 1), 1.0)
        index = _in_order(order, mask, partner)
        return BagPlan(partner, lam, source=partner, index=index, own=own)


def _bags_of(x: Any) -> tuple[Tensor, Tensor]:
    """Return the instances of a batch, and which of them are there.

    Raises
    ------
    ValueError
        For what holds no bags.
    """
    bags: Any = x
    mask: Any = None
    if isinstance(x, Mapping):
        bags, mask = x.get(INSTANCES), x.get(MASK)
    if not isinstance(bags, Tensor) or bags.ndim != 3:
        found = list(x) if isinstance(x, Mapping) else type(x).__name__
        shape = f" of shape {tuple(bags.shape)}" if isinstance(bags, Tensor) else ""
        raise ValueError(
            "BagMixup mixes instances of bags: a dict with 'instances', (B, L, d), and"
            f" 'mask', (B, L), or a tensor (B, L, d); got {found}{shape}."
        )
    if mask is None:
        mask = torch.ones(bags.shape[:2], dtype=torch.bool, device=bags.device)
    if mask.shape != bags.shape[:2]:
        raise ValueError(
            f"mask has shape {tuple(mask.shape)}, and instances {tuple(bags.shape)}."
        )
    return bags, mask != 0


def _ordered(order: Tensor, mask: Tensor) -> Tensor:
    """Return the places of each bag in random order, those that are there first."""
    return order.masked_fill(~mask, 2.0).argsort(1)


def _in_order(order: Tensor, mask: Tensor, partner: Tensor) -> Tensor:
    """Return for every place an instance of the partner, each used as often."""
    places, counts = _ordered(order, mask)[partner], mask.sum(1)[partner]
    rank = (mask.long().cumsum(1) - 1).clamp(min=0)
    return places.gather(1, rank % counts.clamp(min=1).unsqueeze(1))


def _next_in_order(order: Tensor, mask: Tensor) -> Tensor:
    """Return for every place another instance of its bag, each used once."""
    places, counts = _ordered(order, mask), mask.sum(1, keepdim=True).clamp(min=1)
    rank = places.argsort(1)
    after = torch.where(rank < counts, (rank + 1) % counts, rank)
    return places.gather(1, after)
