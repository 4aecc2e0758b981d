"""Weights and buffers of all members, stacked on a leading axis."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Stack:
    """State of several modules of one structure.

    Parameters
    ----------
    modules : sequence of nn.Module
    transposed : collection of str
        Names of weights that are kept as (members, in, out): the layout of which a
        batched product with rows on the left has its gradient.

    Attributes
    ----------
    params, buffers : dict of str to Tensor of shape (members, ...)
    trained : set of str
        Parameters that want a gradient.
    """

    def __init__(
        self, modules: Sequence[nn.Module], transposed: frozenset[str] = frozenset()
    ) -> None:
        self.transposed = transposed
        params = [dict(module.named_parameters()) for module in modules]
        buffers = [dict(module.named_buffers()) for module in modules]
        self.trained = {k for k, value in params[0].items() if value.requires_grad}
        with torch.no_grad():
            self.params = {
                key: torch.stack([self._packed(key, p[key].detach()) for p in params])
                for key in params[0]
            }
            self.buffers = {
                key: torch.stack([b[key] for b in buffers]) for key in buffers[0]
            }

    def _packed(self, name: str, value: Tensor) -> Tensor:
        return value.t() if name in self.transposed else value

    @torch.no_grad()
    def write(self, k: int, module: nn.Module) -> None:
        """Copy the state of one member into its module."""
        for name, parameter in module.named_parameters():
            parameter.copy_(self._packed(name, self.params[name][k]))
        for name, buffer in module.named_buffers():
            buffer.copy_(self.buffers[name][k])

    def unpacked(self, name: str, value: Tensor) -> Tensor:
        """Return a tensor of a parameter's packed shape in that of its module."""
        return self._packed(name, value)

    def views(self, low: int, high: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return parameters as leaves, and buffers, of consecutive members."""
        params = {
            name: value[low:high].requires_grad_(name in self.trained)
            for name, value in self.params.items()
        }
        return params, {name: value[low:high] for name, value in self.buffers.items()}

    @torch.no_grad()
    def select(self, index: Tensor) -> None:
        """Keep some members."""
        self.params = {k: v.index_select(0, index) for k, v in self.params.items()}
        self.buffers = {k: v.index_select(0, index) for k, v in self.buffers.items()}

    def tensors(self) -> list[Tensor]:
        """Return all tensors, parameters first."""
        return [*self.params.values(), *self.buffers.values()]
