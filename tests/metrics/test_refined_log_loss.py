"""Log-loss after the best temperature, and the scorer of it."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mixup.metrics import refined_log_loss, refined_log_loss_scorer
from tests.builders import scaled_logits


def draw(n_rows=2000, n_classes=3, scale=1.0, seed=0):
    logits, y = scaled_logits(n_rows, n_classes, scale, seed)
    return y, softmax(logits, 1)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_a_scale_of_the_logits_does_not_count(n_classes, scale):
    y, right = draw(n_classes=n_classes)
    _, wrong = draw(n_classes=n_classes, scale=scale)
    refined = refined_log_loss(y, wrong)
    assert refined == pytest.approx(refined_log_loss(y, right), abs=1e-4)
    assert refined == pytest.approx(log_loss(y, right), abs=5e-3)
    assert log_loss(y, wrong) > 1.1 * refined


def test_it_is_at_most_log_loss():
    for seed in range(20):
        y, proba = draw(20, 2, scale=np.exp(seed / 5 - 2), seed=seed)
        loss = log_loss(y, proba, labels=[0, 1])
        assert refined_log_loss(y, proba, labels=[0, 1]) <= loss + 1e-12


def test_two_classes_may_come_as_one_column():
    y, proba = draw(n_classes=2, scale=2.0)
    assert refined_log_loss(y, proba[:, 1]) == pytest.approx(refined_log_loss(y, proba))


def test_labels_say_which_column_is_whose():
    y, proba = draw(scale=2.0)
    names = np.array(["c", "a", "b"])
    expected = refined_log_loss(y, proba)
    assert refined_log_loss(names[y], proba, labels=names) == pytest.approx(expected)
    sorted_columns = proba[:, np.argsort(names)]
    assert refined_log_loss(names[y], sorted_columns) == pytest.approx(expected)
    few = y < 2
    assert refined_log_loss(y[few], proba[few], labels=[0, 1, 2]) > 0


def test_weights_are_numbers_of_equal_rows():
    y, proba = draw(500, scale=2.0)
    times = 1 + np.arange(500) % 3
    loss = refined_log_loss(y, proba, sample_weight=times)
    repeated = refined_log_loss(np.repeat(y, times), np.repeat(proba, times, axis=0))
    assert loss == pytest.approx(repeated, abs=1e-4)


def test_zeros_cost_what_they_cost_in_log_loss():
    proba = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert np.isfinite(refined_log_loss([0, 1, 1], proba))
    assert refined_log_loss([0, 0, 1], proba) == pytest.approx(0, abs=1e-12)


def test_soft_labels_are_rows_that_sum_to_one():
    y, proba = draw(scale=2.0)
    assert refined_log_loss(np.eye(3)[y], proba) == pytest.approx(
        refined_log_loss(y, proba)
    )
    soft = pd.DataFrame(0.8 * np.eye(3)[y] + 0.2 / 3)
    assert refined_log_loss(soft, proba) > refined_log_loss(y, proba)


def test_several_labels_share_a_temperature():
    y, proba = draw(n_classes=2, scale=3.0)
    other, other_proba = draw(n_classes=2, scale=3.0, seed=1)
    both = np.stack([y, other], 1)
    probas = np.stack([proba[:, 1], other_proba[:, 1]], 1)
    joined = refined_log_loss(np.r_[y, other], np.r_[proba[:, 1], other_proba[:, 1]])
    assert refined_log_loss(both, probas) == pytest.approx(joined)
    halves = refined_log_loss(both, probas, cross_fit=True)
    assert halves == pytest.approx(joined, abs=5e-3)


def test_several_outputs_have_a_temperature_each():
    y, proba = draw(scale=3.0)
    other, other_proba = draw(n_classes=2, scale=0.3, seed=1)
    loss = refined_log_loss(np.stack([y, other], 1), [proba, other_proba])
    mean = (refined_log_loss(y, proba) + refined_log_loss(other, other_proba)) / 2
    assert loss == pytest.approx(mean)


def test_cross_fitting_pays_for_the_temperature():
    """On few rows the same rows flatter, by about half a nat in all."""
    gain, price = [], []
    for seed in range(60):
        y, proba = draw(60, 3, seed=seed)
        plain = log_loss(y, proba, labels=[0, 1, 2])
        known = {"labels": [0, 1, 2]}
        gain.append(plain - refined_log_loss(y, proba, **known))
        price.append(refined_log_loss(y, proba, cross_fit=True, **known) - plain)
    assert 0.25 / 60 < np.mean(gain) < 1 / 60
    assert 0 < np.mean(price) < 4 / 60


def test_a_search_chooses_what_is_best_after_a_temperature():
    """Strong shrinkage loses by log-loss, and hardly once it is calibrated."""
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    grid = {"logisticregression__C": [0.003, 0.3]}
    search = GridSearchCV(model, grid, scoring=refined_log_loss_scorer).fit(X, y)
    raw = GridSearchCV(model, grid, scoring="neg_log_loss").fit(X, y)
    refined = search.cv_results_["mean_test_score"]
    assert (refined >= raw.cv_results_["mean_test_score"]).all()
    assert (refined < 0).all()
    assert np.ptp(refined) < 0.5 * np.ptp(raw.cv_results_["mean_test_score"])


def test_the_scorer_takes_folds_that_lack_a_class():
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(X, y)
    assert refined_log_loss_scorer(model, X[:100], y[:100]) < 0
    names = np.array(["x", "y", "z"])[y]
    scores = cross_val_score(model, X, names, scoring=refined_log_loss_scorer)
    assert np.isfinite(scores).all()
    weight = np.arange(150) + 1.0
    assert refined_log_loss_scorer(model, X, y, weight) != refined_log_loss_scorer(
        model, X, y
    )
    assert pickle.loads(pickle.dumps(refined_log_loss_scorer)) is (
        refined_log_loss_scorer
    )


@pytest.mark.parametrize(
    ("y", "proba", "options", "said"),
    [
        ([0, 1], [[2.0, -1.0], [0.5, 0.5]], {}, r"proba must lie in \[0, 1\]"),
        ([0, 1], [[0.9, 0.9], [0.5, 0.5]], {}, "must sum to 1"),
        ([0, 0], [[0.9, 0.1], [0.5, 0.5]], {}, "pass labels=estimator.classes_"),
        ([0, 2], [[0.9, 0.1], [0.5, 0.5]], {"labels": [0, 1]}, "not in labels"),
        ([0, 1, 1], [[0.9, 0.1], [0.5, 0.5]], {}, "y_true has 3 samples"),
        ([[0, 1, 1]], [[0.9, 0.1]], {}, "do not fit"),
        ([[0, 2], [1, 1]], [[0.9, 0.9], [0.5, 0.1]], {}, "must hold 0 and 1"),
        ([0], [[0.9, 0.1]], {"labels": [0, 1], "cross_fit": True}, "at least 2"),
        ([0, 1], [[0.9, 0.1]] * 2, {"sample_weight": [1.0]}, "sample_weight must"),
        ([0, 1], [np.full((2, 2), 0.5)] * 2, {}, "proba has 2 outputs"),
    ],
)
def test_what_does_not_fit_is_said(y, proba, options, said):
    with pytest.raises(ValueError, match=said):
        refined_log_loss(y, proba, **options)


def test_a_column_vector_is_a_vector():
    proba = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    expected = refined_log_loss([0, 1, 0], proba)
    assert refined_log_loss([[0], [1], [0]], proba) == expected
