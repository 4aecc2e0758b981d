"""What `Mixup(per="member")` needs: how many members there are, and their lambdas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import check_number
from sk_mixup.mixing.draws import (
    BetaLaw,
    LamLaw,
    MixStreams,
    effective_alpha,
    value_at,
)


def is_of_members(method: Any) -> bool:
    """Check an `alpha` that is a sequence; say whether members mix apart.

    Raises
    ------
    ValueError, TypeError
        For a sequence without ``per="member"``, or entries that are no alpha.
    """
    has_many = isinstance(method.alpha, Sequence) and not isinstance(method.alpha, str)
    if has_many and method.per != "member":
        raise ValueError(
            f"alpha={method.alpha!r} has a number for each member of a net, which needs"
            f" per='member'; got per={method.per!r}."
        )
    if not has_many:
        return False
    if not method.alpha:
        raise ValueError("alpha must be a number, or one for each member; got none.")
    for k, value in enumerate(method.alpha):
        check_number(f"alpha[{k}]", value, low=0.0)
    return True


def members_of(context: MixContext | None) -> int:
    """Return how many members the net of a training has.

    Raises
    ------
    ValueError
        If it has no members, or nobody says which net it is.
    """
    module = None if context is None else context.module
    n_members = int(getattr(module, "n_members", 1))
    if n_members > 1:
        return n_members
    whose = "no net is known" if module is None else f"{type(module).__name__} has none"
    raise ValueError(
        f"per='member' is for nets of several members, and {whose}. Use per='row', or"
        " give draw a MixContext(module=...) whose module has `n_members`."
    )


def alphas_of(
    alpha: Any, n_members: int, context: MixContext | None
) -> tuple[float, ...]:
    """Return alpha of every member.

    Raises
    ------
    ValueError
        If there are more or fewer than members.
    """
    if not isinstance(alpha, Sequence):
        progress = 0.0 if context is None else context.progress
        return (effective_alpha(value_at(alpha, progress)),) * n_members
    if len(alpha) != n_members:
        raise ValueError(
            f"alpha has {len(alpha)} numbers, and the net has {n_members} members: give"
            " one for each, or one for all."
        )
    return tuple(map(effective_alpha, alpha))


def draw_shares(
    n_rows: int,
    alphas: Sequence[float],
    law: LamLaw | None,
    streams: MixStreams,
    *,
    fold: bool,
) -> Tensor:
    """Draw lambda of every row and member, as the quantile of a uniform number.

    Parameters
    ----------
    n_rows : int
    alphas : sequence of float
        One per member; of the Beta law.
    law : LamLaw or None
        Another law, for all members.
    streams : MixStreams
    fold : bool
        Return max(lambda, 1 - lambda).

    Returns
    -------
    lam : Tensor of shape (n_rows, n_members), float64
    """
    generator = streams.lam
    device = "cpu" if generator is None else generator.device
    u = torch.rand(
        n_rows, len(alphas), dtype=torch.float64, generator=generator, device=device
    )
    if law is not None:
        lam = law.quantile(u.flatten()).view_as(u)
        return torch.maximum(lam, 1.0 - lam) if fold else lam
    if len({*alphas}) == 1:
        if alphas[0] == 0.0:
            return torch.ones_like(u)
        same = BetaLaw(alphas[0])
        lam = same.folded(u.flatten()) if fold else same.quantile(u.flatten())
        return lam.view_as(u)
    lam = torch.ones_like(u)
    for alpha in sorted(set(alphas) - {0.0}):
        own = [k for k, other in enumerate(alphas) if other == alpha]
        of_alpha = BetaLaw(alpha)
        part = u[:, own].flatten()
        part = of_alpha.folded(part) if fold else of_alpha.quantile(part)
        lam[:, own] = part.view(n_rows, len(own))
    return lam
