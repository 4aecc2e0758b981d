"""Out-of-fold predictions, and the trained nets as one model."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, FitFailedWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
)

from sk_mixup import MixupSearchCV, MixupWarning, training
from sk_mixup.estimators._training import Training
from sk_mixup.model_selection import FoldEnsembleClassifier, FoldEnsembleRegressor
from sk_mixup.model_selection._ensemble import ensemble_loss, greedy_weights
from sk_mixup.model_selection._substitute import Ticket
from tests.builders import blobs, people
from tests.model_selection.nets import Recurrent, classifier, regressor

GRID = {"alpha": [0, 1.0]}

pytestmark = pytest.mark.usefixtures("one_by_one")


# --- out-of-fold predictions ---------------------------------------------------------


def test_out_of_fold_predictions_are_those_of_separate_fits():
    X, y = blobs(60, n_classes=3)
    names = np.array(["a", "b", "c"])[y]
    cv = StratifiedKFold(3)
    search = MixupSearchCV(classifier(), GRID, cv=cv, store_oof=True).fit(X, names)
    assert search.oof_predictions_.shape == (2, 60, 3)
    assert search.oof_classes_.tolist() == ["a", "b", "c"]
    assert search.oof_targets_ is names
    for found, params in zip(
        search.oof_predictions_, search.cv_results_["params"], strict=True
    ):
        alone = cross_val_predict(
            classifier(**params), X, names, cv=cv, method="predict_proba"
        )
        np.testing.assert_allclose(found, alone, atol=1e-7)


def test_rows_are_averaged_where_tested_twice_and_nan_where_never():
    X, y = blobs(40)
    cv = ShuffleSplit(3, test_size=0.4, random_state=0)
    search = MixupSearchCV(classifier(), GRID, cv=cv, store_oof=True).fit(X, y)
    tested = np.bincount(np.concatenate([test for _, test in cv.split(X)]))
    known = ~np.isnan(search.oof_predictions_).any(axis=2)
    np.testing.assert_array_equal(known, [tested > 0, tested > 0])
    assert (tested == 0).any()
    np.testing.assert_allclose(search.oof_predictions_[:, tested > 0].sum(axis=2), 1)


def test_a_class_that_a_fold_lacks_has_probability_zero():
    X, y = blobs(60, n_classes=3)
    order = np.argsort(y, kind="stable")
    search = MixupSearchCV(classifier(), GRID, cv=KFold(3), store_oof=True)
    search.fit(X[order], y[order])
    assert (search.oof_predictions_[:, :20, 0] == 0).all()


def test_numbers_and_several_labels():
    X, _, income = people(40)
    search = MixupSearchCV(regressor(), GRID, cv=2, store_oof=True).fit(X, income)
    assert search.oof_predictions_.shape == (2, 40)
    assert search.oof_classes_ is None
    X, y = blobs(40)
    labels = np.stack([y, 1 - y, y], axis=1)
    search = MixupSearchCV(classifier(), GRID, cv=2, store_oof=True, ensemble="greedy")
    search.fit(X, labels)
    assert search.oof_predictions_.shape == (2, 40, 3)
    assert search.predict(X).shape == (40, 3)


def test_several_outputs_of_classes_are_refused_before_training():
    X, y = blobs(40, n_classes=3)
    y = np.stack([y, y], axis=1)
    for settings in ({"store_oof": True}, {"ensemble": "mean"}):
        with pytest.raises(ValueError, match="several outputs of classes"):
            MixupSearchCV(classifier(), GRID, cv=2, **settings).fit(X, y)


def test_failed_fits_have_no_predictions():
    X, y = blobs(40)
    search = MixupSearchCV(
        classifier(), {"alpha": [0.2, -1]}, cv=2, store_oof=True, error_score=-1
    )
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        search.fit(X, y)
    assert np.isnan(search.oof_predictions_[1]).all()
    assert np.isfinite(search.oof_predictions_[0]).all()


# --- ensembles -----------------------------------------------------------------------


def test_the_mean_of_the_folds_of_the_best_candidate():
    X, y = blobs(60, n_classes=3)
    search = MixupSearchCV(classifier(), GRID, cv=3, ensemble="mean").fit(X, y)
    plain = GridSearchCV(classifier(), GRID, cv=3).fit(X, y)
    assert search.best_index_ == plain.best_index_
    model = search.best_estimator_
    assert isinstance(model, FoldEnsembleClassifier)
    folds = [
        classifier(**search.best_params_).fit(X[train], y[train]).predict_proba(X)
        for train, _ in StratifiedKFold(3).split(X, y)
    ]
    np.testing.assert_allclose(search.predict_proba(X), np.mean(folds, axis=0))
    np.testing.assert_array_equal(
        search.predict(X), search.predict_proba(X).argmax(axis=1)
    )
    assert search.score(X, y) == (search.predict(X) == y).mean()
    assert search.classes_.tolist() == [0, 1, 2]
    assert search.n_features_in_ == 4
    assert search.ensemble_weights_[search.best_index_] == 1


def test_nothing_is_trained_again(monkeypatch):
    X, y = blobs(40)
    search = MixupSearchCV(classifier(), GRID, cv=2, ensemble="mean")
    fits = []
    monkeypatch.setattr(Training, "go", lambda self: fits.append(self))
    search.fit(X, y)
    assert not fits


def test_a_greedy_ensemble_is_no_worse_out_of_fold_than_the_best_candidate():
    X, y = blobs(80, n_classes=3)
    search = MixupSearchCV(
        classifier(), {"alpha": [0, 0.2, 1]}, cv=2, ensemble="greedy", store_oof=True
    ).fit(X, y)
    weights = search.ensemble_weights_
    assert weights.sum() == pytest.approx(1)
    together = np.tensordot(weights, search.oof_predictions_, 1)
    alone = [log_loss(y, proba) for proba in search.oof_predictions_]
    assert log_loss(y, together) <= min(alone) + 1e-12
    assert len(search.best_estimator_.estimators) == 2 * (weights > 0).sum()
    np.testing.assert_allclose(search.predict_proba(X).sum(axis=1), 1)


def test_an_ensemble_of_regressors_of_a_table():
    X, _, income = people(40)
    search = MixupSearchCV(regressor(), GRID, cv=2, ensemble="greedy").fit(X, income)
    assert isinstance(search.best_estimator_, FoldEnsembleRegressor)
    assert search.predict(X.head(3)).shape == (3,)
    assert search.feature_names_in_.tolist() == list(X)


def test_an_ensemble_survives_pickling():
    X, y = blobs(40)
    search = MixupSearchCV(classifier(), GRID, cv=2, ensemble="mean").fit(X, y)
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict_proba(X), search.predict_proba(X))
    with pytest.raises(TypeError, match="fit the search again"):
        clone(search.best_estimator_, safe=False).fit(X, y)


def test_fits_that_run_alone_are_members_too(monkeypatch):
    monkeypatch.setattr(training, "unfusable_reason", lambda member: "it is so")
    X, y = blobs(40)
    with pytest.warns(MixupWarning, match="it is so"):
        search = MixupSearchCV(
            classifier(module=Recurrent), GRID, cv=2, ensemble="mean", store_oof=True
        ).fit(X, y)
    assert len(search.best_estimator_.estimators) == 2
    assert np.isfinite(search.oof_predictions_).all()
    assert (search.cv_results_["mean_fit_time"] > 0).all()


def test_an_ensemble_takes_the_place_of_the_refit():
    X, y = blobs(40)
    with pytest.raises(ValueError, match="ensemble='mean' takes the place"):
        MixupSearchCV(classifier(), GRID, ensemble="mean", refit=False).fit(X, y)
    with pytest.raises(ValueError, match="'ensemble' parameter of MixupSearchCV"):
        MixupSearchCV(classifier(), GRID, ensemble="median").fit(X, y)


# --- parts ---------------------------------------------------------------------------


def test_greedy_weights_find_the_mix_that_is_right():
    y = np.array([0.0, 1.0, 2.0, 3.0])
    predicted = np.stack([y + 1, y - 1, np.full(4, np.nan), y + 9])
    weights = greedy_weights(predicted, ensemble_loss(y, None))
    assert weights.tolist() == [0.5, 0.5, 0, 0]
    with pytest.raises(ValueError, match="no candidate"):
        greedy_weights(predicted[2:3], ensemble_loss(y, None))


def test_losses_of_labels_and_shares():
    classes = np.array(["no", "yes"])
    p = np.array([[0.25, 0.75], [0.5, 0.5]])
    rows = np.array([True, True])
    hard = ensemble_loss(np.array(["yes", "no"]), classes)
    assert hard(p, rows) == pytest.approx(log_loss([1, 0], p))
    soft = ensemble_loss(np.array([[0.1, 0.9], [1.0, 0.0]]), classes)
    assert soft(p, rows) == pytest.approx(
        -np.mean([0.1 * np.log(0.25) + 0.9 * np.log(0.75), np.log(0.5)])
    )


def test_a_ticket_travels_to_another_process():
    X, y = blobs(40)
    ticket = pickle.loads(pickle.dumps(Ticket(classifier().fit(X, y))))
    model = ticket.set_params(alpha=0.2)
    assert model.fit(X, y) is model
    assert "fit" not in vars(model)
    assert model.predict(X).shape == (40,)


@pytest.mark.parametrize("form", ["array", "frame", "text"])
def test_a_column_of_classes_is_picked_by_as_a_row_of_them(form):
    X, y = blobs(60)
    given = {
        "array": y[:, None],
        "frame": pd.DataFrame({"target": y}),
        "text": pd.DataFrame({"target": np.array(["no", "yes"])[y]}),
    }[form]
    search = MixupSearchCV(classifier(), {"lr": [1e-5, 1e-2]}, cv=2, ensemble="greedy")
    wanted = clone(search).fit(X, y).ensemble_weights_
    with pytest.warns(DataConversionWarning):
        found = search.fit(X, given).ensemble_weights_
    np.testing.assert_array_equal(found, wanted)


def test_a_column_of_numbers_is_compared_row_by_row():
    y = np.array([0.0, 1.0, 2.0])
    loss = ensemble_loss(y[:, None], None)
    rows = np.array([True, True, True])
    assert loss(y + 1.0, rows) == 1.0
    assert loss(y[:, None] + 1.0, rows) == 1.0
