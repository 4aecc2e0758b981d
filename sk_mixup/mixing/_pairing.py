"""Who mixes with whom: the replaceable part that all methods share.

A pairing is a callable ``(n_rows, *, x, y, generator, context) -> partner`` that
returns an int64 tensor of row indices. A row that is its own partner stays clean.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Pairing = Callable[..., Tensor]


def shuffle(
    n_rows: int,
    *,
    x: Any = None,
    y: Any = None,
    generator: torch.Generator | None = None,
    context: Any = None,
) -> Tensor:
    """Draw a random derangement: no row is its own partner, from two rows on.

    A random permutation read as one cycle. A plain ``randperm`` leaves one self-pair
    per batch on average; drawing again until there is none would consume an unknown
    number of draws.

    Parameters
    ----------
    n_rows : int
        Rows of the batch.
    x, y, context : object
        Not used.
    generator : torch.Generator or None
        None: torch's global generator.

    Returns
    -------
    partner : Tensor of shape (n_rows,), int64
    """
    device = torch.device("cpu") if generator is None else generator.device
    order = torch.randperm(n_rows, generator=generator, device=device)
    return torch.empty_like(order).scatter_(0, order, order.roll(1))


PAIRINGS: dict[str, Pairing] = {"shuffle": shuffle}


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


def self_pairs(partner: Tensor) -> Tensor:
    """Mark the rows that are their own partner."""
    return partner == torch.arange(len(partner), device=partner.device)
