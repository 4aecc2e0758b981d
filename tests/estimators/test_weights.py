"""Weights of rows and classes."""

import numpy as np
import pytest

from tests.builders import (
    assert_same_weights,
    blobs,
    classifier,
    regressor,
    weights_of,
)

X, Y = blobs(64)


def test_only_the_ratio_of_weights_counts():
    weight = np.linspace(1, 3, 64)
    one = classifier().fit(X, Y, sample_weight=weight)
    other = classifier().fit(X, Y, sample_weight=weight * 1024)
    assert_same_weights(one, other)


@pytest.mark.parametrize("weight", [1.0, 7.0, np.full(64, 3)], ids=str)
def test_equal_weights_are_no_weights(weight):
    weighted = classifier().fit(X, Y, sample_weight=weight)
    assert_same_weights(weighted, classifier().fit(X, Y))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_rows_of_weight_zero_are_not_there(early_stopping):
    weight = np.where(np.arange(64) % 5 == 0, 0.0, 2.0)
    dropped = classifier(early_stopping=early_stopping).fit(
        X[weight > 0], Y[weight > 0]
    )
    weighted = classifier(early_stopping=early_stopping)
    assert_same_weights(weighted.fit(X, Y, sample_weight=weight), dropped)


def test_rows_of_weight_zero_are_not_there_in_regression():
    weight = (np.arange(64) % 5 > 0) * 1.0
    y = X[:, 0] + 100 * (weight == 0)
    weighted = regressor().fit(X, y, sample_weight=weight)
    assert_same_weights(weighted, regressor().fit(X[weight > 0], y[weight > 0]))


def test_class_weights_are_sample_weights():
    by_class = classifier(class_weight={0: 1.0, 1: 3.0}).fit(X, Y)
    by_row = classifier().fit(X, Y, sample_weight=np.where(Y == 1, 3.0, 1.0))
    assert_same_weights(by_class, by_row)


def test_balanced_class_weights():
    rows = np.r_[np.flatnonzero(Y == 0), np.flatnonzero(Y == 1)[:8]]
    balanced = classifier(class_weight="balanced").fit(X[rows], Y[rows])
    weight = np.where(Y[rows] == 1, 4.0, 1.0)
    by_row = classifier().fit(X[rows], Y[rows], sample_weight=weight)
    for a, b in zip(weights_of(balanced), weights_of(by_row), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
