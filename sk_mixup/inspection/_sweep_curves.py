"""What a fitted search says of its alphas, as curves to draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_mixup.inspection._calibration import expected_calibration_error

RAW, AFTER = "as predicted", "after temperature"
_LOG_LOSS, _REFINED = "neg_log_loss", "refined_log_loss"


# eq=False: comparing arrays gives arrays, which have no truth value.
@dataclass(frozen=True, eq=False)
class SweepCurve:
    """A quantity against alpha.

    Attributes
    ----------
    mean : ndarray of shape (n_alphas,)
    error : ndarray of shape (n_alphas,) or None
        Standard errors over the folds.
    """

    mean: NDArray[np.float64]
    error: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class SweepCurves:
    """All that is drawn of a sweep.

    Attributes
    ----------
    alpha : ndarray of shape (n_alphas,)
        Increasing.
    scores : dict of str to SweepCurve
        By what is done to the predictions.
    score_name : str
    calibration : dict of str to SweepCurve, or None
    calibration_name : str
    best_alpha : float or None
    alpha_name : str
        What is swept.
    """

    alpha: NDArray[np.float64]
    scores: dict[str, SweepCurve]
    score_name: str
    calibration: dict[str, SweepCurve] | None = None
    calibration_name: str = "Expected calibration error"
    best_alpha: float | None = None
    alpha_name: str = "alpha"


def curves_of(search: Any, parameter: str | None, metric: str | None) -> SweepCurves:
    """Return the curves of a fitted search.

    Raises
    ------
    ValueError
        If it is not fitted, or has no such parameter or metric.
    """
    results = getattr(search, "cv_results_", None)
    if results is None:
        raise ValueError(
            f"search must be fitted; this {type(search).__name__} has no cv_results_."
            " Call its fit first."
        )
    key = _metric_key(search, results, metric)
    scorer = _scorer_name(search, key)
    parameter = _parameter(results, parameter)
    values = _values(results, parameter)
    alpha, chosen = _best_of_each_alpha(values, results[f"rank_test_{key}"])
    sign = -1.0 if _is_loss(scorer) else 1.0
    scores = {
        AFTER if scorer == _REFINED else RAW: over_folds(
            sign * _splits(results, key)[chosen]
        )
    }
    calibration, calibration_name = None, SweepCurves.calibration_name
    both = scorer == _LOG_LOSS and f"mean_test_{_REFINED}" in results
    if both:
        scores[AFTER] = over_folds(-_splits(results, _REFINED)[chosen])
    after = _after_temperature(search, chosen)
    if after is not None:
        losses, calibration = after
        if scorer == _LOG_LOSS and not both:
            scores[AFTER] = losses
    elif both:
        repaired = _splits(results, _REFINED) - _splits(results, key)
        calibration = {RAW: over_folds(repaired[chosen])}
        calibration_name = "Log loss that a temperature repairs"
    best = getattr(search, "best_index_", None)
    return SweepCurves(
        alpha,
        scores,
        _title(scorer),
        calibration,
        calibration_name,
        None if best is None else float(values[best]),
        parameter.rpartition("__")[2],
    )


def over_folds(scores: NDArray[np.float64]) -> SweepCurve:
    """Return the mean and its standard error over the folds.

    Parameters
    ----------
    scores : ndarray of shape (n_alphas, n_folds)
    """
    n_folds = scores.shape[1]
    error = scores.std(axis=1, ddof=1) / np.sqrt(n_folds) if n_folds > 1 else None
    return SweepCurve(scores.mean(axis=1), error)


def _parameter(results: dict[str, Any], parameter: str | None) -> str:
    names = [key[len("param_") :] for key in results if key.startswith("param_")]
    if parameter is not None:
        if parameter not in names:
            raise ValueError(f"parameter={parameter!r} was not searched; {names} were.")
        return parameter
    alphas = [name for name in names if name == "alpha" or name.endswith("__alpha")]
    if len(alphas) != 1:
        raise ValueError(
            f"parameter must be named: the search has {len(alphas)} parameters that end"
            f" with 'alpha', among {names}."
        )
    return alphas[0]


def _values(results: dict[str, Any], parameter: str) -> NDArray[np.float64]:
    """Return the values of a parameter; NaN where a candidate has none."""
    column = np.ma.MaskedArray(results[f"param_{parameter}"], dtype=object)
    filled = column.filled(np.nan)
    try:
        return np.array([np.nan if v is None else v for v in filled], dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"parameter={parameter!r} must have numbers to be drawn against; got"
            f" {list(filled)}."
        ) from error


def _metric_key(search: Any, results: dict[str, Any], metric: str | None) -> str:
    """Return what a metric is called in the table."""
    start = "mean_test_"
    keys = [key[len(start) :] for key in results if key.startswith(start)]
    if metric is None:
        refit = getattr(search, "refit", None)
        return refit if isinstance(refit, str) and refit in keys else keys[0]
    if metric not in keys:
        raise ValueError(f"metric={metric!r} was not scored; {keys} were.")
    return metric


def _scorer_name(search: Any, key: str) -> str:
    """Return the name of a metric; a single one is called "score" in the table."""
    scoring = getattr(search, "scoring", None)
    return scoring if key == "score" and isinstance(scoring, str) else key


def _is_loss(scorer: str) -> bool:
    return scorer.startswith("neg_") or scorer == _REFINED


def _title(scorer: str) -> str:
    name = scorer.removeprefix("neg_").removeprefix("refined_").replace("_", " ")
    return name[:1].upper() + name[1:]


def _best_of_each_alpha(
    values: NDArray[np.float64], ranks: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    alpha = np.unique(values[~np.isnan(values)])
    chosen = []
    for value in alpha:
        same = np.flatnonzero(values == value)
        chosen.append(same[ranks[same].argmin()])
    return alpha, np.array(chosen)


def _splits(results: dict[str, Any], key: str) -> NDArray[np.float64]:
    """Return scores of shape (n_candidates, n_folds)."""
    n_folds = sum(
        name.startswith("split") and name.partition("_test_")[2] == key
        for name in results
    )
    columns = [results[f"split{i}_test_{key}"] for i in range(n_folds)]
    return np.stack(columns, axis=1)


def _after_temperature(
    search: Any, chosen: NDArray[np.int64]
) -> tuple[SweepCurve, dict[str, SweepCurve]] | None:
    """Return the log-loss after temperature, and the calibration before and after.

    None without out-of-fold probabilities of one class per row.
    """
    proba = getattr(search, "oof_predictions_", None)
    classes = getattr(search, "oof_classes_", None)
    if proba is None or classes is None or np.ndim(search.oof_targets_) != 1:
        return None
    from sk_mixup.metrics import fit_temperature, refined_log_loss

    y = np.asarray(search.oof_targets_)
    found = np.full((3, len(chosen)), np.nan)
    for column, one in zip(found.T, proba[chosen], strict=True):
        rows = ~np.isnan(one).any(axis=1)
        if not rows.any():
            continue
        known, p = y[rows], one[rows]
        logits = np.log(np.clip(p, np.finfo(np.float32).tiny, 1.0))
        temperature = fit_temperature(logits, np.searchsorted(classes, known))
        scaled = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
        scaled /= scaled.sum(axis=1, keepdims=True)
        column[:] = (
            refined_log_loss(known, p, labels=classes),
            expected_calibration_error(known, p, classes=classes),
            expected_calibration_error(known, scaled, classes=classes),
        )
    losses, raw, after = (SweepCurve(values) for values in found)
    return losses, {RAW: raw, AFTER: after}
