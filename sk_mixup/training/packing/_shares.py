"""Blends of all members over some steps, in one message to their device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sk_mixup.mixing import MixPlan
from sk_mixup.mixing.plans import LinearPlan, sent, sent_together


@dataclass
class Shares:
    """Blends of all members over some steps.

    Attributes
    ----------
    partner : Tensor of shape (members, steps, rows), int64
    lam : Tensor of shape (members, steps, 1 or rows), float64
    own, other : Tensor of the same shape or None
        Weights of the targets where they are not made of `lam`.
    hosts : list of bool
        Whether the host knows lambda of a member, which is one number per batch.
    on_host : Tensor of shape (members, 1, 1), bool
        The same, on the device of the rest.
    numbers : Tensor or None
        `lam` on the host, where a single number per batch is all there is.
    clean : list of bool
        Steps of which the host knows that nothing is mixed.
    """

    partner: Tensor
    lam: Tensor
    own: Tensor | None
    other: Tensor | None
    hosts: list[bool]
    on_host: Tensor
    numbers: Tensor | None
    clean: list[bool]


@dataclass
class Blend:
    """Blends of one member: lambda per step, or plans with lambda per row."""

    lams: list[float] | None
    partner: Tensor | None
    linear: list[MixPlan] | None = None

    @classmethod
    def none(cls, n_steps: int) -> Blend:
        """Return the blends of a member that mixes nothing."""
        return cls([1.0] * n_steps, None)

    def plans(self, n_rows: int, device: torch.device) -> list[MixPlan | None]:
        """Return the plan of every step; None: nothing is mixed."""
        if self.linear is not None:
            return list(self.linear)
        assert self.lams is not None
        if self.partner is None:
            return [None] * len(self.lams)
        return [
            LinearPlan(partner, torch.full((n_rows,), lam, device=device), lam_host=lam)
            for partner, lam in zip(sent(self.partner, device), self.lams, strict=True)
        ]


def joined_blends(
    blends: Sequence[Blend], n_steps: int, n_rows: int, device: torch.device
) -> Shares:
    """Join the blends of all members, on a device."""
    clean = torch.arange(n_rows).expand(n_steps, n_rows)
    hosts = [
        blend.linear is None
        or all(plan.label_lam_host is not None for plan in blend.linear)
        for blend in blends
    ]
    partners = [
        torch.stack([plan.partner for plan in blend.linear])
        if blend.linear is not None
        else clean
        if blend.partner is None
        else blend.partner
        for blend in blends
    ]
    # Alike for all members, mostly, and then no number that has to be sent.
    on_host = torch.full((len(hosts), 1, 1), hosts[0], device=device)
    if len(set(hosts)) > 1:
        on_host = torch.tensor(hosts).view(-1, 1, 1)
    if all(hosts):
        numbers = torch.stack([_numbers(blend) for blend in blends])
        is_clean = (numbers == 1.0).flatten(2).all(2).all(0).tolist()
        *there, lam = _there([*partners, numbers], device)
        partner = torch.stack(there)
        return Shares(partner, lam, None, None, hosts, on_host, numbers, is_clean)
    shares = [_row_shares(blend, n_steps, n_rows) for blend in blends]
    flat = [*partners, *(t for three in shares for t in three), on_host]
    *there, on_host = _there(flat, device)
    n = len(blends)
    lam, own, other = (torch.stack(there[n + part :: 3]) for part in range(3))
    is_clean = [False] * n_steps
    if device.type == "cpu":  # another device would be waited for
        is_clean = (lam == 1.0).all(2).all(0).tolist()
    partner = torch.stack(there[:n])
    return Shares(partner, lam, own, other, hosts, on_host, None, is_clean)


def _there(tensors: list[Tensor], device: torch.device) -> list[Tensor]:
    """Return tensors on a device; those of the host travel together."""
    if device.type == "cpu":
        return tensors
    here = [k for k, t in enumerate(tensors) if t.device.type == "cpu"]
    arrived = list(tensors)
    moved = sent_together([tensors[k] for k in here], device)
    for k, t in zip(here, moved, strict=True):
        arrived[k] = t
    return arrived


def _numbers(blend: Blend) -> Tensor:
    """Return lambda of every step, of shape (steps, 1), float64."""
    numbers = blend.lams
    if blend.linear is not None:
        numbers = [plan.label_lam_host or 0.0 for plan in blend.linear]
    return torch.tensor(numbers, dtype=torch.float64).unsqueeze(1)


def _row_shares(blend: Blend, n_steps: int, n_rows: int) -> list[Tensor]:
    """Return lambda, own and other share of each row, (steps, rows), float64."""
    if blend.linear is None:
        lam = _numbers(blend)
        each = [lam, lam, 1.0 - lam]
    else:
        pairs = [_label_shares(plan) for plan in blend.linear]
        each = [
            torch.stack([_widest(plan.lam, plan.lam_host) for plan in blend.linear]),
            torch.stack([own for own, _ in pairs]),
            torch.stack([other for _, other in pairs]),
        ]
    return [values.expand(n_steps, n_rows) for values in each]


def _widest(lam: Tensor, host: float | None) -> Tensor:
    if host is None:
        return lam.double()
    return torch.full(lam.shape, host, dtype=torch.float64, device=lam.device)


def _label_shares(plan: MixPlan) -> tuple[Tensor, Tensor]:
    """Return the weights of the targets as the loss of a lone training has them."""
    host = plan.label_lam_host
    if host is not None:
        own = _widest(plan.lam, host)
        return own, 1.0 - own
    own, other = plan.label_weights
    return own.double(), other.double()
