"""Holding out a validation part of the training rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import (
    GroupShuffleSplit,
    StratifiedGroupKFold,
    train_test_split,
)

from sk_mixup.estimators._checks import normalized
from sk_mixup.estimators.splits._folds import strata
from sk_mixup.training import ArrayData
from sk_mixup.turns import warnings_ignored


def split_problem(
    train: ArrayData, validation_fraction: float, *, stratified: bool
) -> str | None:
    """Say why no validation part can be held out; None where one can."""
    n_rows = len(train)
    n_valid = math.ceil(n_rows * validation_fraction)
    if n_rows - n_valid < 1 or n_rows < 3:
        return f"{n_rows} rows are too few to split"
    if train.groups is not None and int(train.groups.max()) < 1:
        return "all rows are of one group, which must not be split"
    if not stratified:
        return None
    y = strata(train)
    counts = torch.bincount(y)
    counts = counts[counts > 0]
    if train.groups is not None:
        rows, _ = _split(train, validation_fraction, seed=0, stratified=True)
        if len(y[torch.from_numpy(rows)].unique()) < len(counts):
            return "a class would be left out with the groups held out"
        return None
    if int(counts.min()) < 2:
        return "a class has a single row, so no stratified split exists"
    if min(n_valid, n_rows - n_valid) < len(counts):
        return (
            f"validation_fraction={validation_fraction} of {n_rows} rows"
            f" cannot hold a row of each of the {len(counts)} classes"
        )
    return None


def hold_out(
    train: ArrayData,
    validation_fraction: float,
    *,
    seed: int,
    stratified: bool,
    normalize: Callable[[Any], torch.Tensor | None] = normalized,
) -> tuple[ArrayData, ArrayData]:
    """Return the training and the validation part, rows in their old order.

    Rows of one group go to one part.

    Parameters
    ----------
    train : ArrayData
    validation_fraction : float
    seed : int
    stratified : bool
    normalize : callable
        Gives the weights of a part a mean of 1.
    """
    made = []
    for index in _split(train, validation_fraction, seed=seed, stratified=stratified):
        part = train.take(torch.from_numpy(np.sort(index)))
        part.weight = normalize(part.weight)
        made.append(part)
    made[1].groups = None  # Nothing is mixed in validation.
    return made[0], made[1]


def _split(
    train: ArrayData, validation_fraction: float, *, seed: int, stratified: bool
) -> tuple[np.ndarray, np.ndarray]:
    rows, state = np.arange(len(train)), seed % 2**32
    labels = strata(train).numpy() if stratified else None
    if train.groups is None:
        training, valid = train_test_split(
            rows, test_size=validation_fraction, random_state=state, stratify=labels
        )
        return training, valid
    groups = train.groups.numpy()
    n_folds = min(max(2, round(1 / validation_fraction)), int(groups.max()) + 1)
    if stratified:
        folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=state)
        # Classes with fewer rows than folds draw a warning that nobody can act on.
        with warnings_ignored(UserWarning):
            return next(folds.split(rows, labels, groups))
    one = GroupShuffleSplit(1, test_size=validation_fraction, random_state=state)
    return next(one.split(rows, groups=groups))
