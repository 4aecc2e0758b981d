"""Callbacks that look at validation rows find some, or say so before training."""

import numpy as np
import pytest
from skorch import NeuralNetClassifier
from skorch.callbacks import (
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    LRScheduler,
    TrainEndCheckpoint,
)
from torch import nn

from sk_mixup.inputs import DatasetRows
from tests.builders import assert_same_weights, blobs, classifier

X, Y = blobs(60)
ROC = EpochScoring("roc_auc", lower_is_better=False)


def fitted(*callbacks, **params):
    params = {"module": nn.Linear, "module__in_features": 4} | params
    params |= {"module__out_features": 2, "mix": None, "callbacks": list(callbacks)}
    return classifier(**params).fit(X, Y)


def plateau(**params):
    return LRScheduler(policy="ReduceLROnPlateau", **params)


def checkpoint(folder, **params):
    return Checkpoint(dirname=str(folder), **params)


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: EarlyStopping(patience=2),
        lambda folder: ("stop", EarlyStopping),
        lambda folder: EarlyStopping(monitor="valid_acc", lower_is_better=False),
        checkpoint,
        lambda folder: plateau(monitor="valid_loss"),
        lambda folder: ROC,
    ],
    ids=["stopping", "class", "accuracy", "checkpoint", "plateau", "score"],
)
def test_rows_are_held_out_for_who_watches_them(make, tmp_path):
    model = fitted(make(tmp_path))
    assert "valid_loss" in model.history_[-1]


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: EarlyStopping(monitor="train_loss"),
        lambda folder: plateau(),
        lambda folder: LRScheduler(policy="StepLR", step_size=2),
        lambda folder: TrainEndCheckpoint(dirname=str(folder)),
        lambda folder: checkpoint(folder, monitor=None),
        lambda folder: EpochScoring("accuracy", on_train=True, name="train_acc"),
    ],
    ids=["stopping", "plateau", "steps", "end", "always", "score"],
)
def test_no_rows_are_held_out_for_others(make, tmp_path):
    model = fitted(make(tmp_path))
    assert "valid_loss" not in model.history_[-1]


def test_the_rows_are_those_of_early_stopping():
    asked = fitted(early_stopping=True)
    assert_same_weights(fitted(EarlyStopping(patience=50)), asked)


def test_a_parameter_of_a_callback_counts():
    stop = ("stop", EarlyStopping(monitor="train_loss"))
    model = fitted(stop, callbacks__stop__monitor="valid_loss")
    assert "valid_loss" in model.history_[-1]


def test_callbacks_of_a_wrapped_net_count():
    net = NeuralNetClassifier(
        nn.Linear(4, 2),
        criterion=nn.CrossEntropyLoss,
        callbacks=[EarlyStopping(patience=2)],
        max_epochs=3,
        verbose=0,
    )
    model = classifier(module=net, mix=None, max_epochs=3).fit(X, Y)
    assert "valid_loss" in model.history_[-1]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"early_stopping": False}, "early_stopping=False holds out no rows"),
        ({}, "a class has a single row"),
    ],
)
def test_without_rows_the_callback_is_named_before_training(params, words):
    model = classifier(module=nn.Linear(4, 2), mix=None, **params)
    model.set_params(callbacks=[EarlyStopping()])
    y = Y if params else np.r_[np.zeros(59, int), 1]
    with pytest.raises(ValueError, match=f"EarlyStopping watches .*{words}"):
        model.fit(X, y)
    assert not hasattr(model, "net_")


def test_partial_fit_has_no_such_rows(tmp_path):
    model = classifier(module=nn.Linear(4, 2), callbacks=[checkpoint(tmp_path)])
    with pytest.raises(ValueError, match=r"Checkpoint watches.*partial_fit holds out"):
        model.partial_fit(X, Y)


def test_rows_of_a_data_set():
    rows = DatasetRows([(x, int(y)) for x, y in zip(X, Y, strict=True)])
    model = classifier(module=nn.Linear(4, 2), callbacks=[EarlyStopping()])
    assert "valid_loss" in model.fit(rows).history_[-1]


def test_members_of_a_table_watch_their_folds():
    model = classifier(callbacks=[EarlyStopping(patience=2)], max_epochs=3)
    assert "valid_loss" in model.fit(X, Y).history_[-1]
