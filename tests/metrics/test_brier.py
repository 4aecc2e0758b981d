"""Brier score and sharpness."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import brier_score_loss

from sk_mixup.metrics import brier_score, sharpness
from tests.builders import scaled_logits


def test_two_classes_have_twice_the_score_of_scikit_learn():
    logits, y = scaled_logits(300, 2)
    proba = softmax(logits, 1)
    expected = 2 * brier_score_loss(y, proba[:, 1])
    assert brier_score(y, proba) == pytest.approx(expected)
    assert brier_score(y, proba[:, 1]) == pytest.approx(expected)


def test_it_is_the_squared_distance_to_one_hot_rows():
    logits, y = scaled_logits(300, 4)
    proba = softmax(logits, 1)
    expected = ((proba - np.eye(4)[y]) ** 2).sum(1).mean()
    assert brier_score(y, proba) == pytest.approx(expected)
    assert brier_score(np.eye(4)[y], proba) == pytest.approx(expected)
    names = np.array(["d", "a", "c", "b"])
    assert brier_score(names[y], proba, labels=names) == pytest.approx(expected)


def test_weights_are_numbers_of_equal_rows():
    logits, y = scaled_logits(60, 3)
    proba, times = softmax(logits, 1), 1 + np.arange(60) % 3
    many = np.repeat(proba, times, axis=0)
    expected = brier_score(np.repeat(y, times), many)
    assert brier_score(y, proba, sample_weight=times) == pytest.approx(expected)
    assert sharpness(proba, sample_weight=times) == pytest.approx(sharpness(many))


def test_sharpness_lies_between_knowing_nothing_and_certainty():
    assert sharpness(np.full((5, 4), 0.25)) == pytest.approx(0.25)
    assert sharpness(np.eye(4)) == 1.0


@pytest.mark.parametrize(("scale", "sign"), [(0.3, -1), (3.0, 1)])
def test_the_score_falls_short_of_what_a_timid_classifier_expects(scale, sign):
    logits, y = scaled_logits(2000, 3, scale)
    proba = softmax(logits, 1)
    assert np.sign(brier_score(y, proba) - (1 - sharpness(proba))) == sign


def test_rows_and_columns_must_fit():
    with pytest.raises(ValueError, match="y_true has 3 samples and proba has 2"):
        brier_score([0, 1, 1], [[0.5, 0.5], [0.1, 0.9]])
    with pytest.raises(ValueError, match="a column per column of proba"):
        brier_score(np.eye(3)[:2], [[0.5, 0.5], [0.1, 0.9]])
