"""Further trainings: a new fit, a warm start, a part of the rows."""

import copy

import pytest

from tests.builders import (
    Recorder,
    assert_same_weights,
    blobs,
    classifier,
    regressor,
    weights_of,
)

X, Y = blobs(64)


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
    model = classifier(warm_start=True, max_epochs=6, early_stopping=False)
    model.fit(X, Y).fit(X, Y)
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
