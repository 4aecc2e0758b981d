"""Packs that other processes train: as in this one, and again where one is lost."""

import os
import signal

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from torch import nn

from sk_mixup import MixupSearchCV
from sk_mixup.exceptions import MixupWarning
from sk_mixup.model_selection import _elsewhere
from tests.builders import blobs, classifier

X, Y = blobs(90, n_classes=3)
GRID = {"alpha": [0, 0.2, 0.5]}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x):
        return self.layers(x)


class Notes(TransformerMixin, BaseEstimator):
    """Notes the process that it is fitted in; ends the first other one, if told so."""

    def __init__(self, folder, spares=None):
        self.folder, self.spares = folder, spares

    def fit(self, X, y=None):
        deaths = self.folder / "deaths"
        kills = self.spares is not None and os.getpid() != self.spares
        if kills and not deaths.exists():
            deaths.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (self.folder / str(os.getpid())).touch()
        return self

    def transform(self, X):
        return X


def search(net=None, **params):
    own = {"cv": 2, "scoring": "neg_log_loss", "refit": False}
    estimator = classifier(module=Net, early_stopping=False) if net is None else net
    return MixupSearchCV(estimator, GRID, **(own | params))


def in_pipeline(folder, **params):
    net = classifier(module=Net, early_stopping=False)
    return make_pipeline(Notes(folder, **params), net)


def scores(fitted):
    return fitted.cv_results_["mean_test_score"]


@pytest.fixture
def two_processes():
    with joblib.parallel_config(backend="loky", n_jobs=2):
        yield


@pytest.fixture
def one_thread(monkeypatch):
    # As it is where there are more processes than threads.
    monkeypatch.setattr(_elsewhere.torch, "get_num_threads", lambda: 1)


def named(grid):
    return {f"mixupclassifier__{name}": values for name, values in grid.items()}


@pytest.mark.usefixtures("two_processes", "one_thread")
def test_other_processes_find_what_this_one_finds(tmp_path):
    pipeline = in_pipeline(tmp_path)
    found = MixupSearchCV(pipeline, named(GRID), cv=2, scoring="neg_log_loss")
    found.fit(X, Y)
    here = MixupSearchCV(
        classifier(module=Net, early_stopping=False), GRID, cv=2, scoring="neg_log_loss"
    )
    with joblib.parallel_config(backend="sequential"):
        here.fit(X, Y)
    np.testing.assert_allclose(scores(found), scores(here), rtol=1e-5)
    workers = {int(path.name) for path in tmp_path.iterdir()} - {os.getpid()}
    assert workers
    assert found.best_estimator_.predict(X).shape == Y.shape


@pytest.mark.slow
@pytest.mark.usefixtures("two_processes", "one_thread")
def test_packs_of_a_lost_process_are_sent_again(tmp_path, capsys):
    found = MixupSearchCV(
        in_pipeline(tmp_path, spares=os.getpid()),
        named(GRID),
        cv=2,
        refit=False,
        verbose=1,
    )
    found.fit(X, Y)
    assert np.isfinite(scores(found)).all()
    assert (tmp_path / "deaths").exists()
    assert "a worker was lost" in capsys.readouterr().out


@pytest.mark.usefixtures("one_thread")
def test_where_all_are_lost_this_process_trains(monkeypatch):
    class Lost:
        def __init__(self, **params):
            pass

        def __call__(self, calls):
            raise RuntimeError("no worker left")

    monkeypatch.setattr(_elsewhere, "Parallel", Lost)
    with pytest.warns(MixupWarning, match=r"lost 3 times.*no worker left"):
        found = search(n_jobs=2).fit(X, Y)
    assert np.isfinite(scores(found)).all()


def test_a_fit_that_fails_in_a_worker_is_one_score(tmp_path):
    members = _elsewhere.train_part(
        X,
        Y,
        classifier(module=Net),
        {0: {"alpha": 0.2}, 2: {"alpha": -1.0}},
        {1: (np.arange(60), np.arange(60, 90))},
        {},
        [(0, 1), (2, 1)],
        0,
        None,
    )
    good, bad = members
    assert good.is_fitted
    assert (bad.candidate, bad.split) == (2, 1)
    assert "alpha" in str(bad.error)


def test_nets_that_gain_nothing_together_are_left_to_processes(monkeypatch, capsys):
    monkeypatch.setattr("sk_mixup.training.packing._crew._HEAVY_BYTES", 0)
    monkeypatch.setattr(
        "sk_mixup.training.packing._crew.is_by_hand", lambda member: False
    )
    search(n_jobs=2, verbose=1, pre_dispatch=1).fit(X, Y)
    said = capsys.readouterr().out
    assert said.count("gain nothing by being trained together") == 1


def test_without_other_processes_packs_stay_here():
    assert _elsewhere.workers_of(None) == 0
    with joblib.parallel_config(backend="threading", n_jobs=4):
        assert _elsewhere.workers_of(None) == 0
