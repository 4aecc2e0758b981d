"""Folds of the rows of a training: who sees which rows, and who is asked about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from torch import Tensor

from sk_mixup.training import ArrayData
from sk_mixup.turns import warnings_ignored

#: Trainings for a temperature; from many rows on fewer, as each costs more.
FOLDS, MANY_ROWS, FOLDS_OF_MANY = 5, 10_000, 3


def strata(train: ArrayData) -> Tensor:
    """Return the class of every row; of soft labels, the most probable one."""
    return train.y if train.y.ndim == 1 else train.y.argmax(1)


def fold_problem(train: ArrayData, *, stratified: bool) -> str | None:
    """Say why rows cannot be split into folds; None where they can."""
    n_rows = len(train)
    if n_rows < 4:
        return f"{n_rows} rows are too few to train on folds of them"
    if train.groups is not None and int(train.groups.max()) < 1:
        return "all rows are of one group, which must not be split"
    if stratified and int(torch.bincount(strata(train)).max()) < 2:
        return "every class has a single row"
    return None


def folds_of(
    train: ArrayData, seed: int, *, stratified: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the positions of the rows to train on, and of those held out."""
    rows = np.arange(len(train))
    labels = strata(train).numpy() if stratified else None
    groups = None if train.groups is None else train.groups.numpy()
    n_folds = FOLDS if len(train) < MANY_ROWS else FOLDS_OF_MANY
    if groups is not None:
        n_folds = min(n_folds, int(groups.max()) + 1)
    else:
        n_folds = min(n_folds, len(train))
    if labels is not None:
        n_folds = min(n_folds, int(np.bincount(labels).max()))
    n_folds = max(n_folds, 2)
    shuffles = {"shuffle": True, "random_state": seed % 2**32}
    splitter: Any
    if groups is not None and stratified:
        splitter = StratifiedGroupKFold(n_folds, **shuffles)
    elif groups is not None:
        splitter = GroupKFold(n_folds)
    elif stratified:
        splitter = StratifiedKFold(n_folds, **shuffles)
    else:
        splitter = KFold(n_folds, **shuffles)
    # Classes with fewer rows than folds draw a warning that nobody can act on.
    with warnings_ignored(UserWarning):
        folds = list(splitter.split(rows, labels, groups))
    for seen, held in folds:
        if len(held):
            yield torch.from_numpy(np.sort(seen)), torch.from_numpy(np.sort(held))
