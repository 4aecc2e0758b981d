"""Log-loss after the best temperature: what probabilities know, scale aside.

Mixed training is under-confident, the more the larger alpha. Raw log-loss counts that
against it, and picks the wrong alpha for a classifier that is calibrated afterwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_mixup.metrics._rows import SUM_TOLERANCE, check_proba, check_range, check_weight
from sk_mixup.metrics._temperature import fit_temperature, log_loss_at


def refined_log_loss(
    y_true: Any,
    proba: Any,
    *,
    sample_weight: ArrayLike | None = None,
    labels: Any = None,
    cross_fit: bool = False,
) -> float:
    """Return the log-loss of probabilities after the best temperature.

    That part of the log-loss which one temperature repairs does not count, so that
    alphas are compared by what is left of each once it is calibrated.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_columns)
        Labels; a matrix of 0 and 1 for several labels per row; rows that sum to one,
        soft labels; a column of labels per output.
    proba : array-like of shape (n_samples,) or (n_samples, n_classes), or list of such
        As `predict_proba` returns them. One dimension means two classes and the
        probability of the second. A list is one array per output, each of which gets a
        temperature; the losses are averaged, as those of several labels are.
    sample_weight : array-like of shape (n_samples,), default=None
        Row weights.
    labels : array-like of shape (n_classes,), default=None
        The label of each column of `proba`: a classifier's `classes_`. By default the
        sorted labels of `y_true`. A list of such for several outputs.
    cross_fit : bool, default=False
        Whether the temperature of each half of the rows (of each class, every other
        row) comes from the other half.

    Returns
    -------
    loss : float
        At most ``sklearn.metrics.log_loss(y_true, proba)``, unless `cross_fit`.

    See Also
    --------
    refined_log_loss_scorer : The same for ``scoring=`` of a search.
    fit_temperature : The temperature itself.

    Notes
    -----
    The temperature is fitted on the rows that are scored, so the value is about
    ``1 / (2 n)`` below that of a known temperature: 0.01 for 50 rows, alike for every
    alpha that is compared. With fewer rows, or to report a number rather than to choose
    by it, say ``cross_fit=True``, which is above by about ``1 / n`` and noisier.

    Examples
    --------
    A timid forecast that is right loses little:

    >>> from sklearn.metrics import log_loss
    >>> from sk_mixup.metrics import refined_log_loss
    >>> y, timid = [0, 0, 0, 1] * 100, [[0.6, 0.4]] * 400
    >>> round(log_loss(y, timid), 3), round(refined_log_loss(y, timid), 3)
    (0.612, 0.562)
    """
    if isinstance(proba, (list, tuple)) and np.ndim(proba[0]) == 2:
        y = np.asarray(y_true)
        names = [None] * len(proba) if labels is None else labels
        if y.ndim != 2 or y.shape[1] != len(proba) or len(names) != len(proba):
            raise ValueError(
                f"proba has {len(proba)} outputs: y_true must have as many columns, and"
                f" labels as many entries; got y_true of shape {y.shape}."
            )
        return float(
            np.mean(
                [
                    refined_log_loss(
                        y[:, j],
                        proba[j],
                        sample_weight=sample_weight,
                        labels=names[j],
                        cross_fit=cross_fit,
                    )
                    for j in range(len(proba))
                ]
            )
        )
    y = np.asarray(y_true.toarray() if hasattr(y_true, "toarray") else y_true)
    given = np.asarray(proba)
    limit = np.finfo(given.dtype if given.dtype.kind == "f" else np.float64).eps
    if y.ndim == 2 and y.shape[1] == 1 and given.shape != y.shape:
        y = y[:, 0]  # a column vector of classes, as scikit-learn's scores take it
    if y.ndim == 2 and _is_multilabel(y, given):
        return _of_labels(y, given, limit, sample_weight, cross_fit)
    p = check_proba(given)
    target = target_rows(y, p, labels)
    weight = check_weight("sample_weight", sample_weight, len(p))
    log_p = np.log(np.clip(p, limit, 1.0))
    if not cross_fit:
        return _refined(log_p, target, weight, None)
    half = np.arange(len(p)) % 2
    if target.ndim == 1:
        # Of each class every other row.
        half[np.argsort(target, kind="stable")] = np.arange(len(p)) % 2
    return _refined(log_p, target, weight, half)


def refined_log_loss_scorer(
    estimator: Any, X: Any, y: Any, sample_weight: ArrayLike | None = None
) -> float:
    """Return minus the refined log-loss of a fitted classifier: greater is better.

    A scorer, for ``scoring=refined_log_loss_scorer`` of ``GridSearchCV`` and
    ``cross_val_score``. Classes that a fold lacks are no problem.

    Parameters
    ----------
    estimator : classifier
        Fitted, with `predict_proba` and `classes_`.
    X : like in `fit`
    y : like in `fit`
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    score : float

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sk_mixup.metrics import refined_log_loss_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"C": [0.001, 1.0]}
    >>> search = GridSearchCV(
    ...     LogisticRegression(max_iter=500), grid, scoring=refined_log_loss_scorer
    ... )
    >>> search.fit(X, y).best_params_
    {'C': 1.0}
    """
    proba = estimator.predict_proba(X)
    labels = getattr(estimator, "classes_", None)
    return -refined_log_loss(y, proba, sample_weight=sample_weight, labels=labels)


def _of_labels(
    y: NDArray[Any],
    proba: NDArray[Any],
    limit: float,
    sample_weight: ArrayLike | None,
    cross_fit: bool,
) -> float:
    """Return the loss of several labels per row: one yes or no, and weight, of each."""
    p = proba.astype(np.float64)
    check_range(p)
    if not np.isin(y, (0, 1)).all():
        raise ValueError(
            "y_true of several labels per row must hold 0 and 1; got values from"
            f" {y.min()} to {y.max()}."
        )
    p = np.clip(p, limit, 1.0 - limit)
    weight = check_weight("sample_weight", sample_weight, len(y))
    logits = (np.log(p) - np.log1p(-p)).ravel()
    weight = np.repeat(weight / y.shape[1], y.shape[1])
    # All labels of a row are in one half.
    half = np.repeat(np.arange(len(y)) % 2, y.shape[1]) if cross_fit else None
    return _refined(logits, y.ravel().astype(np.int64), weight, half)


def _refined(
    logits: NDArray[np.float64],
    target: NDArray[Any],
    weight: NDArray[np.float64],
    half: NDArray[np.int64] | None,
) -> float:
    """Return the loss; `half` says in which half a row is, None: no halves."""
    if half is None:
        best = fit_temperature(logits, target, weight)
        return log_loss_at(logits, target, weight, best)
    total = 0.0
    for own, other in ((half == 0, half == 1), (half == 1, half == 0)):
        if not other.any():
            raise ValueError("cross_fit=True needs at least 2 samples; got 1.")
        if not weight[own].any():
            continue
        best = 1.0
        if weight[other].any():
            best = fit_temperature(logits[other], target[other], weight[other])
        loss = log_loss_at(logits[own], target[own], weight[own], best)
        total += loss * float(weight[own].sum())
    return total


def _is_multilabel(y: NDArray[Any], proba: NDArray[Any]) -> bool:
    """Whether a matrix of targets, and of probabilities, is one of yes and no."""
    if y.shape != proba.shape or y.dtype.kind not in "biuf":
        raise ValueError(
            f"y_true of shape {y.shape} and proba of shape {proba.shape} do not fit: a"
            " matrix of labels, or of soft labels, has a column per column of proba."
        )
    return not all(
        np.abs(matrix.sum(axis=1) - 1.0).max(initial=0.0) <= SUM_TOLERANCE
        for matrix in (y, proba)
    )


def target_rows(y_true: Any, p: NDArray[np.float64], labels: Any) -> NDArray[Any]:
    """Return the class index, or the soft label, of each row of probabilities.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,), (n_samples, 1) or (n_samples, n_classes)
    p : ndarray of shape (n_samples, n_classes)
        As `check_proba` returns them.
    labels : array-like of shape (n_classes,) or None

    Raises
    ------
    ValueError
        If they do not fit.
    """
    y = np.asarray(y_true)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]  # a column vector of classes, as scikit-learn's scores take it
    target = _target(y, p.shape[1], labels)
    if len(target) != len(p):
        raise ValueError(
            f"y_true has {len(target)} samples and proba has {len(p)}; both must come"
            " from the same rows."
        )
    if target.shape[1:] not in ((), p.shape[1:]):
        raise ValueError(
            f"y_true of shape {y.shape} and proba of shape {p.shape} do not fit: soft"
            " labels have a column per column of proba."
        )
    return target


def _target(y: NDArray[Any], n_classes: int, labels: Any) -> NDArray[Any]:
    """Return class indices, or soft labels as they are."""
    if y.ndim == 2:
        return y.astype(np.float64)
    if y.ndim != 1:
        raise ValueError(f"y_true must have one or two dimensions; got {y.ndim}.")
    names = np.unique(y) if labels is None else np.asarray(labels)
    if names.shape != (n_classes,):
        what = "y_true holds" if labels is None else "labels has"
        raise ValueError(
            f"{what} {names.size} distinct labels and proba has {n_classes} columns;"
            " pass labels=estimator.classes_ to say which label each column belongs to."
        )
    order = np.argsort(names)
    codes = order[np.searchsorted(names[order], y).clip(max=n_classes - 1)]
    wrong = np.flatnonzero(names[codes] != y)
    if wrong.size:
        raise ValueError(
            f"y_true holds the label {y[wrong[0]]!r}, which is not in labels; drop"
            " these rows or pass the classes_ of a classifier that knows them."
        )
    found: NDArray[Any] = codes
    return found
