"""What classifiers say between rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from sk_mixup.inspection import InterpolationDisplay, interpolation_curve
from tests.builders import blobs, bright_images, classifier, mlp, people

X, Y = blobs(60, n_classes=3)


class Straight:
    """Its probabilities are the rows themselves."""

    classes_ = np.array(["a", "b", "c"])

    def predict_proba(self, X):
        return np.asarray(X, dtype=float)

    def predict(self, X):
        return self.classes_[np.argmax(X, axis=1)]


@pytest.fixture(scope="module")
def linear():
    return LogisticRegression().fit(X, Y)


def test_the_ends_are_the_rows_themselves(linear):
    curve = interpolation_curve(linear, X, Y, n_pairs=30, n_points=5)
    proba = linear.predict_proba(X)
    assert_array_equal(curve.proba[:, -1], proba[curve.rows[:, 0]])
    assert_array_equal(curve.proba[:, 0], proba[curve.rows[:, 1]])


def test_the_middle_is_the_mean_of_both_rows(linear):
    curve = interpolation_curve(linear, X, Y, n_pairs=30, n_points=3)
    middle = X[curve.rows].mean(axis=1)
    assert_allclose(curve.proba[:, 1], linear.predict_proba(middle), rtol=1e-5)


def test_partners_are_of_other_classes_and_all_pairs_can_be_drawn():
    y = np.array(["a", "b", "b", "c"])
    curve = interpolation_curve(Straight(), np.eye(3)[[0, 1, 1, 2]], y, n_pairs=500)
    pairs = {tuple(pair) for pair in curve.rows.tolist()}
    expected = {(i, j) for i in range(4) for j in range(4) if y[i] != y[j]}
    assert pairs == expected
    assert_array_equal(Straight.classes_[curve.columns], y[curve.rows])


def test_a_linear_model_keeps_to_the_straight_line():
    curve = interpolation_curve(Straight(), np.eye(3), n_points=7)
    assert curve.nonlinearity == pytest.approx(0, abs=1e-12)
    assert_allclose(curve.own, np.broadcast_to(curve.lam, curve.own.shape))
    assert_allclose(curve.own + curve.partner + curve.neither, 1)


def test_mixed_training_comes_closer_to_the_straight_line():
    rows, labels = blobs(200, n_classes=2, seed=3)
    gaps = [
        interpolation_curve(
            classifier(module=mlp(), mix=mix, max_epochs=40, lr=0.02).fit(rows, labels),
            rows,
            labels,
        ).nonlinearity
        for mix in ("mixup", None)
    ]
    assert gaps[0] < gaps[1]


@pytest.mark.parametrize("kind", ["frame", "integers", "images"])
def test_tables_integers_and_images(kind):
    rows, labels = (X * 4).round().astype(int), Y
    if kind == "frame":
        rows = pd.DataFrame(rows, columns=list("abcd"))
    if kind == "images":
        rows, labels = bright_images()
    model = classifier(max_epochs=2, mix=None, module="mlp")
    if kind == "images":
        model.set_params(module="convnet")
    model.fit(rows, labels)
    curve = interpolation_curve(model, rows, labels, n_pairs=5, n_points=3)
    assert curve.proba.shape[:2] == (5, 3)
    assert_allclose(curve.proba.sum(axis=2), 1, atol=1e-5)


def test_what_cannot_be_blended_is_named():
    rows, labels, _ = people()
    model = classifier(max_epochs=1, mix=None).fit(rows, labels)
    with pytest.raises(TypeError, match=r"column 'job' .* space='embedding'"):
        interpolation_curve(model, rows, labels)
    with pytest.raises(TypeError, match="rows of numbers"):
        interpolation_curve(Straight(), ["a text", "another"], ["a", "b"])


def test_wrong_input_is_named(linear):
    with pytest.raises(ValueError, match="LinearSVC has none"):
        interpolation_curve(LinearSVC(), X, Y)
    with pytest.raises(ValueError, match="two labels or more"):
        interpolation_curve(linear, X[Y == 1], Y[Y == 1])
    with pytest.raises(ValueError, match="the label 7"):
        interpolation_curve(linear, X[:2], [0, 7])
    with pytest.raises(ValueError, match=r"n_points must be an integer >= 2; got 1"):
        interpolation_curve(linear, X, Y, n_points=1)


def test_the_picture_shows_the_means(linear):
    display = InterpolationDisplay.from_estimator(linear, X, Y, name="one", n_pairs=9)
    drawn = {line.get_label(): line for line in display.ax_.get_lines()}
    own = drawn["Class of the row"].get_ydata()
    assert_allclose(own, display.curve.own.mean(axis=0))
    assert "Any other class" in drawn
    assert display.ax_.get_title().startswith("one\n")
    assert display.figure_ is display.ax_.figure
