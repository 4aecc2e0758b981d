"""Predictions of the heads ``"quantile"`` and ``"gaussian"``: deviations, quantiles."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from sk_mixup.estimators._base import BaseMixup
from sk_mixup.estimators.tasks import quantile_levels
from sk_mixup.training import GaussianHead, QuantileHead, RegressionHead


class IntervalRegressor(BaseMixup):
    """Predictions of the heads ``"quantile"`` and ``"gaussian"``."""

    quantiles: Any
    _head_: RegressionHead | None
    _target_: Any

    def predict_quantiles(self, X: Any, quantiles: Any = None) -> np.ndarray:
        """Return quantiles of the target; needs a `head` other than ``"mean"``.

        Parameters
        ----------
        X : like in `fit`
        quantiles : sequence of float or None, default=None
            Levels in (0, 1). None: the parameter `quantiles`. Between two that were
            trained, ``head="quantile"`` interpolates by the shape of a normal law.

        Returns
        -------
        values : ndarray of shape (n_samples, n_quantiles), float64
            For a target of two dimensions (n_samples, n_outputs, n_quantiles).

        Raises
        ------
        ValueError
            Without such a head, and for levels outside of those that were trained.
        """
        head = self._fitted_head("predict_quantiles")
        if quantiles is None:
            levels = (
                list(head.levels)
                if isinstance(head, QuantileHead)
                else quantile_levels("quantiles", self.quantiles)
            )
        else:
            levels = quantile_levels("quantiles", quantiles)
        head.check_levels(levels, "predict_quantiles")
        return self._quantiles(head, self._raw(X), levels)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> np.ndarray:
        """Return central intervals; needs a `head` other than ``"mean"``.

        Parameters
        ----------
        X : like in `fit`
        coverage : float, default=0.9
            Probability of the target to lie inside, the same on either side.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2), float64
            Lower and upper ends; for a target of two dimensions (n_samples, n_outputs,
            2).

        Raises
        ------
        ValueError
            Without such a head, and for a coverage that the trained quantiles do not
            reach.
        """
        head = self._fitted_head("predict_interval")
        if not isinstance(coverage, numbers.Real) or not 0.0 < float(coverage) < 1.0:
            raise ValueError(
                f"coverage must be a number between 0 and 1; got {coverage!r}."
            )
        levels = [(1.0 - float(coverage)) / 2.0, (1.0 + float(coverage)) / 2.0]
        head.check_levels(levels, f"coverage={coverage!r}")
        return self._quantiles(head, self._raw(X), levels)

    def _mean_and_deviation(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        head = self._fitted_head("predict with return_std=True")
        if not isinstance(head, GaussianHead):
            raise ValueError(
                "return_std=True needs head='gaussian'; this regressor was fitted with"
                f" head={head.short_name!r}, see predict_interval."
            )
        raw = self._raw(X)
        deviation = head.deviation(raw).numpy() * self._target_.scale_
        mean = self._on_scale(head.point(raw))
        return mean, deviation.reshape(mean.shape)

    def _fitted_head(self, what: str) -> RegressionHead:
        check_is_fitted(self)
        if self._head_ is None:
            raise ValueError(
                f"{what} needs a head that knows more than the mean; this"
                f" {type(self).__name__} was fitted with head='mean'. Fit it with"
                " head='quantile' or head='gaussian'."
            )
        return self._head_

    def _raw(self, X: Any) -> torch.Tensor:
        return self._outputs(X).double()

    def _points(self, outputs: torch.Tensor) -> np.ndarray:
        """Return what `predict` says of raw outputs."""
        raw = self._objective_.predicted(outputs.double())
        return self._on_scale(raw if self._head_ is None else self._head_.point(raw))

    def _quantiles(
        self, head: RegressionHead, raw: torch.Tensor, levels: Sequence[float]
    ) -> np.ndarray:
        found = head.quantiles(raw, levels)
        return np.stack([self._on_scale(part) for part in found.unbind(-1)], -1)

    def _on_scale(self, values: torch.Tensor) -> np.ndarray:
        """Return (n, n_outputs) standardised values as the target has them."""
        found = values.numpy()
        shape = (len(found),) if self._target_.ndim_ == 1 else (len(found), -1)
        restored: np.ndarray = self._target_.inverse_transform(found.reshape(shape))
        return restored
