"""The ways of mixing that are compared, and the mistakes that are made with them."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing import CutMix, ManifoldMixup, MixContext, MixPlan, Mixup

NONE = "none"


def way(name: str) -> Any:
    """Return what `mix` is for a name such as "none", "mixup 0.2" or "switch".

    Examples
    --------
    >>> way("mixup 0.2").alpha, way("none") is None
    (0.2, True)
    """
    kind, _, alpha = name.partition(" ")
    if kind == NONE:
        return None
    if kind == "switch":
        return [Mixup(0.8), CutMix(1.0)]
    makers = {"mixup": Mixup, "cutmix": CutMix, "manifold": ManifoldMixup}
    return makers[kind](float(alpha))


class OwnLabelsAlone(Mixup):
    """The mistake of mixing inputs and forgetting the labels."""

    short_name = "own_labels_alone"
    paper = "a mistake"

    def _plan(
        self,
        x: Tensor,
        partner: Tensor,
        lam: Tensor | float,
        context: MixContext | None,
    ) -> MixPlan:
        plan = super()._plan(x, partner, lam, context)
        return dataclasses.replace(plan, label_lam=torch.ones_like(plan.lam))
