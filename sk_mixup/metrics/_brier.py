"""How far probabilities are from what happened, and how much they dare to say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_mixup.metrics._refined import target_rows
from sk_mixup.metrics._rows import check_proba, check_weight


def brier_score(
    y_true: Any,
    proba: Any,
    *,
    sample_weight: ArrayLike | None = None,
    labels: Any = None,
) -> float:
    """Return the mean squared distance between probabilities and labels.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or soft labels that sum to one.
    proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        As `predict_proba` returns them. One dimension means two classes and the
        probability of the second.
    sample_weight : array-like of shape (n_samples,), default=None
        Row weights.
    labels : array-like of shape (n_classes,), default=None
        The label of each column of `proba`: a classifier's `classes_`. By default the
        sorted labels of `y_true`.

    Returns
    -------
    score : float
        The sum over classes, of Brier's paper: 0 is perfect, 2 certain and wrong. For
        two classes it is twice what ``sklearn.metrics.brier_score_loss`` returns.

    See Also
    --------
    sharpness : Minus what probabilities expect of it, plus one.

    References
    ----------
    .. [1] G. W. Brier, "Verification of forecasts expressed in terms of probability",
       Monthly Weather Review 78, 1950.

    Examples
    --------
    >>> from sk_mixup.metrics import brier_score
    >>> round(brier_score(["no", "yes"], [[0.9, 0.1], [0.4, 0.6]]), 2)
    0.17
    """
    p = check_proba(proba)
    target = target_rows(y_true, p, labels)
    weight = check_weight("sample_weight", sample_weight, len(p))
    if target.ndim == 1:
        target = np.eye(p.shape[1])[target]
    return float(weight @ ((p - target) ** 2).sum(axis=1))


def sharpness(proba: Any, *, sample_weight: ArrayLike | None = None) -> float:
    """Return how much probabilities dare to say, whether or not it is right.

    Parameters
    ----------
    proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        As `predict_proba` returns them.
    sample_weight : array-like of shape (n_samples,), default=None
        Row weights.

    Returns
    -------
    sharpness : float
        The mean of the sums of squared probabilities: 1 where all are 0 or 1,
        ``1 / n_classes`` where all are alike.

    See Also
    --------
    brier_score : What came of it.

    Notes
    -----
    ``1 - sharpness`` is the Brier score that probabilities would have if they were
    right. A Brier score above it is that of a classifier which is too sure, one below
    it of a timid one. Sharpness alone is no merit; of two calibrated classifiers the
    sharper one knows more.

    Examples
    --------
    A timid forecast, right in 9 of 10 cases:

    >>> from sk_mixup.metrics import brier_score, sharpness
    >>> y, proba = [0] * 9 + [1], [[0.7, 0.3]] * 10
    >>> round(brier_score(y, proba), 2), round(1 - sharpness(proba), 2)
    (0.26, 0.42)
    """
    p = check_proba(proba)
    weight = check_weight("sample_weight", sample_weight, len(p))
    squares: NDArray[np.float64] = (p**2).sum(axis=1)
    return float(weight @ squares)
