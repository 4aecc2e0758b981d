"""How a training runs: stopping, validation, history, going on, weights."""

import copy

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from sk_mixup import MixupWarning
from tests.estimators.helpers import (
    Recorder,
    assert_same_weights,
    blobs,
    classifier,
    regressor,
    weights_of,
)

X, Y = blobs(64)
X_VAL, Y_VAL = blobs(32, seed=0)
VALIDATION = {"X_val": X_VAL, "y_val": Y_VAL}


class Interrupt(Callback):
    """Presses Ctrl-C after some epochs."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


# -- early stopping and validation -----------------------------------------------------


def test_small_tables_are_trained_whole():
    model = classifier().fit(X, Y)
    assert "valid_loss" not in model.history_[0]


def test_from_1000_rows_a_part_is_held_out():
    model = classifier(batch_size=256).fit(*blobs(1000))
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
    model = classifier(max_epochs=8, callbacks=[recorder], n_iter_no_change=3)
    model.fit(X, Y, X_val=X_bad, y_val=y_bad)
    losses = model.history_[:, "valid_loss"]
    best = recorder.states[int(np.argmin(losses))]
    for key, value in model.module_.state_dict().items():
        torch.testing.assert_close(value, best[key], rtol=0, atol=0)
    assert model.n_iter_ == int(np.argmin(losses)) + 1 + 3


@pytest.mark.parametrize("patience", [1, 2])
def test_training_stops_after_n_iter_no_change(patience):
    model = classifier(max_epochs=30, n_iter_no_change=patience, lr=1e-2)
    model.fit(X, Y, X_val=X_VAL, y_val=1 - Y_VAL)
    best = int(np.argmin(model.history_[:, "valid_loss"])) + 1
    assert len(model.history_) == model.n_iter_ == best + patience


def test_the_regressor_stops_early_too():
    y = 3.0 * X[:, 0]
    model = regressor(max_epochs=30, early_stopping=True, n_iter_no_change=1, lr=0.1)
    model.fit(X, y)
    assert "valid_loss" in model.history_[0]
    assert "valid_acc" not in model.history_[0]


# -- history ---------------------------------------------------------------------------


def test_mixed_measures_are_named_as_such():
    record = classifier().fit(X, Y).history_[0]
    assert {"epoch", "dur", "train_loss", "train_acc_mixed"} <= set(record)
    assert not {"train_acc", "valid_loss", "valid_acc"} & set(record)


def test_history_holds_plain_numbers():
    model = classifier(batch_size=32).fit(X, Y)
    assert all(isinstance(v, float) for v in model.history_[:, "train_loss"])
    batches = model.history_[:, "batches", :, "train_loss"]
    assert all(type(v) is float for epoch in batches for v in epoch)


def test_train_loss_falls():
    losses = classifier(max_epochs=8, lr=1e-2).fit(X, Y).history_[:, "train_loss"]
    assert losses[-1] < losses[0]


def test_verbose_prints_an_epoch_per_line(capsys):
    classifier(verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert "train_loss" in lines[0]
    assert "train_acc_mixed" in lines[0]
    assert len(lines) == 2 + 5


def test_silent_by_default(capsys):
    classifier().fit(X, Y)
    assert capsys.readouterr() == ("", "")


# -- going on --------------------------------------------------------------------------


def test_a_new_fit_starts_anew():
    model = classifier().fit(X, Y)
    assert_same_weights(model.fit(X, Y), classifier().fit(X, Y))
    assert model.n_iter_ == 5


def test_warm_start_goes_on():
    model = classifier(warm_start=True, max_epochs=6).fit(X, Y)
    first = model.history_[:, "train_loss"]
    model.fit(X, Y)
    assert model.n_iter_ == 12
    assert model.history_[:6, "train_loss"] == first
    assert model.history_[6, "train_loss"] < first[0]


def test_warm_start_takes_new_settings():
    model = classifier(warm_start=True).fit(X, Y)
    model.set_params(max_epochs=7).fit(X, Y)
    assert model.n_iter_ == 12


def test_warm_start_takes_another_learning_rate():
    model = classifier(warm_start=True).fit(X, Y)
    before = copy.deepcopy(model)
    assert_same_weights(model.set_params(lr=1e-30).fit(X, Y), before)


def test_every_training_anneals_the_learning_rate():
    model = classifier(warm_start=True, max_epochs=6).fit(X, Y).fit(X, Y)
    rates = model.history_[:, "event_lr"]
    assert rates[6:] == rates[:6]
    # The first group is that of the embeddings.
    assert rates[0] == model.net_.optimizer_.param_groups[0]["initial_lr"]
    assert rates[5] < 0.1 * rates[0]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_further_training_begins_with_the_full_learning_rate(method):
    model = classifier(warm_start=True, max_epochs=6).fit(X, Y)
    before, lr = weights_of(copy.deepcopy(model)), model.net_.lr
    getattr(model, method)(X, Y)
    steps = [abs(a - b).max() for a, b in zip(before, weights_of(model), strict=True)]
    assert max(steps) > 1e-3
    assert model.net_.lr == lr


def test_the_callers_callbacks_see_every_training():
    recorder = Recorder()
    model = classifier(callbacks=[recorder])
    for n in (1, 2, 3):
        model.partial_fit(X, Y)
        assert len(recorder.states) == n


def test_partial_fit_is_one_epoch():
    model = classifier()
    for n in (1, 2, 3):
        assert model.partial_fit(X, Y) is model
        assert model.n_iter_ == n


def test_partial_fit_takes_batches_without_some_classes():
    model = classifier().partial_fit(X[Y == 0], Y[Y == 0], classes=[0, 1, 2])
    model.partial_fit(X[Y == 1], Y[Y == 1])
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict_proba(X).shape == (64, 3)


def test_partial_fit_goes_on_after_fit():
    model = classifier().fit(X, Y).partial_fit(X, Y, classes=[1, 0])
    assert model.n_iter_ == 6


def test_partial_fit_of_the_regressor():
    y = 3.0 * X[:, 0]
    model = regressor(lr=1e-2, batch_size=16)
    for _ in range(20):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.5


def test_interrupting_keeps_what_was_learnt():
    model = classifier(callbacks=[Interrupt()]).fit(X, Y)
    assert model.n_iter_ == 2
    assert model.predict(X).shape == (64,)


# -- weights ---------------------------------------------------------------------------


def test_only_the_ratio_of_weights_counts():
    weight = np.linspace(1, 3, 64)
    one = classifier().fit(X, Y, sample_weight=weight)
    other = classifier().fit(X, Y, sample_weight=weight * 1024)
    assert_same_weights(one, other)


@pytest.mark.parametrize("weight", [1.0, 7.0, np.full(64, 3)], ids=str)
def test_equal_weights_are_no_weights(weight):
    weighted = classifier().fit(X, Y, sample_weight=weight)
    assert_same_weights(weighted, classifier().fit(X, Y))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_rows_of_weight_zero_are_not_there(early_stopping):
    weight = np.where(np.arange(64) % 5 == 0, 0.0, 2.0)
    dropped = classifier(early_stopping=early_stopping).fit(
        X[weight > 0], Y[weight > 0]
    )
    weighted = classifier(early_stopping=early_stopping)
    assert_same_weights(weighted.fit(X, Y, sample_weight=weight), dropped)


def test_rows_of_weight_zero_are_not_there_in_regression():
    weight = (np.arange(64) % 5 > 0) * 1.0
    y = X[:, 0] + 100 * (weight == 0)
    weighted = regressor().fit(X, y, sample_weight=weight)
    assert_same_weights(weighted, regressor().fit(X[weight > 0], y[weight > 0]))


def test_class_weights_are_sample_weights():
    by_class = classifier(class_weight={0: 1.0, 1: 3.0}).fit(X, Y)
    by_row = classifier().fit(X, Y, sample_weight=np.where(Y == 1, 3.0, 1.0))
    assert_same_weights(by_class, by_row)


def test_balanced_class_weights():
    rows = np.r_[np.flatnonzero(Y == 0), np.flatnonzero(Y == 1)[:8]]
    balanced = classifier(class_weight="balanced").fit(X[rows], Y[rows])
    weight = np.where(Y[rows] == 1, 4.0, 1.0)
    by_row = classifier().fit(X[rows], Y[rows], sample_weight=weight)
    for a, b in zip(weights_of(balanced), weights_of(by_row), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# -- warnings and errors ---------------------------------------------------------------


def test_strong_alpha_warns():
    with pytest.warns(MixupWarning, match="alpha=2 is strong for plain Mixup"):
        classifier(alpha=2.0).fit(X, Y)


def test_few_epochs_of_mixing_warn():
    with pytest.warns(MixupWarning, match="max_epochs=4 with mixing"):
        classifier(max_epochs=4, alpha=0.2).fit(X, Y)


@pytest.mark.parametrize(
    "params",
    [
        {"mix": None, "max_epochs": 1},
        {"alpha": 0, "max_epochs": 1},
        {"mix": "manifold", "alpha": 2.0},
    ],
    ids=str,
)
def test_what_is_fine_does_not_warn(params, recwarn):
    classifier(**params).fit(X, Y)
    assert not [w for w in recwarn if w.category is MixupWarning]


def test_divergence_raises_and_keeps_the_fitted_estimator():
    model = regressor(lr=1e-3).fit(X, X[:, 0])
    before = model.predict(X)
    model.set_params(
        lr=1e30, optimizer=torch.optim.SGD, module=nn.Linear(4, 1), max_epochs=30
    )
    with pytest.raises(FloatingPointError, match="lr=1e\\+30 is probably too large"):
        model.fit(X, X[:, 0])
    np.testing.assert_array_equal(model.predict(X), before)
