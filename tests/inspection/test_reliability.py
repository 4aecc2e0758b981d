"""The picture's parts; what it looks like was looked at."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from sk_mixup.inspection import ReliabilityDisplay, expected_calibration_error


@pytest.fixture(scope="module")
def fitted():
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    return LogisticRegression(max_iter=1000).fit(X, names), X, names


def test_from_estimator_draws_the_curve_of_its_probabilities(fitted):
    estimator, X, y = fitted
    display = ReliabilityDisplay.from_estimator(estimator, X, y, n_bins=5)
    error = expected_calibration_error(y, estimator.predict_proba(X), n_bins=5)
    assert display.ax_.get_title() == f"LogisticRegression\nECE {error:.3f}"
    assert display.figure_ is display.ax_.figure
    heights = [bar.get_height() for bar in display.ax_count_.patches]
    assert sum(heights) == len(y)
    filled = display.curve.count > 0
    bars = [bar.get_height() for bar in display.ax_.patches]
    assert_allclose(bars, display.curve.accuracy[filled])


def test_from_predictions_equals_from_estimator(fitted):
    estimator, X, y = fitted
    one = ReliabilityDisplay.from_estimator(estimator, X, y)
    other = ReliabilityDisplay.from_predictions(
        y, estimator.predict_proba(X), classes=estimator.classes_
    )
    for part in ("confidence", "accuracy", "count", "edges"):
        assert_allclose(getattr(one.curve, part), getattr(other.curve, part))


def test_draws_into_given_axes(fitted):
    estimator, X, y = fitted
    figure, axes = plt.subplots(1, 2)
    for ax in axes:
        display = ReliabilityDisplay.from_estimator(estimator, X, y, name="x", ax=ax)
        assert display.ax_ is ax
        assert display.figure_ is figure
    figure.canvas.draw()


def test_draws_into_axes_placed_by_hand(fitted):
    estimator, X, y = fitted
    ax = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    display = ReliabilityDisplay.from_estimator(estimator, X, y, ax=ax)
    display.figure_.canvas.draw()
    upper, lower = ax.get_position(), display.ax_count_.get_position()
    assert lower.y1 <= upper.y0


def test_a_class_that_does_not_occur_in_the_held_out_labels(fitted):
    estimator, X, y = fitted
    some = y != "setosa"
    display = ReliabilityDisplay.from_estimator(estimator, X[some], y[some])
    assert display.curve.count.sum() == some.sum()


def test_an_estimator_without_probabilities_is_refused():
    with pytest.raises(ValueError, match="LinearSVC has none"):
        ReliabilityDisplay.from_estimator(LinearSVC(), [[0.0]], [0])


def test_without_matplotlib_the_error_names_the_extra(fitted, monkeypatch):
    estimator, X, y = fitted
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'sk-mixup\[plots\]'"):
        ReliabilityDisplay.from_estimator(estimator, X, y)
