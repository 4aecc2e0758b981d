"""What a forward pass of a pack is told beside weights and rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from sk_mixup.nets import Dropout, ExactDropout
from sk_mixup.training.packing.programs._masks import DropMasks

#: Layers that drop values at a rate `p`, which may differ between members.
DROPOUTS = (nn.Dropout, Dropout, ExactDropout)


@dataclass
class Call:
    """One forward pass.

    Attributes
    ----------
    training : bool
    masks : DropMasks or None
        Of dropout; None: nothing is dropped.
    mix : callable or None
        Mixes tensors of shape (members, rows, ...), for nets that mix inside.
    """

    training: bool
    masks: DropMasks | None = None
    mix: Callable[[Tensor], Tensor] | None = None

    def drop(self, x: Tensor, layer: int, kind: type[nn.Dropout]) -> Tensor:
        """Drop values of shape (members, ...), each member by its own rate."""
        mask = self.mask(x, layer, kind)
        return x if mask is None else x * mask

    def mask(self, x: Tensor, layer: int, kind: type[nn.Dropout]) -> Tensor | None:
        """Return what dropout multiplies values with; None: nothing is dropped."""
        if self.masks is None or not self.training:
            return None
        return self.masks.draw(x, layer, kind)


def dropouts_of(module: nn.Module) -> list[tuple[str, nn.Dropout]]:
    """Return the dropout layers of a module, by name."""
    return [
        (name, part)
        for name, part in module.named_modules()
        if type(part) in DROPOUTS and isinstance(part, nn.Dropout)
    ]
