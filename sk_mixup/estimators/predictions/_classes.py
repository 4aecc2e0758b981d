"""What a classifier says of rows: labels, probabilities, their logarithms, log-odds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sk_mixup.estimators._base import BaseMixup
from sk_mixup.training import decided, log_odds, log_tempered, tempered


def _has_two_classes(estimator: ClassPredictor) -> bool:
    """Whether log-odds are one number per row; before a fit nobody knows.

    Raises
    ------
    AttributeError
        That says what to use.
    """
    if not hasattr(estimator, "_target_"):
        return True
    target = estimator._target_
    if target.kind in ("classes", "soft") and len(target.classes_) == 2:
        return True
    what = {
        "labels": "several labels per row",
        "columns": "several outputs per row",
        "pixels": "a class per pixel",
    }.get(target.kind, f"{len(target.classes_)} classes")
    raise AttributeError(
        f"decision_function is for two classes, and this {type(estimator).__name__} was"
        f" fitted on {what}. Use predict_proba or predict_log_proba."
    )


class ClassPredictor(BaseMixup):
    """Predictions of `MixupClassifier`."""

    temperature_: Any
    _target_: Any
    _objective_: Any

    def predict_proba(self, X: Any) -> Any:
        """Return class probabilities.

        Parameters
        ----------
        X : like in `fit`

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), float64
            For several labels, the probability of each; they need not sum to 1. For
            several outputs, a list of one array per output. Of masks, float32 of shape
            (n_samples, n_classes, height, width). A row's do not depend on other rows
            (for nets that share wide matrices, up to 1e-6).
        """
        check_is_fitted(self)
        if self._has_columns:
            return self._probabilities(self._outputs(X))
        return self._outputs(X, self._tempered).numpy()

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of class probabilities.

        They are computed of the outputs, and finite where a probability is too small
        for a float.

        Parameters
        ----------
        X : like in `fit`

        Returns
        -------
        log_proba : ndarray, or list of such
            Of the shape of `predict_proba`.
        """
        check_is_fitted(self)
        if self._target_.kind == "pixels":
            return np.log(self.predict_proba(X))
        found = log_tempered(self._objective_, self._outputs(X), self.temperature_)
        if isinstance(found, list):
            return [one.numpy() for one in found]
        return found.numpy()

    @available_if(_has_two_classes)
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the log-odds of the second class; for two classes only.

        Parameters
        ----------
        X : like in `fit`

        Returns
        -------
        odds : ndarray of shape (n_samples,), float64
            Above 0 where `predict` says ``classes_[1]``. At the temperature of
            `predict_proba`, whose logit they are.
        """
        check_is_fitted(self)
        return log_odds(self._objective_, self._outputs(X), self.temperature_).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable labels.

        Parameters
        ----------
        X : like in `fit`

        Returns
        -------
        labels : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            For several labels, 1 for each whose probability is above 0.5, otherwise 0.
            Of masks, (n_samples, height, width).
        """
        codes = self._outputs(X, self._codes).numpy()
        return self._target_.inverse_transform(codes)

    def decode(self, outputs: Any) -> Any:
        """Return the probabilities that raw outputs of the module mean.

        Parameters
        ----------
        outputs : Tensor or array of shape (n_samples, ...), tuple or list of such
            What `module_` returns for rows as `encode` gives them.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), or list of such
            As `predict_proba` returns them: at `temperature_`, in the order of
            `classes_`.
        """
        return self._probabilities(self._read_outputs(outputs))

    def _probabilities(self, outputs: torch.Tensor) -> Any:
        """Return what `predict_proba` says of raw outputs."""
        found = tempered(self._objective_, outputs, self.temperature_)
        if isinstance(found, list):
            return [one.numpy() for one in found]
        return found.numpy()

    def _tempered(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of one output."""
        found = tempered(self._objective_, outputs, self.temperature_)
        assert isinstance(found, torch.Tensor)
        return found

    def _codes(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the numbers of the most probable classes, or which labels hold."""
        if self._target_.kind == "pixels":
            return self._objective_.labels(outputs)
        found = tempered(self._objective_, outputs, self.temperature_)
        if isinstance(found, list):
            return torch.stack([_largest(one) for one in found], 1)
        if self._target_.kind == "labels":
            return found > 0.5
        return decided(self._objective_, found)

    @property
    def _has_columns(self) -> bool:
        """Whether there are several outputs, of a class each."""
        return bool(self._target_.kind == "columns")


def _largest(proba: torch.Tensor) -> torch.Tensor:
    """Return the first of the most probable classes of each row."""
    # As `predict_proba(X).argmax(1)` says it, of equal and of missing values too.
    return torch.from_numpy(proba.numpy().argmax(axis=1))
