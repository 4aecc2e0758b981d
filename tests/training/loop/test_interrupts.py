"""Ctrl-C: what was learnt is kept, and the interrupt goes on."""

import copy
import pickle
import signal

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from tests.builders import Recorder, blobs, classifier, people, weights_of

X, Y = blobs(64)


@pytest.fixture(autouse=True)
def ctrl_c_arrives():
    """Let SIGINT raise, also where a shell has started the tests in its background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupt(Callback):
    """Presses Ctrl-C in an epoch."""

    def __init__(self, hook, epoch, times=1):
        self.hook = hook
        self.epoch = epoch
        self.times = times

    def _press(self, hook, net):
        if hook == self.hook and len(net.history) >= self.epoch and self.times:
            self.times -= 1
            signal.raise_signal(signal.SIGINT)

    def on_train_begin(self, net, **kwargs):
        self._press("train_begin", net)

    def on_epoch_begin(self, net, **kwargs):
        self._press("epoch_begin", net)

    def on_batch_begin(self, net, **kwargs):
        self._press("batch_begin", net)

    def on_batch_end(self, net, **kwargs):
        self._press("batch_end", net)

    def on_epoch_end(self, net, **kwargs):
        self._press("epoch_end", net)

    def on_train_end(self, net, **kwargs):
        self._press("train_end", net)


def small(*callbacks, **params):
    own = {"module": nn.Linear(4, 2), "mix": None, "lr": 0.1, "batch_size": 32}
    return classifier(**(own | {"callbacks": [*callbacks]} | params))


def interrupted(model, method="fit"):
    with pytest.raises(KeyboardInterrupt, match="keeps what it has learnt"):
        getattr(model, method)(X, Y)
    return model


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("hook", "n_epochs"),
    [
        ("epoch_begin", 2),
        ("batch_begin", 2),
        ("batch_end", 2),
        ("epoch_end", 3),
        ("train_end", 5),
    ],
)
def test_finished_epochs_are_kept(hook, n_epochs, early_stopping):
    model = small(Interrupt(hook, 3), early_stopping=early_stopping)
    interrupted(model)
    assert model.interrupted_ is True
    assert model.n_iter_ == len(model.history_) == n_epochs
    assert len(model.history_[:, "train_loss"]) == n_epochs
    assert model.predict(X).shape == Y.shape
    assert not model.module_.training
    assert model.net_.run_ is None


def test_steps_of_an_unfinished_first_epoch_are_kept():
    start = nn.Linear(4, 2)
    model = interrupted(small(Interrupt("batch_end", 1), module=start))
    assert model.n_iter_ == 0
    assert not torch.equal(model.module_.weight, start.weight)


@pytest.mark.parametrize("hook", ["train_begin", "epoch_begin", "batch_begin"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_where_nothing_was_learnt_a_model_stays_as_it_was(hook, early_stopping):
    model = small(Interrupt(hook, 0), early_stopping=early_stopping)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert not hasattr(model, "net_")
    # The interrupt came once.
    before = weights_of(copy.deepcopy(model.fit(X, Y)))
    model.set_params(callbacks=[Interrupt(hook, 0)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    for now, then in zip(weights_of(model), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_whole_fit_was_not_interrupted():
    model = interrupted(small(Interrupt("batch_end", 2)))
    assert model.fit(X, Y).interrupted_ is False
    assert pickle.loads(pickle.dumps(model)).interrupted_ is False


def test_the_best_weights_so_far_come_back():
    recorder = Recorder()
    model = small(recorder, Interrupt("batch_begin", 5), max_epochs=20)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, X_val=X, y_val=1 - Y)
    best = recorder.states[int(np.argmin(model.history_[:, "valid_loss"]))]
    assert torch.equal(model.module_.weight, best["weight"])
    assert model.temperature_ > 1.0


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_further_trainings(method):
    model = small(warm_start=True).fit(X, Y)
    model.set_params(callbacks=[Interrupt("batch_end", 6)])
    interrupted(model, method)
    assert model.n_iter_ == 5
    assert getattr(model, method)(X, Y).n_iter_ == 5 + (5 if method == "fit" else 1)


def test_members_that_leave_out_folds():
    rows, y, _ = people(64)
    model = classifier(callbacks=[Interrupt("batch_begin", 3)])
    with pytest.raises(KeyboardInterrupt, match="n_iter_ is 2"):
        model.fit(rows, y)
    assert model.interrupted_
    assert model.predict_proba(rows).shape == (64, 2)


def test_the_module_may_be_where_it_strikes():
    class Net(nn.Linear):
        calls = 0

        def forward(self, x):
            if self.training:
                Net.calls += 1
                if Net.calls == 4:
                    signal.raise_signal(signal.SIGINT)
            return super().forward(x)

    assert interrupted(small(module=Net(4, 2))).n_iter_ == 1


def test_trainings_on_folds_for_a_temperature_are_left_out(monkeypatch):
    model = small(Interrupt("epoch_end", 2), calibration="temperature")
    interrupted(model)
    assert model.temperature_ == 1.0


def test_an_interrupt_in_a_training_on_a_fold_keeps_the_net_of_all_rows():
    class Net(nn.Linear):
        calls = 0

        def forward(self, x):
            if self.training:
                Net.calls += 1
                if Net.calls == 15:  # ten batches of all rows before
                    signal.raise_signal(signal.SIGINT)
            return super().forward(x)

    model = interrupted(small(module=Net(4, 2), calibration="temperature"))
    assert model.n_iter_ == 5
    assert model.temperature_ == 1.0
    assert model.interrupted_


def test_a_search_around_it_ends():
    search = GridSearchCV(small(), {"lr": [0.1, 0.2]}, cv=2)
    search.set_params(estimator__callbacks=[Interrupt("batch_end", 2)])
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
    assert not hasattr(search, "cv_results_")


def test_early_stopping_of_skorch_is_no_interrupt():
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9)
    model = small(stop, max_epochs=20).fit(X, Y)
    assert model.n_iter_ < 20
    assert model.interrupted_ is False
