"""What methods for feature maps have in common: which layers they find."""

from __future__ import annotations

import torch

from sk_mixup.mixing.layers import INPUT, Sites, unwrapped
from sk_mixup.mixing.methods._manifold import ManifoldMixup


class MapMethod(ManifoldMixup):
    """Base of methods that take places of feature maps from the partner.

    Attributes
    ----------
    takes_input : bool
        Whether ``layers="auto"`` holds the input.
    """

    group = "hidden layers"
    weighs_late = True
    takes_input: bool = False

    def sites(self, module: torch.nn.Module | None) -> list[str]:
        """Return the names of the layers that may be drawn."""
        name = type(self).__name__
        if getattr(module, "n_members", 1) > 1:
            raise ValueError(
                f"{name} mixes places and needs feature maps (B, channels, *spatial);"
                f" the second axis of {type(module).__name__} counts its members. Use"
                " ManifoldMixup."
            )
        sites = super().sites(module)
        if not self._is_auto or self.takes_input:
            return sites
        hidden = [site for site in sites if site != INPUT]
        if not hidden:
            net = "the net" if module is None else type(unwrapped(module)).__name__
            raise ValueError(
                f"layers='auto' found no hidden layer of {net} for {name}. Give"
                " layers=[...] with names of layers that return feature maps."
            )
        return hidden

    def _auto(self, found: Sites) -> list[str]:
        """Choose the layers that return feature maps."""
        maps = [
            name
            for name, n_axes in zip(found.layers, found.n_axes, strict=True)
            if n_axes >= 3
        ]
        if not maps:
            raise ValueError(
                "layers='auto' found no feature map (B, channels, *spatial) for"
                f" {type(self).__name__}. Name a layer, or use ManifoldMixup."
            )
        return [INPUT] * found.input_mixes + maps
