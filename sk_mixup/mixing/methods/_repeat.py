"""Several mixed copies of one batch, for a smoother estimate of the mixed loss."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Begun, Drawing
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_integer
from sk_mixup.mixing.draws import MixStreams
from sk_mixup.mixing.layers import INPUT
from sk_mixup.mixing.methods._manifold import ManifoldMixup
from sk_mixup.mixing.methods._wrapper import Wrapper
from sk_mixup.mixing.plans import MixPlan, StackPlan


class Repeat(Wrapper):
    """Mix a batch several times and train on all copies at once.

    Each copy has partners, a lambda (a mask, ...) and a gate of its own; the loss is
    the mean over the rows of all copies. A step costs as much as a batch that is `k`
    times as large. A batch that no copy mixes stays as it is, in one copy.

    Parameters
    ----------
    method : Method or None, default=None
        What makes each copy, with its own alpha, probability and pairing
        (``method__alpha`` and so on; `alpha` alone means the same). None: `Mixup`. All
        copies of one batch are mixed at one place, so `ManifoldMixup` draws one layer
        for all of them.
    k : int, default=2
        Number of copies, at least 1.

    References
    ----------
    Hoffer et al.: Augment Your Batch: Improving Generalization Through Instance
    Repetition, CVPR 2020.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import Mixup, Repeat
    >>> x, y = torch.randn(8, 3), torch.randint(0, 10, (8,))
    >>> x_mixed, targets = Repeat(Mixup(0.4), k=3)(x, y, n_classes=10)
    >>> x_mixed.shape, targets.shape
    (torch.Size([24, 3]), torch.Size([24, 10]))
    """

    short_name = "repeat"
    cost = "a pass over k times the rows"
    paper = "Hoffer et al., CVPR 2020, for any method"

    def __init__(self, method: Method | None = None, k: int = 2) -> None:
        super().__init__(method)
        self.k = k

    def _validate(self) -> None:
        check_integer("k", self.k, low=1)

    @property
    def draws_first(self) -> bool:
        """Whether all numbers of a draw are drawn before anything is made of them."""
        return super().draws_first and not isinstance(self.method, ManifoldMixup)

    def _whole_drawing(
        self,
        x: Any,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        """Draw the plans of all copies."""
        self.validate()
        if isinstance(self.method, ManifoldMixup):
            parts = self._at_one_layer(self.method, x, y, streams, context)
        elif self.method.draws_first:
            drawings = (
                self.method.drawing(x, y, streams, context) for _ in range(self.k)
            )
            begun = [Begun(drawing) for drawing in drawings]
            there = yield [one.load for one in begun]
            parts = [one.finish(load) for one, load in zip(begun, there, strict=True)]
        else:
            parts = [
                self.method.draw(x, y, generator=streams, context=context)
                for _ in range(self.k)
            ]
        mixed = [part for part in parts if not part.is_identity]
        if not mixed or len(parts) == 1:
            return parts[0]
        sites = {part.site for part in mixed}
        if len(sites) > 1:
            raise ValueError(
                "Repeat mixes all copies of a batch at one place; its method drew"
                f" {sorted(site or INPUT for site in sites)}. Give the methods inside"
                " one layer."
            )
        return dataclasses.replace(StackPlan.of(parts), site=mixed[0].site)

    def _at_one_layer(
        self,
        method: ManifoldMixup,
        x: Any,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> list[MixPlan]:
        """Draw copies; the first one that is mixed says where the others are."""
        parts: list[MixPlan] = []
        for _ in range(self.k):
            plan = method.draw(x, y, generator=streams, context=context)
            if not plan.is_identity:
                method = _at(method, plan.site)
            parts.append(plan)
        return parts


def _at(method: ManifoldMixup, site: str | None) -> ManifoldMixup:
    """Return the method with one layer to draw, at the cost of as many numbers."""
    pinned = copy.copy(method)
    pinned.layers = [INPUT if site is None else site]
    return pinned
