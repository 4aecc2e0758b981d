"""A plan in which every member of a net has its own partners and shares.

A net of several members is several nets for the price of less. Members that all see the
same mixed rows learn the same from them; drawn apart, they see so many different ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor

from sk_mixup.mixing.plans._given import as_targets, class_targets
from sk_mixup.mixing.plans._linear import LinearPlan
from sk_mixup.mixing.plans._plan import MixPlan
from sk_mixup.mixing.plans._rows import to_blendable


@dataclass(frozen=True, eq=False, repr=False)
class MemberPlan(LinearPlan):
    """Blend rows for every member apart.

    Attributes
    ----------
    partner : Tensor of shape (B,), int64
        Partners of the first member, as other plans have them.
    lam : Tensor of shape (B, n_members)
        Share of the own row.
    partners : Tensor of shape (B, n_members), int64
        Partners of each member.
    has_own_rows : bool
        Whether members stand before rows of their own: targets and weights then have
        the axis of members already.
    """

    partners: Tensor | None = None
    has_own_rows: bool = False

    @property
    def n_members(self) -> int:
        """Number of members."""
        return int(self.lam.shape[1])

    @property
    def _of_members(self) -> Tensor:
        assert self.partners is not None
        return self.partners

    def partner_places(self, shape: Sequence[int]) -> NoReturn:
        """Refuse: members have partners of their own, and a mask is of one image."""
        raise ValueError(
            "Members of a net mix rows of their own (per='member'), which cannot be"
            " applied to masks or boxes. Use per='row'."
        )

    def of_member(self, k: int) -> MixPlan:
        """Return what the plan is for member `k`."""
        return LinearPlan(self._of_members[:, k], self.lam[:, k])

    def own_rows(self, t: Tensor) -> Tensor:
        """Return the own entries of targets or row weights, (B, n_members, ...)."""
        if self.has_own_rows:
            return t
        return t.unsqueeze(1).expand(-1, self.n_members, *t.shape[1:])

    def partner_rows(self, y: Tensor) -> Tensor:
        """Return the partners' entries of targets or row weights."""
        return self._partners_of(y, by_member=self.has_own_rows)

    def _partners_of(self, t: Tensor, *, by_member: bool) -> Tensor:
        """Return ``t[partners]``, from the entries of each member or of all."""
        index = self._of_members
        if by_member:
            members = torch.arange(self.n_members, device=index.device)
            index = index * self.n_members + members
            t = t.flatten(0, 1)
        return t.index_select(0, index.reshape(-1)).view(*index.shape, *t.shape[1:])

    def _apply(self, x: Tensor) -> Tensor:
        x = to_blendable(x)
        by_member = self.has_own_rows or (x.ndim > 2 and x.shape[1] == self.n_members)
        mixed = self._partners_of(x, by_member=by_member)
        own = x if by_member else x.unsqueeze(1)
        lam = self.lam.to(x.dtype)
        lam = lam.view(*lam.shape, *(1,) * (own.ndim - 2))
        # The gathered copy is a view, and a gradient through a view that was written
        # to costs more than memory of its own.
        return mixed.lerp(own, lam) if x.requires_grad else mixed.lerp_(own, lam)

    def targets(self, y: Any, n_classes: int | None = None) -> Tensor:
        """Mix targets with the weights of the plan.

        Parameters
        ----------
        y : Tensor, array or list of shape (B,) or (B, k)
        n_classes : int or None

        Returns
        -------
        targets : Tensor of shape (B, n_members, ...)
        """
        y = as_targets(y, self.lam.device)
        self._check_rows(y, "targets")
        if self.has_own_rows and y.ndim == 2 and not y.is_floating_point():
            # A label for each member, and no row of indicators.
            y = class_targets(y.flatten(), n_classes, self.lam.dtype).view(y.shape)
        else:
            y = class_targets(y, n_classes, self.lam.dtype)
        if not y.is_floating_point():
            assert n_classes is not None
            y = torch.nn.functional.one_hot(y.long(), n_classes).to(self.lam.dtype)
        own, other = self.own_rows(y), self.partner_rows(y)
        lam = self.lam.view(*self.lam.shape, *(1,) * (own.ndim - 2))
        return (lam * own + (1.0 - lam) * other).to(y.dtype)
