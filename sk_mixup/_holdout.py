"""Holding out a validation part of the training rows."""

from __future__ import annotations

import math

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from sk_mixup._checks import normalized
from sk_mixup.training import ArrayData, split_weight


def split_problem(
    train: ArrayData, validation_fraction: float, *, stratified: bool
) -> str | None:
    """Say why no validation part can be held out; None where one can."""
    n_rows = len(train)
    n_valid = math.ceil(n_rows * validation_fraction)
    if n_rows - n_valid < 1 or n_rows < 3:
        return f"{n_rows} rows are too few to split"
    if not stratified:
        return None
    counts = torch.bincount(train.y)
    counts = counts[counts > 0]
    if int(counts.min()) < 2:
        return "a class has a single row, so no stratified split exists"
    if min(n_valid, n_rows - n_valid) < len(counts):
        return (
            f"validation_fraction={validation_fraction} of {n_rows} rows"
            f" cannot hold a row of each of the {len(counts)} classes"
        )
    return None


def hold_out(
    train: ArrayData, validation_fraction: float, *, seed: int, stratified: bool
) -> tuple[ArrayData, ArrayData]:
    """Return the training and the validation part, rows in their old order."""
    parts = train_test_split(
        np.arange(len(train)),
        test_size=validation_fraction,
        random_state=seed % 2**32,
        stratify=train.y.numpy() if stratified else None,
    )
    made = []
    for rows in parts:
        x, y = train[torch.from_numpy(np.sort(rows))]
        y, weight = split_weight(y)
        made.append(ArrayData(x, y, normalized(weight)))
    return made[0], made[1]
