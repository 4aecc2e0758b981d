"""How long a training runs: held-out rows, early stopping."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.builders import (
    Recorder,
    blobs,
    classifier,
    regressor,
)

X, Y = blobs(64)
X_VAL, Y_VAL = blobs(32, seed=0)
VALIDATION = {"X_val": X_VAL, "y_val": Y_VAL}


def test_members_of_small_tables_leave_out_a_part_each():
    model = classifier(batch_size=64).fit(X, Y)
    batches = model.history_[0]["batches"]
    # Of 64 rows each of the eight members trains on 56, and is judged by 8.
    assert [b["train_batch_size"] for b in batches if "train_loss" in b] == [56]
    assert [b["valid_batch_size"] for b in batches if "valid_loss" in b] == [8]


def test_a_few_rows_are_trained_whole():
    model = classifier().fit(X[:32], Y[:32])
    assert "valid_loss" not in model.history_[0]


def test_from_1000_rows_other_nets_hold_out_a_part():
    model = classifier(module="tabm", batch_size=256).fit(*blobs(1000))
    assert "valid_loss" in model.history_[0]
    trained = sum(b["train_batch_size"] for b in model.history_[0]["batches"][:4])
    assert trained == 900


def test_no_stratified_split_no_early_stopping():
    X, y = blobs(1000)
    y[0] = 7
    model = classifier(batch_size=256).fit(X, y)
    assert "valid_loss" not in model.history_[0]


@pytest.mark.parametrize(
    ("rows", "y", "why"),
    [
        (64, np.r_[7, Y[1:]], "a class has a single row"),
        (8, np.arange(8) // 2, "each of the 4 classes"),
        (2, [0, 1], "2 rows are too few"),
    ],
)
def test_early_stopping_true_raises_where_no_split_exists(rows, y, why):
    with pytest.raises(ValueError, match=f"early_stopping=True.*{why}"):
        classifier(early_stopping=True).fit(X[:rows], y)


def test_the_share_held_out():
    model = classifier(early_stopping=True, validation_fraction=0.25).fit(X, Y)
    sizes = [b.get("valid_batch_size", 0) for b in model.history_[0]["batches"]]
    assert sum(sizes) == 16


def test_given_validation_data_are_used_and_nothing_is_held_out():
    model = classifier(batch_size=64).fit(X, Y, **VALIDATION)
    batches = model.history_[0]["batches"]
    assert [b["train_batch_size"] for b in batches if "train_loss" in b] == [64]
    assert [b["valid_batch_size"] for b in batches if "valid_loss" in b] == [32]


def test_validation_is_on_clean_data():
    recorder = Recorder()
    model = classifier(alpha=1.0, callbacks=[recorder], calibration=None)
    model.fit(X, Y, **VALIDATION)
    model.module_.load_state_dict(recorder.states[1])
    proba = model.predict_proba(X_VAL)
    loss = -np.log(proba[np.arange(32), Y_VAL]).mean()
    assert model.history_[1, "valid_loss"] == pytest.approx(loss, rel=1e-5)
    accuracy = (proba.argmax(1) == Y_VAL).mean()
    assert model.history_[1, "valid_acc"] == pytest.approx(accuracy)


def test_validation_weights_count():
    weight = np.r_[np.zeros(16), np.ones(16)]
    weighted = classifier().fit(X, Y, **VALIDATION, sample_weight_val=weight)
    half = classifier().fit(X, Y, X_val=X_VAL[16:], y_val=Y_VAL[16:])
    assert weighted.history_[:, "valid_loss"] == half.history_[:, "valid_loss"]


def test_the_best_weights_come_back():
    recorder = Recorder()
    X_bad, y_bad = X_VAL, 1 - Y_VAL  # what is learnt makes it worse
    net = {"module": nn.Linear(4, 2), "lr": 0.1}
    model = classifier(**net, max_epochs=30, callbacks=[recorder], n_iter_no_change=3)
    model.fit(X, Y, X_val=X_bad, y_val=y_bad)
    losses = model.history_[:, "valid_loss"]
    best = recorder.states[int(np.argmin(losses))]
    for key, value in model.module_.state_dict().items():
        torch.testing.assert_close(value, best[key], rtol=0, atol=0)
    assert model.n_iter_ == int(np.argmin(losses)) + 1 + 3


@pytest.mark.parametrize("patience", [1, 2])
def test_training_stops_after_n_iter_no_change(patience):
    net = {"module": nn.Linear(4, 2), "lr": 1e-2}
    model = classifier(**net, max_epochs=30, n_iter_no_change=patience)
    model.fit(X, Y, X_val=X_VAL, y_val=1 - Y_VAL)
    best = int(np.argmin(model.history_[:, "valid_loss"])) + 1
    assert len(model.history_) == model.n_iter_ == best + patience


def test_the_regressor_stops_early_too():
    y = 3.0 * X[:, 0]
    model = regressor(max_epochs=30, early_stopping=True, n_iter_no_change=1, lr=0.1)
    model.fit(X, y)
    assert "valid_loss" in model.history_[0]
    assert "valid_acc" not in model.history_[0]


def test_divergence_raises_and_keeps_the_fitted_estimator():
    model = regressor(lr=1e-3).fit(X, X[:, 0])
    before = model.predict(X)
    model.set_params(
        lr=1e30, optimizer=torch.optim.SGD, module=nn.Linear(4, 1), max_epochs=30
    )
    with pytest.raises(FloatingPointError, match="lr=1e\\+30 is probably too large"):
        model.fit(X, X[:, 0])
    np.testing.assert_array_equal(model.predict(X), before)
