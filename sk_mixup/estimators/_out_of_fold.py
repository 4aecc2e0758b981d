"""What nets say of rows that they were not trained on, where no row is held out.

The recipe of a training is run again on folds of its rows, with the encoding that was
fitted on all of them.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from skorch.callbacks import (
    GradientNormClipping,
    LRScheduler,
    ParamMapper,
)
from torch import Tensor

from sk_mixup.estimators._checks import normalized
from sk_mixup.estimators._training import Training
from sk_mixup.exceptions import MixupWarning
from sk_mixup.training import ArrayData, TrainStreams, outputs_of

#: Trainings for a temperature; from many rows on fewer, as each costs more.
FOLDS, MANY_ROWS, FOLDS_OF_MANY = 5, 10_000, 3

# Callbacks that shape a training. Others look at it, or write files: once is enough.
_SHAPING = (GradientNormClipping, LRScheduler, ParamMapper)


def fold_problem(train: ArrayData, *, stratified: bool) -> str | None:
    """Say why rows cannot be split into folds; None where they can."""
    n_rows = len(train)
    if n_rows < 4:
        return f"{n_rows} rows are too few to train on folds of them"
    if train.groups is not None and int(train.groups.max()) < 1:
        return "all rows are of one group, which must not be split"
    if stratified and int(torch.bincount(_classes(train)).max()) < 2:
        return "every class has a single row"
    return None


def out_of_fold(
    estimator: Any, training: Training
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return raw outputs of nets that have not seen the row, targets and weights.

    Rows are left out whose class was not among those that their net was trained on.

    Parameters
    ----------
    estimator : MixupClassifier
        Whose recipe it is; it is not changed.
    training : Training
        That has ended, on all rows.
    """
    data = training.data
    train, streams = data.train, data.streams
    assert isinstance(train, ArrayData)
    twin = _twin(estimator, training)
    stratified = estimator._stratifies(data.target)
    outputs, targets, weights = [], [], []
    with warnings.catch_warnings():
        # The training of all rows has said it.
        warnings.simplefilter("ignore", MixupWarning)
        for i, (seen, held) in enumerate(
            _folds(train, streams.split_seed, stratified=stratified)
        ):
            part, rest = train.take(seen), train.take(held)
            part.weight = normalized(part.weight)
            fold = replace(
                data,
                X=None,
                y=None,
                train=part,
                method=twin._check_parameters(False, data.X),
                streams=TrainStreams(_seed(streams, i)),
                going_on=False,
            )
            run = twin._prepare(fold)
            run.go()
            twin._take_over(run)
            output, y, weight = outputs_of(twin.net_, twin._objective_, rest)
            known = torch.ones(len(y), dtype=torch.bool)
            if y.ndim == 1:
                known = torch.isin(y, part.y.unique())
            outputs.append(output[known])
            targets.append(y[known])
            if weight is not None:
                weights.append(weight[known])
    joined = torch.cat(weights) if weights else None
    return torch.cat(outputs), torch.cat(targets), joined


def _twin(estimator: Any, training: Training) -> Any:
    """Return an estimator that trains as this one did, and says nothing."""
    net = training.net
    callbacks = [
        copy.deepcopy(given)
        for given in estimator.callbacks or []
        if isinstance(given[-1] if isinstance(given, tuple) else given, _SHAPING)
    ]
    params = estimator.get_params(deep=False) | {
        "max_epochs": max(1, len(net.history)),
        "batch_size": net.batch_size,
        "lr": net.lr,
        "callbacks": callbacks,
        "early_stopping": False,
        "calibration": None,
        "warm_start": False,
        "verbose": 0,
    }
    return type(estimator)(**params)


def _folds(
    train: ArrayData, seed: int, *, stratified: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the positions of the rows to train on, and of those held out."""
    rows = np.arange(len(train))
    labels = _classes(train).numpy() if stratified else None
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for seen, held in splitter.split(rows, labels, groups):
            if len(held):
                yield torch.from_numpy(np.sort(seen)), torch.from_numpy(np.sort(held))


def _seed(streams: TrainStreams, fold: int) -> int:
    """Return a seed that takes nothing from the streams of the training."""
    sequence = np.random.SeedSequence([streams.init_seed, streams.split_seed, fold])
    return int(sequence.generate_state(1)[0])


def _classes(train: ArrayData) -> Tensor:
    """Return the class of every row; of soft labels, the most probable one."""
    return train.y if train.y.ndim == 1 else train.y.argmax(1)
