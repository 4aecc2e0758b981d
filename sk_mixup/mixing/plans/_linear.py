"""Plans that blend a whole row with its partner's by one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing.plans._plan import MixPlan
from sk_mixup.mixing.plans._rows import take_rows, to_blendable


@dataclass(frozen=True, eq=False, repr=False)
class LinearPlan(MixPlan):
    """Blend ``lam * x + (1 - lam) * x[partner]``."""

    def partner_places(self, shape: Sequence[int]) -> None:
        """Every place is a blend by the label weights."""

    def _apply(self, x: Tensor) -> Tensor:
        x = to_blendable(x)
        # Compiled code must not look at lam_host: it would be compiled per lambda.
        lam_host = None if torch.compiler.is_compiling() else self.lam_host
        if lam_host == 1.0:
            return x
        # The gathered copy is the result: one pass to gather, one to blend. A lerp, and
        # not mixed + lam * (x - mixed), leaves a row with lam = 1 bit for bit alone.
        mixed = self.take_partners(x)
        if lam_host is not None:
            return mixed.lerp_(x, lam_host)
        return mixed.lerp_(x, self.lam.to(x.dtype).view((-1,) + (1,) * (x.ndim - 1)))

    def of_first_rows(self, n_rows: int) -> LinearPlan:
        """Return the plan of the first rows alone, with partners from all of them.

        Several processes that train one net mix their own rows each, and may take
        partners from those of the others, which follow them.

        Parameters
        ----------
        n_rows : int
        """
        of_them: dict[str, Any] = {
            "partner": self.partner[:n_rows],
            "lam": self.lam[:n_rows],
            "lam_host": self.lam_host,
            "label_lam": None if self.label_lam is None else self.label_lam[:n_rows],
        }
        if self.is_identity:
            return LinearPlan(**of_them)
        return FirstRowsPlan(**of_them, n_all=self.n_rows)


@dataclass(frozen=True, eq=False, repr=False)
class FirstRowsPlan(LinearPlan):
    """Blend ``lam * x[:B] + (1 - lam) * x[partner]``.

    Parameters
    ----------
    partner, lam, lam_host, label_lam :
        As for `MixPlan`, of the first `B` rows.
    n_all : int, default=0
        Rows of the batch, those that are partners alone included.
    """

    n_all: int = 0

    @property
    def n_rows(self) -> int:
        """Rows of the batch that the plan was drawn for."""
        return self.n_all

    @property
    def n_counted(self) -> int:
        """Rows of the batch that are learnt from."""
        return self.partner.shape[0]

    @property
    def _blends_targets(self) -> bool:
        return False

    def own_rows(self, t: Tensor) -> Tensor:
        """Return the own entries of targets or row weights, one per mixed row."""
        return t[: self.n_counted]

    def _apply(self, x: Tensor) -> Tensor:
        x = to_blendable(x)
        lam = self.lam.to(x.dtype).view((-1,) + (1,) * (x.ndim - 1))
        return take_rows(x, self.partner).lerp_(self.own_rows(x), lam)
