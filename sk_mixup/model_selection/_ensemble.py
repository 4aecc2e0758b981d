"""The nets that a search has trained anyway, as one model.

Every fold of the chosen candidate leaves a net that was trained on most of the rows.
Their mean is usually better than one net trained on all of them, and it is there
already. A greedy ensemble (Caruana et al., ICML 2004) also picks among candidates.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import get_tags

from sk_mixup.model_selection._last_step import last_step
from sk_mixup.model_selection._out_of_fold import all_classes, predictions

#: Probabilities of the greedy ensemble's loss are at least this.
_SMALLEST = 1e-12


class _FoldEnsemble(BaseEstimator):
    """Common part of both ensembles.

    Parameters
    ----------
    estimators : list of estimators
        Fitted.
    weights : list of float
        Of their predictions; made to sum to 1.
    """

    def __init__(self, estimators: Any, weights: Any) -> None:
        self.estimators = estimators
        self.weights = weights

    def fit(self, X: Any, y: Any = None) -> Any:
        """Not meant to be fitted: a search makes it of what it has trained.

        Raises
        ------
        TypeError
        """
        raise TypeError(
            f"{type(self).__name__} is made of fitted estimators by a search; fit the"
            " search again."
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether its members are; they always are."""
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.estimators:
            inner = get_tags(self.estimators[0])
            tags.input_tags = inner.input_tags
            tags.target_tags = inner.target_tags
            tags.classifier_tags = inner.classifier_tags
            tags.regressor_tags = inner.regressor_tags
        return tags

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all members to a file that holds no code; see `MixupClassifier.save`.

        Parameters
        ----------
        path : path-like
        """
        from sk_mixup.saving import save

        save(self, path)

    @property
    def n_features_in_(self) -> int:
        """Features seen in `fit`."""
        return self.estimators[0].n_features_in_

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Their names, where they have some."""
        return self.estimators[0].feature_names_in_

    def _mean(self, X: Any, classes: Any = None) -> NDArray[np.float64]:
        weights = np.asarray(self.weights, dtype=np.float64)
        weights = weights / weights.sum()
        total: Any = 0.0
        for estimator, weight in zip(self.estimators, weights, strict=True):
            total = total + weight * predictions(estimator, X, classes)
        return total


class FoldEnsembleClassifier(ClassifierMixin, _FoldEnsemble):
    """Weighted mean of the probabilities of fitted classifiers.

    A search with ``ensemble="mean"`` or ``"greedy"`` makes it.

    Parameters
    ----------
    estimators : list of classifiers
        Fitted.
    weights : list of float
        Of their probabilities.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels that any of them knows.
    n_features_in_, feature_names_in_
        As the members have them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mixup import MixupClassifier, MixupSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MixupClassifier(max_epochs=5, random_state=0)
    >>> search = MixupSearchCV(net, {"alpha": [0, 0.2]}, cv=3, ensemble="mean")
    >>> search.fit(X, y).best_estimator_.predict_proba(X).shape
    (150, 3)
    """

    @property
    def classes_(self) -> Any:
        """Labels that any member knows."""
        return all_classes(self.estimators)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the mean probabilities.

        Parameters
        ----------
        X : as for the members

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
        """
        return self._mean(X, self.classes_)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the labels of the highest mean probability.

        Parameters
        ----------
        X : as for the members

        Returns
        -------
        labels : ndarray of shape (n_samples,), or (n_samples, n_labels)
        """
        proba = self.predict_proba(X)
        target: Any = getattr(last_step(self.estimators[0]), "_target_", None)
        if getattr(target, "kind", None) == "labels":
            return target.inverse_transform(proba > 0.5)
        return self.classes_[proba.argmax(axis=1)]


class FoldEnsembleRegressor(RegressorMixin, _FoldEnsemble):
    """Weighted mean of the predictions of fitted regressors.

    A search with ``ensemble="mean"`` or ``"greedy"`` makes it.

    Parameters
    ----------
    estimators : list of regressors
        Fitted.
    weights : list of float
        Of their predictions.

    Attributes
    ----------
    n_features_in_, feature_names_in_
        As the members have them.
    """

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the mean predictions.

        Parameters
        ----------
        X : as for the members

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._mean(X)


def greedy_weights(
    predicted: NDArray[np.float64], loss: Any, *, n_picks: int = 50
) -> NDArray[np.float64]:
    """Return how often each candidate is picked, as shares.

    Candidates are added one at a time, also repeatedly, whichever lowers the loss of
    the mean most; the best of all these ensembles is returned.

    Parameters
    ----------
    predicted : ndarray of shape (n_candidates, n_samples, ...)
        Out-of-fold predictions; candidates with NaN where others have none are left
        out.
    loss : callable
        Of predictions of shape (n_samples, ...), and which rows these are.
    n_picks : int, default=50

    Raises
    ------
    ValueError
        If no candidate has predictions.
    """
    flat = predicted.reshape(*predicted.shape[:2], -1)
    known = np.logical_not(np.isnan(flat).any(axis=2))
    rows = known.any(axis=0)
    usable = np.flatnonzero(known[:, rows].all(axis=1))
    if not (rows.any() and len(usable)):
        raise ValueError(
            "ensemble='greedy' found no candidate of which all fits went well; look at"
            " the scores in cv_results_."
        )
    candidates = predicted[usable][:, rows]
    counts = np.zeros(len(predicted))
    best_loss, best_counts = np.inf, counts.copy()
    total = np.zeros(candidates.shape[1:])
    for pick in range(1, n_picks + 1):
        losses = [loss((total + one) / pick, rows) for one in candidates]
        chosen = int(np.argmin(losses))
        total += candidates[chosen]
        counts[usable[chosen]] += 1
        if losses[chosen] < best_loss:
            best_loss, best_counts = losses[chosen], counts.copy()
    return best_counts / best_counts.sum()


def ensemble_loss(y: Any, classes: NDArray[Any] | None) -> Any:
    """Return the loss of a greedy ensemble: log-loss, or mean squared error.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, k)
    classes : ndarray or None
        None: numbers. A matrix of 0 and 1 holds several labels, one of shares soft
        labels.
    """
    values = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
    if classes is None:

        def squared_error(p: NDArray[np.float64], rows: NDArray[np.bool_]) -> float:
            # One output may be a column here and a row there.
            return float(np.mean((values[rows].reshape(p.shape) - p) ** 2))

        return squared_error
    if values.ndim == 2 and values.shape[1] == 1 and len(classes) > 1:
        values = values[:, 0]
    if values.ndim == 1:
        codes = np.searchsorted(classes, values)

        def log_loss(p: NDArray[np.float64], rows: NDArray[np.bool_]) -> float:
            own = p[np.arange(len(p)), codes[rows]]
            return float(-np.mean(np.log(np.clip(own, _SMALLEST, 1.0))))

        return log_loss
    truth = values.astype(np.float64)
    soft = not np.isin(truth, (0.0, 1.0)).all()

    def matrix_loss(p: NDArray[np.float64], rows: NDArray[np.bool_]) -> float:
        p = np.clip(p, _SMALLEST, 1.0 - _SMALLEST)
        terms = truth[rows] * np.log(p)
        if not soft:
            terms = terms + (1.0 - truth[rows]) * np.log1p(-p)
        return float(-np.mean(terms.sum(axis=1)))

    return matrix_loss


def fold_ensemble(
    estimators: Sequence[Any], weights: Sequence[float], *, is_classifier: bool
) -> Any:
    """Return the ensemble of some fitted estimators."""
    kind = FoldEnsembleClassifier if is_classifier else FoldEnsembleRegressor
    return kind(list(estimators), [float(weight) for weight in weights])
