"""What a forward pass of a pack is told beside weights and rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sk_mixup.nets import Dropout, ExactDropout, mask_of_bytes

#: Layers that drop values at a rate `p`, which may differ between members.
DROPOUTS = (nn.Dropout, Dropout, ExactDropout)


@dataclass
class Call:
    """One forward pass.

    Attributes
    ----------
    training : bool
    rates : list of float or Tensor
        Rate of every dropout layer: a number, or a tensor of shape (members,).
    mix : callable or None
        Mixes tensors of shape (members, rows, ...), for nets that mix inside.
    generator : torch.Generator or None
        Of dropout; None: torch's global one, which packs that train beside each other
        would read in any order.
    """

    training: bool
    rates: list[float | Tensor]
    mix: Callable[[Tensor], Tensor] | None = None
    generator: torch.Generator | None = None

    def drop(self, x: Tensor, layer: int, kind: type[nn.Dropout]) -> Tensor:
        """Drop values of shape (members, ...), each member by its own rate."""
        mask = self.mask(x, layer, kind)
        return x if mask is None else x * mask

    def mask(self, x: Tensor, layer: int, kind: type[nn.Dropout]) -> Tensor | None:
        """Return what dropout multiplies values with; None: nothing is dropped."""
        rate = self.rates[layer] if self.training else 0.0
        if isinstance(rate, Tensor):
            kept = 1.0 - rate.to(x.dtype).view((-1,) + (1,) * (x.ndim - 1))
            draws = torch.empty_like(x, requires_grad=False)
            stays = draws.uniform_(generator=self.generator) < kept
            return stays * kept.clamp(min=1e-30).reciprocal()
        if rate == 0:
            return None
        if kind is Dropout and x.device.type == "cpu" and rate < 1:
            return mask_of_bytes(x, rate, self.generator)
        mask = torch.empty_like(x, requires_grad=False)
        mask.bernoulli_(1.0 - rate, generator=self.generator)
        return mask.div_(max(1.0 - rate, 1e-30))


def dropouts_of(module: nn.Module) -> list[tuple[str, nn.Dropout]]:
    """Return the dropout layers of a module, by name."""
    return [
        (name, part)
        for name, part in module.named_modules()
        if type(part) in DROPOUTS and isinstance(part, nn.Dropout)
    ]


def dropout_rates(rates: Tensor) -> list[float | Tensor]:
    """Return the rates of all layers: one number where the members share it.

    Parameters
    ----------
    rates : Tensor of shape (layers, members), on the host
    """
    return [float(row[0]) if bool((row == row[0]).all()) else row for row in rates]
