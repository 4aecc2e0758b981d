"""Sweeps of the default net for tables: in processes where that pays."""

from concurrent.futures import BrokenExecutor

import joblib
import numpy as np
import pytest
import torch
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from skorch.callbacks import Callback

from sk_mixup import MixupSearchCV, MixupWarning
from sk_mixup.model_selection import _folds, _members, _processes
from sk_mixup.model_selection._members import Member, SweepData
from tests.builders import assert_same_weights, classifier, people

GRID = {"alpha": [0, 0.4]}
X, Y, _ = people(100)


@pytest.fixture
def eager(monkeypatch):
    """Let two threads be had, and processes cost nothing to start."""
    monkeypatch.setattr(_processes, "_START_SECONDS", 0.0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(torch, "set_num_threads", lambda n_threads: None)
    monkeypatch.setattr(_processes.os, "cpu_count", lambda: 2)
    return monkeypatch


@pytest.fixture
def here(eager):
    """Run what would run in processes in this one; return what was run."""
    ran = []

    class Here:
        def __init__(self, n_jobs, **settings):
            ran.append(n_jobs)

        def __call__(self, calls):
            for function, args, kwargs in calls:
                yield function(*args, **kwargs)

    eager.setattr(_processes, "Parallel", Here)
    eager.setattr(_processes, "delayed", joblib.delayed)
    return ran


def test_fits_in_processes_are_those_of_a_grid_search(eager):
    settings = {"cv": 2, "scoring": "neg_log_loss", "refit": False}
    theirs = GridSearchCV(classifier(), GRID, **settings).fit(X, Y)
    ours = MixupSearchCV(classifier(), GRID, **settings).fit(X, Y)
    for key, value in theirs.cv_results_.items():
        if key.endswith("test_score"):
            np.testing.assert_array_equal(ours.cv_results_[key], value)
    assert not ours.interrupted_
    assert (ours.cv_results_["mean_fit_time"] > 0).all()


def test_what_is_fitted_there_is_what_is_fitted_here(here):
    cv = StratifiedKFold(2)
    search = MixupSearchCV(classifier(), GRID, cv=cv, ensemble="mean").fit(X, Y)
    assert here == [2]
    net, folds = classifier(**search.best_params_), search.best_estimator_.estimators
    train = next(iter(cv.split(X, Y)))[0]
    assert_same_weights(folds[0], net.fit(X.iloc[train], Y[train]))
    assert not any("_outputs" in vars(one) for one in folds)


def test_what_a_net_has_said_of_rows_is_not_taken_for_what_it_says_of_others():
    model = classifier(module="mlp").fit(X, Y)
    expected = model.predict_proba(X[:9]), model.predict_proba(X[9:])
    vars(model)["_outputs"] = _processes.KnownOutputs(
        model, X[:9], model._outputs(X[:9])
    )
    np.testing.assert_array_equal(model.predict_proba(X[:9].copy()), expected[0])
    np.testing.assert_array_equal(model.predict_proba(X[9:]), expected[1])
    _processes.KnownOutputs.forget([model])
    assert "_outputs" not in vars(model)


def test_a_search_says_how_it_runs(here, capsys):
    MixupSearchCV(classifier(), GRID, cv=2, refit=False, verbose=1).fit(X, Y)
    assert "4 fits of nets whose members leave out folds run in 2 processes" in (
        capsys.readouterr().out
    )


class Watching(Callback):
    """A callback that somebody here may know of."""


@pytest.mark.parametrize(
    ("search", "net"),
    [
        ({"n_jobs": 1}, {}),
        ({}, {"callbacks": [Watching()]}),
        ({}, {"early_stopping": False}),
        ({}, {"device": "meta"}),
    ],
    ids=["n_jobs", "callbacks", "no folds", "device"],
)
def test_nobody_starts_processes_that_were_not_wanted(here, search, net):
    try:
        MixupSearchCV(
            classifier(**net), GRID, cv=2, refit=False, error_score="raise", **search
        ).fit(X, Y)
    except (NotImplementedError, RuntimeError, ValueError):
        assert "device" in net
    assert not here


def test_a_context_of_joblib_decides(here):
    with joblib.parallel_config("threading", n_jobs=2):
        MixupSearchCV(classifier(), GRID, cv=2, refit=False).fit(X, Y)
    assert not here


def test_few_fits_of_few_rows_stay_here(here):
    here_again = pytest.MonkeyPatch()
    here_again.setattr(_processes, "_START_SECONDS", 4.0)
    try:
        MixupSearchCV(classifier(), GRID, cv=2, refit=False).fit(X, Y)
    finally:
        here_again.undo()
    assert not here


def test_a_table_is_read_once_per_fold_and_while_others_train(here, monkeypatch):
    order = []
    read, fit = _folds.read, _processes._fit
    monkeypatch.setattr(
        _folds, "read", lambda *a, **k: order.append("read") or read(*a, **k)
    )
    monkeypatch.setattr(_processes, "_fit", lambda *a: order.append("fit") or fit(*a))
    MixupSearchCV(classifier(), GRID, cv=2, refit=False).fit(X, Y)
    assert order == ["read", "fit", "read", "fit", "fit", "fit"]


def test_a_fit_is_scored_while_others_train(here, monkeypatch):
    order = []
    fit = _processes._fit
    monkeypatch.setattr(_processes, "_fit", lambda *a: order.append("fit") or fit(*a))

    def score(model, X, y):
        order.append("score")
        return model.score(X, y)

    search = MixupSearchCV(classifier(), GRID, cv=2, scoring=score, refit=False)
    search.fit(X, Y)
    assert order == ["fit", "score"] * 4
    assert (search.cv_results_["mean_fit_time"] > 0).all()


def test_a_fold_that_cannot_be_read_is_one_score(here, monkeypatch):
    read = _folds.read

    def strange(settings, rows, **params):
        if rows.X.index[0] == 0:
            raise ValueError("strange rows")
        return read(settings, rows, **params)

    monkeypatch.setattr(_folds, "read", strange)
    with (
        pytest.warns(FitFailedWarning, match="strange rows"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search = MixupSearchCV(classifier(), GRID, cv=KFold(2), refit=False).fit(X, Y)
    assert np.isfinite(search.cv_results_["split0_test_score"]).all()
    assert np.isnan(search.cv_results_["split1_test_score"]).all()


def test_nets_that_leave_out_folds_are_not_built_to_find_that_out(monkeypatch):
    monkeypatch.setattr(_members, "prepare", None)
    with joblib.parallel_config("threading", n_jobs=2):
        MixupSearchCV(classifier(), GRID, cv=2, refit=False).fit(X, Y)


def test_a_fit_that_fails_harms_no_other(here):
    grid = {"lr": [0.001, 1e30]}
    with (
        pytest.warns(FitFailedWarning, match="FloatingPointError"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search = MixupSearchCV(classifier(), grid, cv=2).fit(X, Y)
    assert here == [2]
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]


def pressing(at, error=KeyboardInterrupt):
    """Return a pool of nobody, which breaks before one of the calls."""

    class Pressed:
        def __init__(self, n_jobs, **settings):
            pass

        def __call__(self, calls):
            for number, (function, args, kwargs) in enumerate(calls):
                if number == at:
                    raise error
                yield function(*args, **kwargs)

    return Pressed


def test_ctrl_c_keeps_the_fits_that_are_finished(here, eager):
    eager.setattr(_processes, "Parallel", pressing(3))
    with (
        pytest.warns(MixupWarning, match="interrupted: 3 of 4 fits are finished"),
        pytest.warns(FitFailedWarning, match="InterruptedFit"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search = MixupSearchCV(classifier(), GRID, cv=2).fit(X, Y)
    assert search.interrupted_
    assert np.isnan(search.cv_results_["split1_test_score"]).tolist() == [False, True]
    assert search.predict(X).shape == (100,)


def test_fits_of_a_process_that_is_lost_run_here(here, eager):
    settings = {"cv": 2, "refit": False}
    theirs = GridSearchCV(classifier(), GRID, **settings).fit(X, Y)
    eager.setattr(_processes, "Parallel", pressing(1, BrokenExecutor))
    with pytest.warns(MixupWarning, match=r"lost.*BrokenExecutor"):
        ours = MixupSearchCV(classifier(), GRID, **settings).fit(X, Y)
    np.testing.assert_array_equal(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize(("at", "error_score"), [(0, np.nan), (2, "raise")])
def test_ctrl_c_is_raised_where_nothing_is_to_be_kept(here, eager, at, error_score):
    eager.setattr(_processes, "Parallel", pressing(at))
    with pytest.raises(KeyboardInterrupt):
        MixupSearchCV(classifier(), GRID, cv=2, error_score=error_score).fit(X, Y)


def test_more_rows_and_more_fits_call_for_processes(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(_processes.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(_processes, "_can_travel", lambda member: True)

    def count(n_fits, n_rows):
        members = [Member(0, k, read=object) for k in range(n_fits)]
        splits = [(range(n_rows), ())] * n_fits
        return _processes.count_processes(members, SweepData(X, Y, splits, {}))

    assert count(4, 100) == count(1, 50_000) == count(0, 0) == 1
    assert count(45, 1_000) == 4
    assert count(2, 50_000) == 2


def test_candidates_of_other_members_are_read_by_themselves():
    settings = {"cv": 2, "refit": False, "scoring": "neg_log_loss"}
    grid = {"module__shares_weights": [True, False]}
    theirs = GridSearchCV(classifier(), grid, **settings).fit(X, Y)
    ours = MixupSearchCV(classifier(), grid, **settings).fit(X, Y)
    # Those that share weights train in a pack, whose dropout masks are drawn for all.
    for split in range(2):
        key = f"split{split}_test_score"
        assert ours.cv_results_[key][1] == theirs.cv_results_[key][1]
