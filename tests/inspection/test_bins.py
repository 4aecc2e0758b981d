"""The bins of a calibration error: one number of them, and firm edges."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from sk_mixup.inspection import (
    ReliabilityDisplay,
    expected_calibration_error,
    reliability_curve,
)

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


def test_display_and_function_have_the_same_bins():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([1.0, 1.0, 1.0], 400)
    y = rng.integers(0, 3, 400)
    display = ReliabilityDisplay.from_predictions(y, proba)
    error = expected_calibration_error(y, proba)
    assert display.curve.expected_error == error
    assert len(display.curve.edges) == len(reliability_curve(y, proba).edges) == 16
    assert display.ax_.get_title() == f"ECE {error:.3f}"


@pytest.mark.parametrize(
    "function",
    [
        expected_calibration_error,
        reliability_curve,
        ReliabilityDisplay.from_estimator,
        ReliabilityDisplay.from_predictions,
    ],
)
def test_everything_that_bins_has_15_by_default(function):
    assert inspect.signature(function).parameters["n_bins"].default == 15


def test_probabilities_at_an_edge_do_not_move_with_their_precision():
    proba = np.repeat(np.arange(8, 15) / 15, 3)
    y = np.arange(21) % 2
    double, single = (
        reliability_curve(y, proba.astype(dtype)).count for dtype in ("f8", "f4")
    )
    assert double.tolist() == single.tolist()
