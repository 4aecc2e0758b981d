"""Rows for members of which each leaves a fold out.

A small table cannot spare a validation part, and what so few rows would say of a
training is mostly chance. Members of one net that share nothing can leave out other
rows each: every row is then trained on by all members but one, and judged by that one.
The loss of all rows, each by the member that has not seen it, decides how long to
train and how sure to be, and the members together have seen everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import KFold, StratifiedKFold
from torch import Tensor

from sk_mixup.training.feeds._batches import ArrayData
from sk_mixup.turns import warnings_ignored


class MemberRows(ArrayData):
    """Rows of data in an order per member.

    Parameters
    ----------
    data : ArrayData
        In memory, without groups.
    table : Tensor of shape (n, n_members), int64
        Which row a member sees in each place.
    counts : Tensor of shape (n, n_members), float32, or None, default=None
        What each place counts, with mean 1; a row that only fills its place has 0.

    Notes
    -----
    Item `i` holds the rows ``table[i]``: tensors of shape (n_members, ...), and of
    shape (B, n_members, ...) for a batch.
    """

    def __init__(
        self, data: ArrayData, table: Tensor, counts: Tensor | None = None
    ) -> None:
        super().__init__(data.X, data.y, data.weight)
        self.table = table
        self.counts = counts
        self._len = len(table)  # What skorch's dataset calls its length.

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        """Return rows as the batches hold them."""
        return _gathered(self.X, self.table[index]), self.labels(index)

    def labels(self, index: Any) -> Any:
        """Return targets; with weights, a tuple that holds them."""
        rows = self.table[index]
        y = _gathered(self.y, rows)
        weight = None if self.weight is None else _gathered(self.weight, rows)
        if self.counts is not None:
            counts = self.counts[index]
            weight = counts if weight is None else weight * counts
        return y if weight is None else (y, weight)

    def take(self, rows: Tensor) -> ArrayData:
        """Return a part of the places."""
        counts = None if self.counts is None else self.counts[rows]
        whole = ArrayData(self.X, self.y, self.weight)
        return MemberRows(whole, self.table[rows], counts)

    @property
    def n_rows(self) -> int:
        """Number of places."""
        return len(self.table)

    @property
    def n_members(self) -> int:
        """Number of members."""
        return int(self.table.shape[1])

    def sample(self, n_rows: int = 2) -> tuple[Any, Any]:
        """Return input and targets of the first rows, of no member in particular."""
        return ArrayData(self.X, self.y).sample(n_rows)

    def to(self, device: torch.device) -> MemberRows:
        """Return the data on a device."""
        whole = ArrayData(self.X, self.y, self.weight).to(device)
        counts = None if self.counts is None else self.counts.to(device)
        return MemberRows(whole, self.table.to(device), counts)

    @property
    def n_bytes(self) -> int:
        """Memory of what the places hold, were it all gathered."""
        return super().n_bytes * self.n_members


def member_folds(
    data: ArrayData, n_members: int, n_folds: int, *, seed: int, stratified: bool
) -> tuple[MemberRows, MemberRows]:
    """Return the rows that members train on, and those that they are judged by.

    Parameters
    ----------
    data : ArrayData
    n_members, n_folds : int
        Member `k` leaves out fold ``k % n_folds``.
    seed : int
    stratified : bool
        Whether every fold gets its share of every class.

    Returns
    -------
    train, valid : MemberRows
        A member sees its training rows in an order of its own, so that batches of
        different members are different samples.
    """
    folds = _folds(data, n_folds, seed=seed, stratified=stratified)
    rng = np.random.default_rng(seed)
    left_out = [k % n_folds for k in range(n_members)]
    own = [rng.permutation(np.flatnonzero(folds != k)) for k in left_out]
    held = [np.flatnonzero(folds == k) for k in left_out]
    # Folds differ by a row or so: the others fill the last places with a row again.
    train = _filled(own, max(map(len, own)))
    n_places = max(map(len, held))
    counts = None
    if min(map(len, held)) < n_places:
        lengths = np.array([len(rows) for rows in held])
        real = np.arange(n_places)[:, None] < lengths
        counts = torch.from_numpy((real / real.mean()).astype(np.float32))
    whole = ArrayData(data.X, data.y, data.weight)
    return MemberRows(whole, train), MemberRows(whole, _filled(held, n_places), counts)


def _filled(rows: list[np.ndarray], n_places: int) -> Tensor:
    """Return row numbers of shape (n_places, n_members)."""
    filled = np.stack([np.resize(r, n_places) for r in rows], 1)
    return torch.from_numpy(filled.astype(np.int64))


def _folds(data: ArrayData, n_folds: int, *, seed: int, stratified: bool) -> np.ndarray:
    """Return the fold of every row."""
    n_rows = len(data)
    state = seed % 2**32
    places = np.arange(n_rows)
    folds = np.empty(n_rows, dtype=np.int64)
    splitter: Any = KFold(n_folds, shuffle=True, random_state=state)
    labels = None
    if stratified:
        labels = (data.y if data.y.ndim == 1 else data.y.argmax(1)).numpy()
        if np.bincount(labels).max() >= n_folds:
            splitter = StratifiedKFold(n_folds, shuffle=True, random_state=state)
    with warnings_ignored(UserWarning):
        # Of classes with fewer rows than folds: some members see them all.
        for k, (_, held) in enumerate(splitter.split(places, labels)):
            folds[held] = k
    return folds


def _gathered(x: Any, rows: Tensor) -> Any:
    """Return ``x[rows]``, of every tensor of a dict or tuple."""
    if isinstance(x, Tensor):
        if rows.ndim == 1:
            return x.index_select(0, rows)
        return x.index_select(0, rows.reshape(-1)).view(*rows.shape, *x.shape[1:])
    if isinstance(x, Mapping):
        return {key: _gathered(value, rows) for key, value in x.items()}
    return tuple(_gathered(value, rows) for value in x)
