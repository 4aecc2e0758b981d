"""What nets say of rows that they were not trained on, where no row is held out.

The recipe of a training is run again on folds of its rows, with the encoding that was
fitted on all of them.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from skorch.callbacks import (
    GradientNormClipping,
    LRScheduler,
    ParamMapper,
)
from torch import Tensor

from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators._training import Training, prepare
from sk_mixup.estimators.sharing import rows_of
from sk_mixup.estimators.splits import folds_of
from sk_mixup.exceptions import warned_before
from sk_mixup.training import ArrayData, TrainStreams, outputs_of

if TYPE_CHECKING:
    from sk_mixup.estimators.checkpoints import Checkpoint

# Callbacks that shape a training. Others look at it, or write files: once is enough.
_SHAPING = (GradientNormClipping, LRScheduler, ParamMapper)


def out_of_fold(training: Training) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return raw outputs of nets that have not seen the row, targets and weights.

    Rows are left out whose class was not among those that their net was trained on.

    Parameters
    ----------
    training : Training
        That has ended, on all rows.
    """
    data = training.data
    train, streams = data.train, data.streams
    assert isinstance(train, ArrayData)
    outputs, targets, weights = [], [], []
    with warned_before():  # by the training of all rows
        for i, (seen, held) in enumerate(
            folds_of(train, streams.split_seed, stratified=data.task.stratifies)
        ):
            part, rest = train.take(seen), train.take(held)
            part.weight = rows_of(training.processes).normalized(part.weight)
            fold = replace(
                data,
                X=None,
                y=None,
                train=part,
                streams=_streams(training, i),
                before=None,
            )
            run = prepare(
                _settings(training),
                fold,
                reports=False,
                checkpoint=_part(training, i),
                processes=training.processes,
            )
            run.go()
            if run.run.interrupt is not None:
                raise run.run.interrupt
            run.settle()
            output, y, weight = outputs_of(run.net, run.fitted.objective, rest)
            known = torch.ones(len(y), dtype=torch.bool)
            if y.ndim == 1:
                known = torch.isin(y, part.y.unique())
            outputs.append(output[known])
            targets.append(y[known])
            if weight is not None:
                weights.append(weight[known])
    joined = torch.cat(weights) if weights else None
    return torch.cat(outputs), torch.cat(targets), joined


def _settings(training: Training) -> Settings:
    """Return settings of a training like this one, which says nothing."""
    net, settings = training.net, training.settings
    callbacks = [
        copy.deepcopy(given)
        for given in settings.callbacks or []
        if isinstance(given[-1] if isinstance(given, tuple) else given, _SHAPING)
    ]
    return replace(
        settings,
        # Not the one of the training, which may remember its batches.
        method=settings.resolved_method(training.data.X),
        max_epochs=max(1, len(net.history)),
        batch_size=net.batch_size,
        lr=net.lr,
        callbacks=callbacks,
        early_stopping=False,
        calibration=None,
        warm_start=False,
        verbose=0,
    )


def _part(training: Training, fold: int) -> Checkpoint | None:
    whole = training.checkpoint
    return None if whole is None else whole.part(f"fold-{fold}")


def _streams(training: Training, fold: int) -> TrainStreams:
    streams = TrainStreams(_seed(training.data.streams, fold))
    processes = training.processes
    if processes is None:
        return streams
    return streams.of_process(processes.rank, own_order=processes.parts)


def _seed(streams: TrainStreams, fold: int) -> int:
    """Return a seed that takes nothing from the streams of the training."""
    sequence = np.random.SeedSequence([streams.init_seed, streams.split_seed, fold])
    return int(sequence.generate_state(1)[0])
