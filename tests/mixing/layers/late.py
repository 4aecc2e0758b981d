"""Methods that learn the weights of labels from the pass of the net."""

import contextlib
from dataclasses import dataclass

import torch

from sk_mixup.mixing import ManifoldMixup, Mixup
from sk_mixup.mixing.layers import find_layer
from sk_mixup.mixing.plans import LinearPlan


@dataclass(frozen=True, eq=False, repr=False)
class ByBrightness(LinearPlan):
    """Blend half and half; the brighter row's label counts for more."""

    weighs_late = True

    def settled(self, features):
        return LinearPlan(
            self.partner,
            self.lam,
            label_lam=shares(features, self.partner),
            site=self.site,
        )


@dataclass(frozen=True, eq=False, repr=False)
class Watching(LinearPlan):
    """Blend half and half; what a layer says of the mixed rows weighs the labels."""

    weighs_late = True
    layer: str = ""

    @contextlib.contextmanager
    def watched(self, module):
        seen = []
        handle = find_layer(module, self.layer).register_forward_hook(
            lambda layer, inputs, output: seen.append(output.detach())
        )
        try:
            yield lambda: LinearPlan(
                self.partner,
                self.lam,
                label_lam=seen[0].float().flatten(1).mean(1).sigmoid(),
            )
        finally:
            handle.remove()


def shares(features, partner):
    """Return the share of each row in the brightness of both."""
    bright = features.detach().abs().flatten(1).mean(1)
    return bright / (bright + bright[partner])


class BrightnessMix(ManifoldMixup):
    weighs_late = True

    def _draw(self, x, y, streams, context):
        plan = super()._draw(x, y, streams, context)
        half = torch.full_like(plan.lam, 0.5)
        return ByBrightness(plan.partner, half, site=plan.site)


class WatchingMix(Mixup):
    weighs_late = True
    layer = "0"

    def _draw(self, x, y, streams, context):
        plan = super()._draw(x, y, streams, context)
        half = torch.full_like(plan.lam, 0.5)
        return Watching(plan.partner, half, layer=self.layer)
