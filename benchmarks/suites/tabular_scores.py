"""How predictions of the suites on tables are scored."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.metrics import average_precision_score, roc_auc_score

#: Smallest probability that is told from zero.
SMALLEST = 1e-15


def class_scores(
    y: NDArray[np.int64], proba: NDArray[Any], inverse_temperature: float | None
) -> dict[str, float | None]:
    """Return the scores of class probabilities.

    Parameters
    ----------
    y : array of int
        Class numbers: columns of `proba`.
    proba : array of shape (rows, classes)
    inverse_temperature : float or None
        Fitted on other rows; None: its scores are None.

    Returns
    -------
    scores : dict
        ``refined_log_loss`` is taken at the best temperature of these very rows: a
        lower bound, which no honest temperature can reach.
    """
    proba = _normalised(proba)
    scores: dict[str, float | None] = {
        "accuracy": float((proba.argmax(1) == y).mean()),
        "log_loss": log_loss(y, proba),
        "refined_log_loss": log_loss(
            y, tempered(proba, best_inverse_temperature(y, proba))
        ),
        "tempered_log_loss": None,
        "brier": brier(y, proba),
        "ece": calibration_error(y, proba),
        "tempered_ece": None,
    }
    if inverse_temperature is not None:
        other = tempered(proba, inverse_temperature)
        scores["tempered_log_loss"] = log_loss(y, other)
        scores["tempered_ece"] = calibration_error(y, other)
    if proba.shape[1] == 2:
        scores["roc_auc"] = float(roc_auc_score(y, proba[:, 1]))
        scores["average_precision"] = float(average_precision_score(y, proba[:, 1]))
    return scores


def number_scores(
    y: NDArray[np.float64], predicted: NDArray[Any], y_train: NDArray[np.float64]
) -> dict[str, float]:
    """Return the scores of predicted numbers."""
    error = np.asarray(predicted, np.float64).reshape(len(y)) - y
    rmse = float(np.sqrt(np.mean(error**2)))
    return {
        "rmse": rmse,
        "mae": float(np.abs(error).mean()),
        "relative_rmse": rmse / float(y_train.std()),
    }


def all_columns(
    proba: NDArray[Any], classes: NDArray[Any], n_classes: int
) -> NDArray[np.float64]:
    """Return probabilities with a column per class, also of those never trained on.

    Parameters
    ----------
    proba : array of shape (rows, len(classes))
    classes : array of int
        Class number of each column.
    n_classes : int
    """
    full = np.zeros((len(proba), n_classes))
    full[:, classes] = proba
    return full


def log_loss(y: NDArray[np.int64], proba: NDArray[np.float64]) -> float:
    """Return the mean negative logarithm of the probability of the true class."""
    own = proba[np.arange(len(y)), y]
    return float(-np.log(np.maximum(own, SMALLEST)).mean())


def brier(y: NDArray[np.int64], proba: NDArray[np.float64]) -> float:
    """Return the mean squared distance to the one-hot class, summed over classes."""
    difference = proba.copy()
    difference[np.arange(len(y)), y] -= 1.0
    return float((difference**2).sum(1).mean())


def calibration_error(
    y: NDArray[np.int64], proba: NDArray[np.float64], n_bins: int = 15
) -> float:
    """Return the top-label calibration error over bins of equal width."""
    top = proba.max(1)
    hit = proba.argmax(1) == y
    bins = np.clip(np.ceil(top * n_bins).astype(int) - 1, 0, n_bins - 1)
    gaps = np.bincount(bins, top - hit, n_bins)
    return float(np.abs(gaps).sum() / len(y))


def best_inverse_temperature(y: NDArray[np.int64], proba: NDArray[np.float64]) -> float:
    """Return the power of probabilities with the smallest log-loss on these rows.

    Bounded, from 1/20 to 20: rows that are all predicted rightly have no smallest.
    """
    proba = _normalised(proba)
    found = minimize_scalar(
        lambda log_power: log_loss(y, tempered(proba, math.exp(log_power))),
        bounds=(-3.0, 3.0),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return math.exp(float(found.x))


def tempered(
    proba: NDArray[np.float64], inverse_temperature: float
) -> NDArray[np.float64]:
    """Return the probabilities of logits multiplied by an inverse temperature."""
    logits = inverse_temperature * np.log(np.maximum(proba, SMALLEST))
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    result: NDArray[np.float64] = shifted / shifted.sum(1, keepdims=True)
    return result


def _normalised(proba: NDArray[Any]) -> NDArray[np.float64]:
    proba = np.asarray(proba, np.float64)
    if not np.isfinite(proba).all():
        raise ValueError("The model predicts probabilities that are not finite.")
    result: NDArray[np.float64] = proba / proba.sum(1, keepdims=True)
    return result
