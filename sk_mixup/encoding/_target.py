"""Regression targets to unit scale and back.

A net starts with outputs near zero and of unit size, so its targets should be there
too: weighted mean 0, weighted standard deviation 1, per output. Means and squares are
taken of values scaled to 1 first, so that neither 1e300 nor 1e-300 breaks them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, check_consistent_length

from sk_mixup.encoding._column_names import column_names, column_order
from sk_mixup.encoding._container import as_pandas, is_frame
from sk_mixup.encoding._reading import read_numbers

_FLOAT32_MAX = float(np.finfo(np.float32).max)


class TargetScaler:
    """Standardise regression targets, and undo it.

    Parameters
    ----------
    scales : bool, default=True
        False: targets stay in their own units, with a mean of 0 and a scale of 1.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_outputs,), dtype float64
        Weighted mean and standard deviation; the scale of a constant output is 1.
    n_outputs_ : int
        Number of outputs.
    ndim_ : int
        1 for targets of shape (n_samples,), 2 for (n_samples, n_outputs).

    Examples
    --------
    >>> from sk_mixup.encoding import TargetScaler
    >>> scaler = TargetScaler().fit([10.0, 20.0, 30.0])
    >>> scaler.transform([20.0, 30.0]).round(4)
    array([0.    , 1.2247], dtype=float32)
    >>> scaler.inverse_transform([0.0])
    array([20.])
    """

    mean_: np.ndarray
    scale_: np.ndarray
    n_outputs_: int
    ndim_: int
    # Pickles of earlier versions say nothing of it.
    scales: bool = True

    def __init__(self, scales: bool = True) -> None:
        self.scales = scales

    def fit(self, y: Any, sample_weight: Any = None) -> TargetScaler:
        """Learn mean and standard deviation.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero.

        Returns
        -------
        self : TargetScaler

        Raises
        ------
        ValueError
            If `y` is None, empty, holds missing or infinite values, text or complex
            numbers, or has more than two dimensions; if the weights do not fit.
        """
        targets, self._names = _read_targets(y)
        columns = targets.reshape(len(targets), -1)
        weights = _read_weights(sample_weight, len(targets))
        if weights is not None:
            columns, weights = columns[weights > 0], weights[weights > 0]
        fitted = [
            _mean_and_scale(column, weights) if self.scales else (0.0, 1.0)
            for column in columns.T
        ]
        self.mean_ = np.array([mean for mean, _ in fitted])
        self.scale_ = np.array([scale for _, scale in fitted])
        self.n_outputs_ = columns.shape[1]
        self.ndim_ = targets.ndim
        return self

    def transform(self, y: Any) -> np.ndarray:
        """Return standardised targets.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)

        Returns
        -------
        scaled : ndarray of the same shape, dtype float32

        Raises
        ------
        ValueError
            As in `fit`, or if the number of outputs differs.
        """
        targets, names = _read_targets(y)
        n_outputs = targets.shape[1] if targets.ndim == 2 else 1
        if n_outputs == self.n_outputs_ == 1:
            # A vector and a column say the same.
            targets = targets.reshape((-1, 1)[: self.ndim_])
        if targets.ndim != self.ndim_ or n_outputs != self.n_outputs_:
            expected = (
                "1-D" if self.ndim_ == 1 else f"2-D with {self.n_outputs_} columns"
            )
            raise ValueError(
                f"y has shape {targets.shape}, but in fit it was {expected}. Pass"
                " targets of the same form."
            )
        fitted = getattr(self, "_names", None)
        order = column_order(names, fitted)
        if order is not None:
            targets = targets[:, order]
        with np.errstate(over="ignore"):
            scaled = (targets - self.mean_) / self.scale_
        values: np.ndarray = np.clip(scaled, -_FLOAT32_MAX, _FLOAT32_MAX).astype(
            np.float32
        )
        return values

    def inverse_transform(self, y: Any) -> np.ndarray:
        """Return targets on their own scale.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Standardised values, for example what a net predicts.

        Returns
        -------
        targets : ndarray of the same shape, dtype float64
        """
        values: np.ndarray = np.asarray(y, dtype=np.float64) * self.scale_ + self.mean_
        return values


def _read_targets(y: Any) -> tuple[np.ndarray, list[Any] | None]:
    """Return finite float64 of one or two dimensions, and the names of the columns."""
    if y is None:
        raise ValueError(
            "This regressor requires y to be passed, but the target y is None."
        )
    frame = as_pandas(y)
    names = None if frame is None else column_names(frame)
    targets = _to_float(y if frame is None else frame)
    # scikit-learn's words for missing, infinite, empty and many-dimensional targets.
    values: np.ndarray = check_array(
        targets, ensure_2d=False, dtype=np.float64, input_name="y"
    )
    return values, names


def _to_float(y: Any) -> Any:
    remedy = "Convert it to numbers, for example by pd.to_numeric(y)."
    if getattr(getattr(y, "dtype", None), "kind", "O") in "mM":
        raise ValueError(
            f"y holds dates or durations ({y.dtype}), but a regressor predicts numbers."
            " Convert it to a number, for example (y - y.min()) / pd.Timedelta('1D')."
        )
    if is_frame(y):
        columns = [
            read_numbers(y.iloc[:, j], f"column {y.columns[j]!r} of y", remedy=remedy)
            for j in range(y.shape[1])
        ]
        return np.column_stack(columns) if columns else np.empty(y.shape)
    if getattr(y, "ndim", None) == 1 and hasattr(y, "iloc"):
        return read_numbers(y, "y", remedy=remedy)
    array = check_array(
        y, ensure_2d=False, dtype=None, ensure_all_finite=False, input_name="y"
    )
    if array.dtype.kind in "biuf":
        return array
    numbers = read_numbers(array.reshape(-1), "y", remedy=remedy)
    return numbers.reshape(array.shape)


def _read_weights(sample_weight: Any, n_rows: int) -> np.ndarray | None:
    if sample_weight is None:
        return None
    weights: np.ndarray = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.ndim != 1:
        raise ValueError(
            f"sample_weight must be 1-D, one weight per row; got {weights.shape}."
        )
    check_consistent_length(weights, np.empty(n_rows))
    if weights.min() < 0:
        raise ValueError(f"sample_weight must not be negative; got {weights.min()}.")
    if weights.max() == 0:
        raise ValueError("sample_weight is zero in every row; at least one must count.")
    return weights


def _mean_and_scale(
    values: np.ndarray, weights: np.ndarray | None
) -> tuple[float, float]:
    """Return mean and standard deviation, without overflow of sums or squares."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low, 1.0
    largest = max(abs(low), abs(high))
    if weights is not None:
        weights = weights / weights.max()
    mean = float(np.average(values / largest, weights=weights))
    distance = values / largest - mean
    spread = float(np.abs(distance).max())
    variance = np.average((distance / spread) ** 2, weights=weights)
    scale = spread * float(np.sqrt(variance)) * largest
    return mean * largest, scale if scale > 0 else 1.0
