"""A copy of a net that follows it slowly."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from sk_mixup.mixing.layers import unwrapped


class MomentumCopy:
    r"""The moving average of a net's weights, as a net that can be asked.

    After step t the copy moves towards the net by the share :math:`1 - \min(d, (1 + t)
    / (10 + t))`: at first fast, so that a short training does not look at the initial
    weights, and by :math:`1 - d` in the end.

    It never drops anything out. BatchNorm takes the statistics of the batch itself:
    those of a net that learns belong to other weights than those of the copy.

    Parameters
    ----------
    module : torch.nn.Module
        Is followed, and never changed.
    decay : float
        d, in [0, 1].
    who : str
        What messages call the method.
    """

    def __init__(self, module: nn.Module, decay: float, who: str) -> None:
        self.source, self.decay, self.n_steps = unwrapped(module), decay, 0
        try:
            self.net = copy.deepcopy(self.source)
        except Exception as error:
            raise ValueError(
                f"{who} trains against a copy of the net, and"
                f" {type(self.source).__name__} cannot be copied:"
                f" {type(error).__name__}: {error}. Use a method that needs none, such"
                " as cutmix."
            ) from error
        self.net.requires_grad_(False)
        self.set_mode(batch_statistics=True)

    def set_mode(self, *, batch_statistics: bool) -> None:
        """Set the mode of all parts.

        Parameters
        ----------
        batch_statistics : bool
            Of the normalisation layers; False: as in evaluation.
        """
        for part in self.net.modules():
            is_norm = isinstance(part, nn.modules.batchnorm._BatchNorm)
            part.training = is_norm and batch_statistics

    @torch.no_grad()
    def follow(self) -> None:
        """Move towards the net, which has taken a step."""
        self.n_steps += 1
        share = 1.0 - min(self.decay, (1.0 + self.n_steps) / (10.0 + self.n_steps))
        own, other = [], []
        for mine, theirs in zip(
            self.net.parameters(), self.source.parameters(), strict=True
        ):
            if mine.is_floating_point():
                own.append(mine.data)
                other.append(theirs.data)
        if own:
            torch._foreach_lerp_(own, other, share)
        for kept, buffer in zip(self.net.buffers(), self.source.buffers(), strict=True):
            kept.copy_(buffer)

    def state_dict(self) -> dict[str, Any]:
        """Return weights and number of steps."""
        return {"net": self.net.state_dict(), "n_steps": self.n_steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state of `state_dict`."""
        self.net.load_state_dict(state["net"])
        self.n_steps = int(state["n_steps"])
