"""What every candidate predicts of the rows that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.multiclass import type_of_target

from sk_mixup.model_selection._members import Member, SweepData


def check_predictable(estimator: Any, y: Any, asked_by: str) -> None:
    """Check that predictions of such a target can be averaged and kept in an array.

    Raises
    ------
    ValueError
    """
    if is_classifier(estimator) and y is not None:
        kind = type_of_target(y)
        if kind == "multiclass-multioutput":
            raise ValueError(
                f"{asked_by} needs one array of predictions, and y has several outputs"
                " of classes, an array each. Search the outputs one by one, or leave"
                f" {asked_by.partition('=')[0]} out."
            )


def predictions(
    estimator: Any, X: Any, classes: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Return probabilities of a fitted classifier, or numbers of a regressor.

    Parameters
    ----------
    estimator : estimator
    X : object
    classes : ndarray or None
        Columns wanted; a fold may lack a class, whose probability is 0.
    """
    if not is_classifier(estimator):
        return np.asarray(estimator.predict(X), dtype=np.float64)
    proba = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    own = np.asarray(estimator.classes_)
    if classes is None or len(own) == len(classes):
        return proba
    whole = np.zeros((len(proba), len(classes)))
    whole[:, np.searchsorted(classes, own)] = proba
    return whole


def all_classes(estimators: Sequence[Any]) -> NDArray[Any] | None:
    """Return the classes that any of some fitted classifiers knows; None: numbers."""
    if not estimators or not is_classifier(estimators[0]):
        return None
    return np.unique(np.concatenate([np.asarray(e.classes_) for e in estimators]))


def out_of_fold(
    members: Sequence[Member], data: SweepData, n_candidates: int
) -> NDArray[np.float64]:
    """Return predictions of shape (n_candidates, n_samples, ...).

    NaN for rows that are in no test part, and for candidates of which a fit has
    failed there; the mean for rows that are in several.
    """
    fitted = [member for member in members if member.is_fitted]
    classes = all_classes([member.estimator for member in fitted])
    n_rows = len(data.X) if hasattr(data.X, "__len__") else data.X.shape[0]
    total: NDArray[np.float64] | None = None
    count = np.zeros((n_candidates, n_rows))
    for member in fitted:
        train, test = data.splits[member.split]
        X, _ = _safe_split(member.estimator, data.X, data.y, test, train)
        found = predictions(member.estimator, X, classes)
        if total is None:
            total = np.zeros((n_candidates, n_rows, *found.shape[1:]))
        rows = np.flatnonzero(test) if np.asarray(test).dtype == bool else test
        total[member.candidate, rows] += found
        count[member.candidate, rows] += 1
    if total is None:
        return np.full((n_candidates, n_rows), np.nan)
    count[count == 0] = np.nan
    for member in members:
        if not member.is_fitted:
            count[member.candidate, data.splits[member.split][1]] = np.nan
    return total / count.reshape(count.shape + (1,) * (total.ndim - 2))
