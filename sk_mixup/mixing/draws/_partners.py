"""Partners for a batch on any device, of numbers that are drawn on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sk_mixup.mixing._drawing import Later
from sk_mixup.mixing.draws._memory import MemoryPairing
from sk_mixup.mixing.draws._pairing import (
    Pairing,
    check_partners,
    cycles,
    shuffle,
)
from sk_mixup.mixing.draws._pairing_weighted import (
    KernelPairing,
    NearestPairing,
    balanced,
    between,
    minority,
    within,
)
from sk_mixup.mixing.draws._streams import uniforms
from sk_mixup.mixing.plans import row_groups

if TYPE_CHECKING:
    from sk_mixup.mixing._context import MixContext

_BY_WEIGHT = (between, within, minority, balanced)


def partners_for(
    pairing: Pairing,
    x: Tensor,
    y: Tensor | None,
    generator: torch.Generator | None,
    context: MixContext | None,
) -> Tensor | Later:
    """Draw partners.

    Parameters
    ----------
    pairing : callable
    x : Tensor of shape (B, ...)
    y : Tensor or None
    generator : torch.Generator or None
    context : MixContext or None

    Returns
    -------
    partner : Tensor of shape (B,), int64, or Later
        For a drawing to send. Partners that follow from targets, inputs or groups are
        found where these are; those from memory when the plan is made, as the memory
        is then.
    """
    n_rows = len(x)
    if type(pairing) is MemoryPairing:
        return pairing.later(x, y, generator, context)
    drawn_here = generator is None or generator.device.type == "cpu"
    if drawn_here and x.device.type != "cpu":
        groups = row_groups(n_rows, context)
        if pairing is shuffle and groups is not None:
            order = torch.randperm(n_rows, generator=generator)
            return Later(order, lambda order: cycles(order, groups))
        if pairing in _BY_WEIGHT or type(pairing) in (KernelPairing, NearestPairing):
            return Later(
                uniforms(n_rows, generator),
                lambda u: pairing(n_rows, x=x, y=y, generator=u, context=context),
            )
    partner = pairing(n_rows, x=x, y=y, generator=generator, context=context)
    check_partners(pairing, partner, n_rows)
    return partner
