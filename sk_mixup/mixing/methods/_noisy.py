"""Noisy Feature Mixup: a blend with noise on top, at the input or a hidden layer.

The shape of a hidden layer is not known when a plan is drawn. The plan therefore holds
a seed, from which the noise is made where it is needed: the same plan gives the same
noise each time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Begun, Drawing
from sk_mixup.mixing._params import check_number
from sk_mixup.mixing.draws import (
    LamLaw,
    MixStreams,
    Pairing,
    Schedule,
    generator_on,
    integer,
    uniforms,
)
from sk_mixup.mixing.layers import INPUT
from sk_mixup.mixing.methods._manifold import ManifoldMixup
from sk_mixup.mixing.plans import LinearPlan, MixPlan


@dataclass(frozen=True, eq=False, repr=False)
class NoisyPlan(LinearPlan):
    """Blend as a `LinearPlan`, then multiply and add noise.

    Rows with lambda = 1 are not mixed and get no noise. Compiled code can apply a plan
    to what it was drawn for; noise for another shape is made outside of the graph.

    Parameters
    ----------
    seed : int
        Of the noise.
    add_level, mult_level : float
        Scales of the two noises in this batch.
    noise : (mult, add) or None
        The noise for the input that the plan was drawn for.
    """

    seed: int = 0
    add_level: float = 0.0
    mult_level: float = 0.0
    noise: tuple[Tensor, Tensor] | None = None

    def _apply(self, x: Tensor) -> Tensor:
        mixed = LinearPlan._apply(self, x)
        if self.noise is not None and self.noise[0].shape == mixed.shape:
            mult, add = self.noise
        else:
            mult, add = self.noise_like(mixed)
        mult, add = mult.to(mixed.dtype), add.to(mixed.dtype)
        mixes = (self.lam < 1).view((-1,) + (1,) * (x.ndim - 1))
        return torch.where(mixes, mixed * mult + add, mixed)

    def noise_like(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the factors and summands for a tensor of this shape and device."""
        source = generator_on(x.device, self.seed)
        shape, device = tuple(x.shape), x.device
        mult = torch.rand(shape, generator=source, device=device)
        add = torch.randn(shape, generator=source, device=device)
        mult = mult.mul_(2 * self.mult_level).add_(1 - self.mult_level)
        return mult, add.mul_(self.add_level)


class NoisyFeatureMixup(ManifoldMixup):
    r"""Blend rows at a layer drawn per batch, and add noise to the blend.

    .. math:: (1 + \sigma_{mult} \, \xi_{mult}) \odot (\lambda x_i + (1 - \lambda) x_j)
        + \sigma_{add} \, \xi_{add},

    with :math:`\xi_{add} \sim N(0, 1)` and :math:`\xi_{mult} \sim U(-1, 1)` for every
    number, and levels :math:`\sigma = level \cdot b` with :math:`b \sim Beta(2, 5)` for
    every batch, as in the authors' code. Targets are blended without noise. A batch or
    row that is not mixed (``alpha=0``, a closed gate, one row alone) gets no noise.

    NOTE[DIFF]: the authors draw among the input and three hidden layers of their nets.
    Here ``layers="input"`` is the default, which fits every net.

    NOTE[DIFF]: where several tensors are mixed by one plan, those of the same shape get
    the same noise.

    Parameters
    ----------
    alpha : float or schedule, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    add_noise : float, default=0.4
        Level of the added noise, at least 0. It is meant for inputs of unit variance.
    mult_noise : float, default=0.2
        Level of the multiplied noise, at least 0.
    layers : str or sequence of str, default="input"
        As for `ManifoldMixup`.
    per, p, fold, law, single_target, pairing, off_first, off_last :
        As for `Mixup`.

    References
    ----------
    Lim, Erichson, Utrera, Xu, Mahoney: Noisy Feature Mixup, ICLR 2022.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import NoisyFeatureMixup
    >>> x, y = torch.randn(8, 3), torch.randint(0, 10, (8,))
    >>> x_mixed, targets = NoisyFeatureMixup(add_noise=0.1)(x, y, n_classes=10)
    >>> x_mixed.shape, targets.shape
    (torch.Size([8, 3]), torch.Size([8, 10]))
    """

    short_name = "noisy_feature_mixup"
    group = "linear"
    paper = "Lim et al., ICLR 2022"

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        add_noise: float = 0.4,
        mult_noise: float = 0.2,
        layers: str | Sequence[str] = INPUT,
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool | None = None,
        law: str | LamLaw = "beta",
        single_target: bool = False,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        super().__init__(
            alpha,
            layers=layers,
            per=per,
            p=p,
            fold=fold,
            law=law,
            single_target=single_target,
            pairing=pairing,
            off_first=off_first,
            off_last=off_last,
        )
        self.add_noise = add_noise
        self.mult_noise = mult_noise

    def _validate(self) -> None:
        super()._validate()
        check_number("add_noise", self.add_noise, low=0.0)
        check_number("mult_noise", self.mult_noise, low=0.0)

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        begun = Begun(super()._drawing(x, y, streams, context))
        seed = integer(2**31, streams.site)
        add_level = self.add_noise * _beta_2_5(streams.site)
        mult_level = self.mult_noise * _beta_2_5(streams.site)
        mixed = yield from begun.rest()
        if mixed.is_identity:
            return mixed
        plan = NoisyPlan(
            mixed.partner,
            mixed.lam,
            lam_host=mixed.lam_host,
            site=mixed.site,
            label_lam=mixed.label_lam,
            seed=seed,
            add_level=add_level,
            mult_level=mult_level,
        )
        if plan.site is not None or not x.is_floating_point():
            return plan
        return dataclasses.replace(plan, noise=plan.noise_like(x))

    def _clean_plan(self, partner: Tensor, lam: Tensor) -> MixPlan:
        if self.layers == INPUT:  # then a blend, as in the other batches
            return LinearPlan(partner, lam, lam_host=1.0)
        return super()._clean_plan(partner, lam)


def _beta_2_5(generator: torch.Generator | None) -> float:
    """Draw from Beta(2, 5): the second smallest of six uniform numbers."""
    return float(uniforms(6, generator).sort().values[1])
