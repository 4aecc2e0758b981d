"""Which rows are mixed, with whom and how much: all randomness of one resampling."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from sk_mixup.mixing import Mixup
from sk_mixup.mixing.draws import MixStreams
from sk_mixup.mixing.plans import LinearPlan

_SEEDS = 2**31 - 1


@dataclass(frozen=True, eq=False)
class MixedRows:
    """What was drawn for every mixed row. Applying it draws nothing new.

    Attributes
    ----------
    own, partner : ndarray of shape (n_mixed,), int64
        Rows of the table.
    lam : ndarray of shape (n_mixed,), float64
        Share of the own row.
    seed : int
        Of the values that are drawn and not blended.
    """

    own: NDArray[np.int64]
    partner: NDArray[np.int64]
    lam: NDArray[np.float64]
    seed: int

    def __len__(self) -> int:
        """Return how many rows are mixed."""
        return len(self.own)

    def uniforms(self, *place: int) -> NDArray[np.float64]:
        """Return a number in [0, 1) per mixed row: own value where it is below `lam`.

        The same for every `lam`, so that tables of two alphas are paired.

        Parameters
        ----------
        *place : int
            What the numbers are for; every place has its own.
        """
        random = np.random.default_rng((self.seed, *place))
        return random.random(len(self))

    def chosen(self, *place: int) -> NDArray[np.int64]:
        """Return the row that each mixed row takes a value from, drawn by `lam`."""
        return np.where(self.uniforms(*place) < self.lam, self.own, self.partner)

    def blended(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return floats of the table, blended.

        Parameters
        ----------
        values : ndarray of shape (n_rows, ...), float32 or float64
        """
        # torch warns of arrays that cannot be written to.
        x = torch.from_numpy(np.require(values, requirements=["C", "W"]))
        own = torch.from_numpy(self.own)
        # The table is the pool: partners stand behind the own rows.
        partner = torch.from_numpy(self.partner) + len(self)
        plan = LinearPlan(partner, torch.from_numpy(self.lam), pool=(x, None))
        mixed: NDArray[Any] = plan.apply(x.index_select(0, own)).numpy()
        return mixed


def draw_rows(
    parts: Iterable[tuple[NDArray[np.int64], int]], alpha: float, random_state: Any
) -> MixedRows:
    """Draw partners and shares.

    Parameters
    ----------
    parts : iterable of (rows, n_mixed)
        Rows that may be mixed with each other, and how many mixed rows are wanted of
        them. Every row is used once before any is used again.
    alpha : float
        Of the Beta law of the share; 0: no row is mixed.
    random_state : int, RandomState instance or None

    Returns
    -------
    mixed : MixedRows
        The own row has the larger share. Partners and the ranks of the shares are those
        of `random_state` alone: they do not depend on alpha.
    """
    seeds = [int(s) for s in check_random_state(random_state).randint(_SEEDS, size=6)]
    streams = MixStreams(*(torch.Generator().manual_seed(seed) for seed in seeds[:4]))
    random = np.random.default_rng(seeds[4])
    method = Mixup(alpha, per="row")
    own: list[NDArray[Any]] = [np.empty(0, dtype=np.int64)]
    partner = own.copy()
    lam: list[NDArray[Any]] = [np.empty(0)]
    for rows, n_mixed in parts if not method.never_mixes else ():
        batch = torch.empty(len(rows), 1, dtype=torch.float64)
        for done in range(0, n_mixed, len(rows)):
            plan = method.draw(batch, generator=streams)
            n_left = n_mixed - done
            kept: Any = slice(None)
            if n_left < len(rows):
                kept = random.permutation(len(rows))[:n_left]
            own.append(rows[kept])
            partner.append(rows[plan.partner.numpy()][kept])
            lam.append(plan.lam.numpy()[kept])
    return MixedRows(
        np.concatenate(own), np.concatenate(partner), np.concatenate(lam), seeds[5]
    )


def count_mixed(ratio: float, n_rows: int) -> int:
    """Return how many rows a ratio asks for; a row alone has nobody to mix with."""
    # Halves are rounded up, for every number of rows alike.
    return 0 if n_rows < 2 else math.floor(ratio * n_rows + 0.5)
