"""What trains beside a net, for methods that learn how to mix.

A method holds parameters alone, so that it can be cloned, swept and pickled. What it
learns is in its *companion*, which is made for one training and dropped with it. The
net does not know of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing._context import MixContext


class Companion:
    """What a method has learnt so far; the base of all companions.

    A training draws with ``MixContext(companions=...)``. After the backward pass of a
    batch it calls `learn`, and after a step of the net `step`: a batch whose gradients
    wait for others (``accumulate``) is learnt from, and steps with them.

    Attributes
    ----------
    method : Method
        Whom it serves.
    """

    method: Any

    def learn(
        self,
        y: Tensor,
        weight: Tensor | None = None,
        context: MixContext | None = None,
    ) -> None:
        """Take in the batch that was drawn last; nothing, if that was not mixed.

        Parameters
        ----------
        y : Tensor of shape (B, ...)
            Its targets.
        weight : Tensor of shape (B,) or None
            Weights of its rows.
        context : MixContext or None
            As for `Method.draw`.
        """
        raise NotImplementedError

    def step(self) -> None:
        """Take the step of what was learnt, and follow the net, which has stepped."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return all that a training which goes on elsewhere needs."""
        raise NotImplementedError

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state of `state_dict`.

        Parameters
        ----------
        state : dict
        """
        raise NotImplementedError


def companions_of(
    method: Any,
    module: nn.Module,
    x: Any,
    *,
    call: Callable[[nn.Module, Any], Any] | None = None,
    criterion: Callable[[Any, Tensor], Tensor] | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Companion, ...]:
    """Make the companions of a method and of those inside it.

    Parameters
    ----------
    method : Method
    module : torch.nn.Module
        The net that trains.
    x : object
        Some rows of its input.
    call : callable or None
        ``call(module, x)`` runs a copy of the net on rows as the training runs the net;
        None: ``module(x)``.
    criterion : callable or None
        As in `MixContext`.
    generator : torch.Generator or None
        Seeds all that companions draw; None: torch's global one.

    Returns
    -------
    companions : tuple of Companion
        For `MixContext.companions`; empty for methods that learn nothing.
    """
    parts = {id(part): part for part in method.walk() if hasattr(part, "companion")}
    made = (
        part.companion(module, x, call=call, criterion=criterion, generator=generator)
        for part in parts.values()
    )
    return tuple(companion for companion in made if companion is not None)


def companion_for(method: Any, context: MixContext | None) -> Companion:
    """Return the companion of a method.

    Parameters
    ----------
    method : Method
    context : MixContext or None
        Its companions are searched for that of this very object; a copy of a method is
        served by the only one of its class.

    Raises
    ------
    ValueError
        If there is none.
    """
    companions: tuple[Companion, ...] = ()
    if context is not None:
        companions = context.companions
    for companion in companions:
        if companion.method is method:
            return companion
    alike = [c for c in companions if type(c.method) is type(method)]
    if len(alike) == 1:
        return alike[0]
    name = type(method).__name__
    raise ValueError(
        f"{name} learns its masks beside a net, and has no companion here. The"
        " estimators give it one. In a loop of your own, make companion ="
        " method.companion(net, x) once, draw with context=MixContext(module=net,"
        " companions=(companion,)), and call companion.learn(y) and companion.step()"
        " behind each step of the net."
    )
