"""The trainings of a search, run together, against separate fits."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.utils import get_tags
from skorch.callbacks import Callback

from sk_mixup import MixupSearchCV, MixupWarning, training
from sk_mixup.inputs import TableInput
from tests.builders import blobs, classifier, people, regressor
from tests.model_selection.nets import Normed, Recurrent, Small
from tests.model_selection.test_like_grid_search import both

GRID = {"alpha": [0, 0.2, 1.0]}


@pytest.fixture
def packs(monkeypatch):
    """Return the sizes of the packs that are trained, in their order."""
    sizes = []
    real = training.train_together

    def train_together(members, **settings):
        sizes.append(len(members))
        return real(members, **settings)

    monkeypatch.setattr(training, "train_together", train_together)
    return sizes


def net(module=Small, **settings):
    return classifier(**({"module": module, "early_stopping": False} | settings))


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (net(), GRID),
        (net(Normed), GRID),
        (net(), {"alpha": [0.2], "lr": [0.01, 0.1], "optimizer__weight_decay": [0, 1]}),
        (net(early_stopping=True, max_epochs=12, n_iter_no_change=2, lr=0.1), GRID),
        (net(), {"mix": ["reg_mixup", None]}),
        (net(), {"class_weight": [None, {0: 1, 1: 5}]}),
        (net(), {"random_state": [0, 1]}),
    ],
    ids=["MLP", "BatchNorm", "rates", "stopping", "methods", "weights", "seeds"],
)
def test_every_fold_of_every_candidate_equals_its_own_fit(estimator, grid, packs):
    X, y = blobs(61)
    weight = np.linspace(0.5, 2, 61)
    settings = {"cv": 3, "scoring": "neg_log_loss"}
    given = {"sample_weight": weight}
    ours, theirs = both(estimator, grid, X, y, given, **settings)
    assert packs, "nothing was trained together"
    for key, value in theirs.cv_results_.items():
        if key.endswith("test_score") and not key.startswith("rank"):
            np.testing.assert_allclose(ours.cv_results_[key], value, atol=2e-5)


def test_all_folds_and_alphas_are_one_training(packs):
    X, y = blobs(60)
    MixupSearchCV(net(), GRID, cv=5).fit(X, y)
    assert packs == [15]


def test_what_differs_in_its_program_forms_packs(packs):
    X, y = blobs(60)
    grid = {"module__width": [4, 8], "alpha": [0, 0.2], "batch_size": [16, 32]}
    MixupSearchCV(net(), grid, cv=2).fit(X, y)
    assert packs == [4, 4, 4, 4]


def test_a_pack_that_does_not_fit_is_split():
    X, y = blobs(60)
    whole = MixupSearchCV(net(), GRID, cv=2, scoring="neg_log_loss").fit(X, y)
    split = MixupSearchCV(
        net(), GRID, cv=2, scoring="neg_log_loss", memory_limit=1
    ).fit(X, y)
    np.testing.assert_allclose(
        split.cv_results_["mean_test_score"],
        whole.cv_results_["mean_test_score"],
        atol=1e-5,
    )


@pytest.mark.parametrize("limit", [0, -5, "1 GB", True])
def test_a_bad_memory_limit_is_refused(limit):
    X, y = blobs(40)
    with pytest.raises(ValueError, match="memory_limit must be None or a positive"):
        MixupSearchCV(net(), GRID, memory_limit=limit).fit(X, y)


def test_what_cannot_train_together_is_fitted_alone_and_said_once(packs):
    X, y = blobs(40)
    grid = {"module": [Small, Recurrent]}
    with pytest.warns(MixupWarning, match="2 of 4 fits .*Recurrent") as caught:
        ours = MixupSearchCV(net(), grid, cv=2).fit(X, y)
    assert len(caught) == 1
    assert packs == [2]
    theirs = GridSearchCV(net(), grid, cv=2).fit(X, y)
    np.testing.assert_array_equal(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )


def test_a_member_that_diverges_harms_no_other():
    X, y = blobs(40)
    grid = {"lr": [0.01, 1e30]}
    search = MixupSearchCV(net(), grid, cv=2, error_score=-99, scoring="neg_log_loss")
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        search.fit(X, y)
    alone = GridSearchCV(net(), {"lr": [0.01]}, cv=2, scoring="neg_log_loss").fit(X, y)
    assert search.cv_results_["mean_test_score"][1] == -99
    assert search.best_score_ == pytest.approx(alone.best_score_, abs=1e-5)


def test_a_table_is_encoded_once_per_fold(monkeypatch):
    calls = []
    real = TableInput.fit_transform
    monkeypatch.setattr(
        TableInput, "fit_transform", lambda self, X: calls.append(1) or real(self, X)
    )
    X, y, _ = people(60)
    MixupSearchCV(classifier(module="tabm"), GRID, cv=3, refit=False).fit(X, y)
    assert len(calls) == 3
    calls.clear()
    grid = GRID | {"class_weight": [None, "balanced"]}
    MixupSearchCV(classifier(module="tabm"), grid, cv=3, refit=False).fit(X, y)
    assert len(calls) == 6


def test_regression_trains_together(packs):
    X, _ = blobs(60)
    y = X[:, 0] * 3 + 1
    estimator = regressor(module=Small, module__n_outputs=1, early_stopping=False)
    ours, theirs = both(estimator, GRID, X, y, cv=KFold(4))
    assert packs == [12]
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"],
        theirs.cv_results_["mean_test_score"],
        atol=1e-4,
    )


@pytest.mark.usefixtures("unchanged_random_state")
def test_no_global_random_state_moves():
    X, y = blobs(40)
    MixupSearchCV(net(random_state=None), GRID, cv=2).fit(X, y)


# --- Ctrl-C --------------------------------------------------------------------------


def interrupted_at(monkeypatch, epoch_of_call):
    """Press Ctrl-C within the epoch after the one given, in the first pack."""
    real = training.train_together

    def train_together(members, *, after_epoch, **settings):
        def hook(epoch, losses, active):
            stopped = after_epoch(epoch, losses, active)
            if epoch == epoch_of_call:
                raise KeyboardInterrupt
            return stopped

        return real(members, after_epoch=hook, **settings)

    monkeypatch.setattr(training, "train_together", train_together)


def test_ctrl_c_keeps_what_is_finished(monkeypatch):
    X, y = blobs(40)
    grid = [{"max_epochs": [5], "alpha": [0, 0.2]}, {"max_epochs": [50]}]
    interrupted_at(monkeypatch, epoch_of_call=20)
    with (
        pytest.warns(MixupWarning, match="interrupted: 4 of 6 fits are finished"),
        pytest.warns(FitFailedWarning, match="InterruptedFit"),
        pytest.warns(UserWarning, match="scores are non-finite"),
    ):
        search = MixupSearchCV(net(), grid, cv=2).fit(X, y)
    assert search.interrupted_
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores).tolist() == [False, False, True]
    assert search.best_params_["max_epochs"] == 5
    assert search.predict(X).shape == (40,)


def test_ctrl_c_before_anything_is_finished_is_raised(monkeypatch):
    X, y = blobs(40)
    interrupted_at(monkeypatch, epoch_of_call=1)
    with pytest.raises(KeyboardInterrupt):
        MixupSearchCV(net(), GRID, cv=2).fit(X, y)


class PressesCtrlC(Callback):
    """In the second of the fits that it is told of."""

    fits = 0

    def on_train_end(self, net, **kwargs):
        PressesCtrlC.fits += 1
        if PressesCtrlC.fits == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("store_oof", [False, True])
def test_ctrl_c_in_a_fit_that_runs_alone_keeps_what_is_finished(monkeypatch, store_oof):
    X, y = blobs(40)
    monkeypatch.setattr(PressesCtrlC, "fits", 0)
    grid = [{"alpha": [0, 0.2]}, {"callbacks": [[PressesCtrlC()]]}]
    with (
        pytest.warns(MixupWarning, match="cannot be trained|callbacks"),
        pytest.warns(MixupWarning, match="interrupted: 5 fits are finished"),
        pytest.warns(FitFailedWarning, match="InterruptedFit"),
        pytest.warns(UserWarning, match="scores are non-finite"),
    ):
        search = MixupSearchCV(net(), grid, cv=2, store_oof=store_oof).fit(X, y)
    assert search.interrupted_
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist()[-1]
    assert np.isfinite(search.cv_results_["mean_test_score"][:2]).all()


def test_ctrl_c_is_raised_where_errors_are(monkeypatch):
    X, y = blobs(40)
    grid = {"max_epochs": [5, 50]}
    interrupted_at(monkeypatch, epoch_of_call=20)
    with pytest.raises(KeyboardInterrupt):
        MixupSearchCV(net(), grid, cv=2, error_score="raise").fit(X, y)


def test_progress_goes_to_stderr(monkeypatch, capsys):
    from sk_mixup.model_selection import _watch

    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(_watch.time, "perf_counter", lambda: float(next(clock)))
    X, y = blobs(40)
    MixupSearchCV(net(), GRID, cv=2, verbose=1, refit=False).fit(X, y)
    out, err = capsys.readouterr()
    assert out == "Fitting 2 folds for each of 3 candidates, totalling 6 fits\n"
    assert "pack 1 of 1: epoch 5 of 5, 6 fits at once; at most 0 s left" in err


def test_fitted_nets_are_plain(packs):
    X, y = blobs(40)
    search = MixupSearchCV(net(), GRID, cv=2, ensemble="mean").fit(X, y)
    one = search.best_estimator_.estimators[0]
    alone = net().fit(X, y)
    assert vars(one).keys() == vars(alone).keys()
    assert not one.module_.training
    assert one.n_iter_ == 5
    assert {name for name, _ in one.net_.callbacks_} == {
        name for name, _ in alone.net_.callbacks_
    }
    assert one.net_.train_split == alone.net_.train_split
    assert get_tags(search).estimator_type == "classifier"
    assert torch.is_grad_enabled()
