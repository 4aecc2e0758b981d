"""Calibration errors of each class, and how sure they are."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

from sk_mixup.inspection import calibration_error_interval, expected_calibration_error
from tests.builders import scaled_logits


def draw(scale=1.0, n_rows=400, n_classes=3, seed=0):
    logits, y = scaled_logits(n_rows, n_classes, scale, seed)
    return y, softmax(logits, 1)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_classwise_is_the_mean_over_one_class_against_the_rest(strategy):
    y, proba = draw(2.0)
    edges = {
        "uniform": lambda p: np.linspace(0, 1, 6),
        "quantile": lambda p: np.quantile(p, np.linspace(0, 1, 6)),
    }[strategy]
    errors = []
    for c in range(3):
        p, is_c = proba[:, c], y == c
        bins = np.digitize(p, edges(p)[1:-1], right=True)
        gaps = [abs((is_c - p)[bins == b].sum()) for b in range(5)]
        errors.append(sum(gaps) / len(y))
    found = expected_calibration_error(
        y, proba, n_bins=5, strategy=strategy, classwise=True
    )
    assert_allclose(found, np.mean(errors), atol=1e-6)


def test_two_classes_are_as_wrong_as_each_other():
    y, proba = draw(3.0, n_classes=2)
    both = expected_calibration_error(y, proba, n_bins=4, classwise=True)
    p, bins = proba[:, 1], np.digitize(proba[:, 1], [0.25, 0.5, 0.75], right=True)
    one = sum(abs((y - p)[bins == b].sum()) for b in range(4)) / len(y)
    assert both == pytest.approx(one)


def test_equal_masses_find_the_error_that_one_wide_bin_hides():
    # All in the last bin of equal widths, where errors of both signs cancel.
    proba = np.r_[np.full(100, 0.95), np.full(100, 0.99)]
    y = np.r_[np.ones(100), np.arange(100) >= 6].astype(int)
    wide = expected_calibration_error(y, proba, n_bins=10)
    equal = expected_calibration_error(y, proba, n_bins=2, strategy="quantile")
    assert wide < 1e-6
    assert equal == pytest.approx(0.05)


@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize("classwise", [False, True])
def test_the_interval_holds_the_error_of_many_rows(classwise, scale):
    settings = {"n_bins": 10, "classwise": classwise}
    truth = 0.0
    if scale != 1.0:
        truth = expected_calibration_error(*draw(scale, 200_000), **settings)
    hits = []
    for seed in range(20):
        low, high = calibration_error_interval(
            *draw(scale, 1000, seed=seed), **settings, n_resamples=100
        )
        assert 0 <= low < high <= 1
        hits.append(low <= truth <= high)
    assert np.mean(hits) >= 0.8


def test_the_interval_is_reproducible_and_widens_with_its_level():
    y, proba = draw(0.5)
    low, high = calibration_error_interval(y, proba, n_resamples=200)
    assert (low, high) == calibration_error_interval(y, proba, n_resamples=200)
    inner = calibration_error_interval(y, proba, n_resamples=200, level=0.5)
    assert low < inner[0] < inner[1] < high


def test_wrong_settings_are_named():
    y, proba = draw()
    with pytest.raises(ValueError, match=r"level must be .* got 95"):
        calibration_error_interval(y, proba, level=95)
    with pytest.raises(ValueError, match=r"n_resamples .* got 0"):
        calibration_error_interval(y, proba, n_resamples=0)
    with pytest.raises(ValueError, match="n_bins"):
        expected_calibration_error(y, proba, n_bins=0, classwise=True)
