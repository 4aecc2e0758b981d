"""Who mixes with whom: the replaceable part that all methods share.

A pairing is a callable ``(n_rows, *, x, y, generator, context) -> partner`` that
returns an int64 tensor of row indices. A row that is its own partner stays clean. All
pairings here honour `MixContext.groups`: rows of different groups are never partners.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sk_mixup.mixing.draws._pairing_weighted import (
    KernelPairing,
    NearestPairing,
    balanced,
    between,
    minority,
    within,
)
from sk_mixup.mixing.plans import row_groups

if TYPE_CHECKING:
    from sk_mixup.mixing._context import MixContext

Pairing = Callable[..., Tensor]


def shuffle(
    n_rows: int,
    *,
    x: Any = None,
    y: Any = None,
    generator: torch.Generator | None = None,
    context: MixContext | None = None,
) -> Tensor:
    """Draw a random derangement: no row is its own partner, from two rows on.

    A random permutation read as one cycle. A plain ``randperm`` leaves one self-pair
    per batch on average; drawing again until there is none would consume an unknown
    number of draws.

    Parameters
    ----------
    n_rows : int
        Rows of the batch.
    x, y : object
        Not used.
    generator : torch.Generator or None
        None: torch's global generator.
    context : MixContext or None
        With `groups`, each group is deranged by itself; a row alone in its group is
        its own partner.

    Returns
    -------
    partner : Tensor of shape (n_rows,), int64
    """
    device = torch.device("cpu") if generator is None else generator.device
    order = torch.randperm(n_rows, generator=generator, device=device)
    groups = row_groups(n_rows, context)
    if groups is None:
        return torch.empty_like(order).scatter_(0, order, order.roll(1))
    return cycles(order.to(groups.device, non_blocking=True), groups)


def cycles(order: Tensor, groups: Tensor) -> Tensor:
    """Read a permutation as one cycle for each group.

    Parameters
    ----------
    order, groups : Tensor of shape (n_rows,), int64
        On one device.

    Returns
    -------
    partner : Tensor of shape (n_rows,), int64
    """
    # Groups side by side, shuffled inside.
    ordered, by_group = groups.index_select(0, order).sort(stable=True)
    order = order.index_select(0, by_group)
    place = torch.arange(len(order), device=order.device)
    first = torch.searchsorted(ordered, ordered)
    last = torch.searchsorted(ordered, ordered, right=True) - 1
    before = torch.where(place == first, last, place - 1)
    return torch.empty_like(order).scatter_(0, order, order.index_select(0, before))


def shuffle_many(
    n_batches: int, n_rows: int, *, generator: torch.Generator | None = None
) -> Tensor:
    """Draw the derangements of several batches, as as many calls of `shuffle` would.

    Parameters
    ----------
    n_batches, n_rows : int
    generator : torch.Generator or None
        On the CPU; None: torch's global generator.

    Returns
    -------
    partners : Tensor of shape (n_batches, n_rows), int64
    """
    order = torch.empty((n_batches, n_rows), dtype=torch.int64)
    for row in order.unbind():
        torch.randperm(n_rows, generator=generator, out=row)
    return torch.empty_like(order).scatter_(1, order, order.roll(1, 1))


def reverse(
    n_rows: int,
    *,
    x: Any = None,
    y: Any = None,
    generator: torch.Generator | None = None,
    context: MixContext | None = None,
) -> Tensor:
    """Pair the first row with the last, as timm does; nothing is drawn.

    The middle row of an odd number is its own partner. With groups, the same inside
    each group. Parameters as for `shuffle`.
    """
    groups = row_groups(n_rows, context)
    if groups is None:
        device = x.device if isinstance(x, Tensor) else None
        return torch.arange(n_rows - 1, -1, -1, device=device)
    ordered, order = groups.sort(stable=True)
    place = torch.arange(n_rows, device=order.device)
    first = torch.searchsorted(ordered, ordered)
    last = torch.searchsorted(ordered, ordered, right=True) - 1
    mirrored = order.index_select(0, first + last - place)
    return torch.empty_like(order).scatter_(0, order, mirrored)


PAIRINGS: dict[str, Pairing] = {
    "shuffle": shuffle,
    "reverse": reverse,
    "between": between,
    "within": within,
    "minority": minority,
    "balanced": balanced,
    "similar": KernelPairing(),
    "nearest": NearestPairing(),
}


def resolve_pairing(pairing: str | Pairing) -> Pairing:
    """Return the callable of a name."""
    if callable(pairing):
        return pairing
    if isinstance(pairing, str) and pairing in PAIRINGS:
        return PAIRINGS[pairing]
    near = difflib.get_close_matches(str(pairing), PAIRINGS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"pairing must be one of {sorted(PAIRINGS)} or a callable; got {pairing!r}."
        f"{hint}"
    )


def never_pairs_selves(pairing: str | Pairing) -> bool:
    """Whether a pairing is known to have no self-pair, from two rows on."""
    return pairing == "shuffle" or pairing is shuffle


def keeps_rows(pairing: Any) -> bool:
    """Whether a pairing finds partners among rows of earlier batches."""
    return getattr(pairing, "keeps_rows", False) is True


def check_pairing(pairing: str | Pairing) -> None:
    """Check a name, or the parameters of a pairing object.

    Raises
    ------
    ValueError, TypeError
        Naming the parameter and the value received.
    """
    resolve_pairing(pairing)
    validate = getattr(pairing, "validate", None)
    if callable(validate):
        validate()


def check_partners(pairing: Pairing, partner: Any, n_rows: int) -> None:
    """Check what a pairing returned, unless it is one of ours.

    Raises
    ------
    TypeError
        If it is no int64 tensor.
    ValueError
        If its shape is wrong, or an index out of range (on the CPU, where a look is
        free).
    """
    if str(getattr(pairing, "__module__", "")).startswith("sk_mixup.mixing."):
        return
    name = getattr(pairing, "__name__", type(pairing).__name__)
    if not isinstance(partner, Tensor) or partner.dtype != torch.int64:
        got = partner.dtype if isinstance(partner, Tensor) else type(partner).__name__
        raise TypeError(
            f"pairing {name} must return an int64 tensor of row indices; got {got}."
        )
    if partner.shape != (n_rows,):
        raise ValueError(
            f"pairing {name} must return one partner per row, shape ({n_rows},); got"
            f" shape {tuple(partner.shape)}."
        )
    if partner.device.type == "cpu" and n_rows:
        low, high = (int(bound) for bound in torch.aminmax(partner))
        if low < 0 or high >= n_rows:
            raise ValueError(
                f"pairing {name} returned row {low if low < 0 else high}, outside 0 to"
                f" {n_rows - 1}."
            )


def self_pairs(partner: Tensor) -> Tensor:
    """Mark the rows that are their own partner."""
    return partner == torch.arange(len(partner), device=partner.device)
