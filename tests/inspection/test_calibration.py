"""Calibration numbers against an independent, slow computation."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import calibration_curve

from sk_mixup.inspection import expected_calibration_error, reliability_curve


def draw(n_samples, n_classes, seed=0):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(n_classes, 0.5), size=n_samples)
    y = rng.integers(n_classes, size=n_samples)
    y[:n_classes] = np.arange(n_classes)
    return y, proba


def slow_curve(y, proba, n_bins):
    """Sort samples into bins of equal width one at a time, in plain Python."""
    hits = [[] for _ in range(n_bins)]
    sureness = [[] for _ in range(n_bins)]
    for label, row in zip(y, proba, strict=True):
        top = max(range(len(row)), key=lambda k: row[k])
        for b in range(n_bins):
            lower, upper = b / n_bins, (b + 1) / n_bins
            if (lower < row[top] <= upper) or (b == 0 and row[top] == 0):
                hits[b].append(top == label)
                sureness[b].append(row[top])
    return sureness, hits


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("n_bins", [1, 7, 15])
def test_uniform_bins_equal_the_slow_loop(n_classes, n_bins):
    y, proba = draw(400, n_classes)
    sureness, hits = slow_curve(y, proba, n_bins)
    curve = reliability_curve(y, proba, n_bins=n_bins)
    assert_array_equal(curve.count, [len(h) for h in hits])
    for b in range(n_bins):
        if hits[b]:
            assert_allclose(curve.confidence[b], sum(sureness[b]) / len(hits[b]))
            assert_allclose(curve.accuracy[b], sum(hits[b]) / len(hits[b]))
        else:
            assert np.isnan(curve.confidence[b])
            assert np.isnan(curve.accuracy[b])
    error = sum(abs(sum(h) - sum(s)) for s, h in zip(sureness, hits, strict=True)) / 400
    assert_allclose(expected_calibration_error(y, proba, n_bins=n_bins), error)


def test_quantile_bins_hold_equally_many_samples():
    y, proba = draw(300, 4)
    curve = reliability_curve(y, proba, n_bins=10, strategy="quantile")
    assert_array_equal(curve.count, np.full(10, 30))
    order = np.argsort(proba.max(axis=1))
    chunks = proba.max(axis=1)[order].reshape(10, 30)
    assert_allclose(curve.confidence, chunks.mean(axis=1))
    correct = (proba.argmax(axis=1) == y)[order].reshape(10, 30)
    assert_allclose(curve.accuracy, correct.mean(axis=1))


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_equal_confidences_share_a_bin(strategy):
    proba = np.tile([0.75, 0.25], (8, 1))
    curve = reliability_curve(
        [0, 0, 0, 0, 0, 0, 1, 1], proba, n_bins=5, strategy=strategy
    )
    filled = curve.count > 0
    assert filled.sum() == 1
    assert_allclose(curve.accuracy[filled], 0.75)
    assert curve.expected_error == 0


def test_curve_agrees_with_scikit_learn_where_the_second_class_is_predicted():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1, size=500)
    y = (rng.uniform(size=500) < p).astype(int)
    fraction, mean = calibration_curve(y, p, n_bins=10)
    curve = reliability_curve(y, p, n_bins=10)
    filled = curve.count > 0
    assert_allclose(curve.confidence[filled], mean)
    assert_allclose(curve.accuracy[filled], fraction)


def test_known_values():
    certain = np.eye(2)[[0, 0, 1, 1]]
    assert expected_calibration_error([0, 0, 1, 1], certain) == 0
    assert expected_calibration_error([1, 1, 0, 0], certain) == 1
    assert expected_calibration_error([0, 1, 0, 1], certain) == 0.5


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    curve = reliability_curve([0, 1], [[0.5, 0.5], [0.0, 1.0]], n_bins=2)
    assert_array_equal(curve.count, [1, 1])


def test_one_dimension_means_the_probability_of_the_second_class():
    y, proba = draw(100, 2)
    assert_allclose(
        expected_calibration_error(y, proba[:, 1]),
        expected_calibration_error(y, proba),
    )


def test_string_labels_and_a_class_that_does_not_occur():
    proba = [[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]]
    error = expected_calibration_error(
        ["a", "b"], proba, classes=["a", "b", "c"], n_bins=1
    )
    assert error == pytest.approx(0.35)


def test_float32_probabilities_are_taken():
    y, proba = draw(200, 10)
    assert_allclose(
        expected_calibration_error(y, proba.astype(np.float32)),
        expected_calibration_error(y, proba),
        atol=1e-6,
    )


@given(
    seed=st.integers(0, 1000),
    n_samples=st.integers(5, 60),
    n_bins=st.integers(1, 30),
    strategy=st.sampled_from(["uniform", "quantile"]),
)
def test_every_sample_is_in_one_bin_and_the_error_in_the_unit_interval(
    seed, n_samples, n_bins, strategy
):
    y, proba = draw(n_samples, 3, seed)
    curve = reliability_curve(y, proba, n_bins=n_bins, strategy=strategy)
    assert curve.count.sum() == n_samples
    assert len(curve.edges) == len(curve.count) + 1
    assert 0 <= curve.expected_error <= 1
    filled = curve.count > 0
    top = proba.max(axis=1)
    assert (curve.confidence[filled] <= curve.edges[1:][filled] + 1e-12).all()
    assert (curve.confidence[filled] >= curve.edges[:-1][filled] - 1e-12).all()
    assert_allclose(
        np.average(curve.confidence[filled], weights=curve.count[filled]), top.mean()
    )


GOOD = np.array([[0.9, 0.1], [0.2, 0.8]])


@pytest.mark.parametrize(
    ("y", "proba", "options", "message"),
    [
        ([0, 1], GOOD, {"n_bins": 0}, "n_bins must be an integer >= 1; got 0"),
        ([0, 1], GOOD, {"n_bins": 2.5}, "n_bins must be an integer >= 1; got 2.5"),
        ([0, 1], GOOD, {"strategy": "log"}, "'uniform' or 'quantile'; got 'log'"),
        ([0, 1, 1], GOOD, {}, "y_true has 3 samples and proba has 2"),
        ([[1, 0], [0, 1]], GOOD, {}, r"got shape \(2, 2\)"),
        ([0, 0], GOOD, {}, "pass classes=estimator.classes_"),
        ([0, 1], GOOD, {"classes": [0, 1, 2]}, "name the 2 columns"),
        ([0, 2], GOOD, {"classes": [0, 1]}, "label .*2.*not in classes"),
        ([0, 1], 3 * GOOD, {}, "not logits"),
        ([0, 1], GOOD / 2, {}, "must sum to 1; one misses it by 0.5"),
        ([0, 1], np.full((2, 2), np.nan), {}, r"must lie in \[0, 1\]; got values"),
        ([0, 1], np.ones((2, 1)), {}, r"got shape \(2, 1\)"),
        ([], np.empty((0, 2)), {}, "0 samples"),
    ],
)
def test_bad_input_is_named(y, proba, options, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(y, proba, **options)


def test_a_column_vector_of_labels_is_a_vector():
    proba = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    expected = expected_calibration_error([0, 1, 0], proba)
    assert expected_calibration_error([[0], [1], [0]], proba) == expected
