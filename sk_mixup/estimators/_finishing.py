"""A training that has ended, taken over: what was learnt, and its temperature."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sk_mixup.estimators._calibration import way_to_calibrate
from sk_mixup.estimators._fitted import Fitted
from sk_mixup.estimators._out_of_fold import out_of_fold
from sk_mixup.estimators._training import Training
from sk_mixup.estimators.results import importance_of
from sk_mixup.estimators.splits import found_alpha
from sk_mixup.training import (
    MemberRows,
    joint_temperature,
    member_outputs,
    outputs_of,
    temperature_of,
)


def finish(training: Training) -> Fitted:
    """Let go of a training; return what the estimator becomes."""
    training.settle()
    run, temperature = training.run, training.fitted.temperature
    importance = None
    try:
        temperature = _temperature(training)
        importance = _importance(training)
        if training.processes is not None:
            temperature = training.processes.first(temperature)
            if importance is not None:
                n_rows = training.data.train.n_rows or 1
                importance = training.processes.mean(importance, n_rows)
    except KeyboardInterrupt as error:
        run.interrupt = error
    return replace(
        training.fitted,
        n_iter=len(training.net.history_),
        alpha=found_alpha(run.method, training.data.members[0]),
        temperature=temperature,
        interrupted=run.interrupt is not None,
        importance=importance,
    )


def _importance(training: Training) -> Any:
    """Return what the columns count, where that was asked for."""
    settings = training.settings
    asked = settings.importance is not None and not settings.partial
    asked = asked and training.run.interrupt is None
    return importance_of(training) if asked else None


def _temperature(training: Training) -> Any:
    """Return the temperature of the trained net."""
    data, objective = training.data, training.fitted.objective
    way = way_to_calibrate(training.settings, data, objective)
    if way == "validation" and isinstance(data.valid, MemberRows):
        rows = member_outputs(training.net, data.valid)
        return joint_temperature(objective, *rows, data.members[1])
    if way == "validation":
        assert data.valid is not None
        rows = outputs_of(training.net, objective, data.valid)
    elif way == "folds" and training.run.interrupt is None:
        rows = out_of_fold(training)
    else:
        return training.fitted.temperature
    if training.processes is not None and training.processes.parts:
        outputs, y, weight = map(training.processes.joined, rows)
        assert outputs is not None
        assert y is not None
        rows = outputs, y, weight
    return temperature_of(objective, *rows, mixes=training.run.method is not None)
