"""A search that is killed and called again ends as if nothing had been."""

from unittest import mock

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup import MixupClassifier, MixupSearchCV, MixupWarning, training as engine
from tests.builders import blobs, people, same_weights
from tests.estimators.checkpoints.kills import counted_epochs, killed_at

X, Y = blobs(60)


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.first = nn.Linear(4, width)
        self.drop = nn.Dropout(0.2)
        self.last = nn.Linear(width, 2)

    def forward(self, x):
        return self.last(self.drop(torch.relu(self.first(x))))


def search(folder=None, grid=None, net=None, **params):
    own = {"max_epochs": 5, "lr": 0.01, "random_state": 0, "device": "cpu"}
    model = MixupClassifier(Net, **(own | (net or {})))
    # Two packs, of two candidates and two folds each.
    grid = grid or {"batch_size": [8, 16], "alpha": [0.1, 1.0]}
    return MixupSearchCV(model, grid, cv=2, checkpoint=folder, **params)


def scores_of(one):
    return one.cv_results_["mean_test_score"]


def assert_same_search(one, other):
    np.testing.assert_array_equal(scores_of(one), scores_of(other))
    assert one.best_params_ == other.best_params_
    assert same_weights(one.best_estimator_, other.best_estimator_)
    assert one.best_estimator_.checkpoint == other.best_estimator_.checkpoint


def packs_trained():
    return mock.patch.object(engine, "train_together", wraps=engine.train_together)


@pytest.mark.parametrize("net", [{}, {"early_stopping": True, "schedule": "cosine"}])
@pytest.mark.parametrize(("n_files", "n_packs"), [(1, 2), (2, 2), (3, 1), (4, 0)])
def test_packs_that_were_trained_are_read(n_files, n_packs, net, tmp_path):
    whole = search(net=net).fit(X, Y)
    with killed_at(n_files):
        search(tmp_path, net=net).fit(X, Y)
    again = search(tmp_path, net=net)
    with packs_trained() as trained:
        again.fit(X, Y)
    assert trained.call_count == n_packs
    assert_same_search(whole, again)


def test_a_finished_search_trains_nothing(tmp_path):
    whole = search(tmp_path).fit(X, Y)
    again = search(tmp_path)
    with packs_trained() as trained, counted_epochs() as epochs:
        again.fit(X, Y)
    assert not trained.call_count
    assert not epochs
    assert_same_search(whole, again)


def test_fits_on_their_own_go_on_too(tmp_path):
    rows, y, _ = people(60)
    net = MixupClassifier(preset="fast", max_epochs=6, random_state=0)
    grid = {"lr": [0.001, 0.01]}
    whole = MixupSearchCV(net, grid, cv=2).fit(rows, y)
    with killed_at(9):
        MixupSearchCV(net, grid, cv=2, checkpoint=tmp_path).fit(rows, y)
    again = MixupSearchCV(net, grid, cv=2, checkpoint=tmp_path).fit(rows, y)
    assert_same_search(whole, again)
    assert net.checkpoint is None


def test_a_seed_that_was_drawn_is_kept(tmp_path):
    net = {"random_state": None}
    with killed_at(3):
        search(tmp_path, net=net).fit(X, Y)
    first = search(tmp_path, net=net).fit(X, Y)
    again = search(tmp_path, net=net).fit(X, Y)
    assert first.seed_ == again.seed_
    assert_same_search(first, again)


def test_what_was_dropped_stays_dropped(tmp_path):
    net = {"early_stopping": True}
    own = {"grid": {"lr": [1e-5, 0.01, 0.1]}, "halving": {"factor": 3, "first": 2}}
    first = search(tmp_path, net=net, **own).fit(X, Y)
    with packs_trained() as trained:
        again = search(tmp_path, net=net, **own).fit(X, Y)
    assert not trained.call_count
    np.testing.assert_array_equal(first.dropped_at_, again.dropped_at_)
    assert first.dropped_at_.any()
    assert_same_search(first, again)


def test_fits_that_failed_fail_again(tmp_path):
    grid = {"lr": [0.01, 1e30]}
    own = {"grid": grid, "error_score": -1.0, "net": {"optimizer": "sgd"}}
    for _ in range(2):
        one = search(tmp_path, **own)
        with pytest.warns(Warning, match="infinite or NaN"):
            one.fit(X, Y)
        assert scores_of(one)[1] == -1.0


def test_other_rows_are_another_search(tmp_path):
    search(tmp_path).fit(X, Y)
    with packs_trained() as trained:
        search(tmp_path).fit(X + 1e-6, Y)
    assert trained.call_count == 2


def test_a_damaged_file_costs_its_pack(tmp_path):
    whole = search(tmp_path).fit(X, Y)
    path = next(tmp_path.glob("*/pack-*/finished.checkpoint"))
    path.write_bytes(path.read_bytes()[:-1])
    again = search(tmp_path)
    with packs_trained() as trained, pytest.warns(MixupWarning, match="cannot be used"):
        again.fit(X, Y)
    assert trained.call_count == 1
    assert_same_search(whole, again)


def test_the_caller_finds_global_states_as_they_were(tmp_path, unchanged_random_state):
    for _ in range(2):
        search(tmp_path).fit(X, Y)


def test_checkpoint_is_a_path():
    with pytest.raises(TypeError, match="checkpoint must be None or the path"):
        search(3).fit(X, Y)
