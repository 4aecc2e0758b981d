"""Several labels at once: a matrix with a yes or no per label."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from sk_mixup.encoding._column_names import column_order
from sk_mixup.encoding._matrix import Matrix, is_indicator, read_matrix


class LabelMatrixEncoder:
    """Read indicator matrices.

    Attributes
    ----------
    classes_ : ndarray of shape (n_labels,)
        Indices of the labels, as MLPClassifier has them.
    n_outputs_ : int
        Number of labels.

    Examples
    --------
    >>> from sk_mixup.encoding import LabelMatrixEncoder
    >>> encoder = LabelMatrixEncoder().fit([[True, False], [True, True]])
    >>> encoder.transform([[0, 1]])
    array([[0., 1.]], dtype=float32)
    """

    kind: ClassVar[Literal["labels"]] = "labels"
    classes_: np.ndarray
    n_outputs_: int

    def fit(self, y: Any, classes: Any = None) -> LabelMatrixEncoder:
        """Learn the number of labels.

        Parameters
        ----------
        y : array-like or sparse matrix of shape (n_samples, n_labels)
            0 and 1, or booleans.
        classes : array-like of shape (n_labels,), default=None
            Indices of the labels, as ``partial_fit`` takes them.

        Returns
        -------
        self : LabelMatrixEncoder

        Raises
        ------
        ValueError
            If `y` holds anything else, or `classes` are not the indices of its columns.
        """
        indicators, names = _read_indicators(y)
        self.n_outputs_ = indicators.shape[1]
        self._names = names
        self.classes_ = np.arange(self.n_outputs_)
        if classes is not None and not self.has_classes(classes):
            raise ValueError(
                f"classes={classes!r}: y is a matrix of {self.n_outputs_} labels, whose"
                f" classes are their indices, 0 to {self.n_outputs_ - 1}."
            )
        return self

    def has_classes(self, classes: Any) -> bool:
        """Whether these are the classes, in any order."""
        try:
            same: bool = sorted(np.asarray(classes).tolist()) == self.classes_.tolist()
            return same
        except TypeError:
            return False

    def transform(self, y: Any) -> np.ndarray:
        """Return indicators as float32.

        Parameters
        ----------
        y : array-like or sparse matrix of shape (n_samples, n_labels)

        Returns
        -------
        indicators : ndarray of shape (n_samples, n_labels), dtype float32

        Raises
        ------
        ValueError
            If `y` is no indicator matrix of as many labels as in `fit`.
        """
        indicators, names = _read_indicators(y)
        if indicators.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {indicators.shape[1]} labels, but in fit it had"
                f" {self.n_outputs_}."
            )
        fitted = getattr(self, "_names", None)
        order = column_order(names, fitted)
        if order is not None:
            indicators = indicators[:, order]
        return indicators.astype(np.float32)

    def inverse_transform(self, indicators: Any) -> np.ndarray:
        """Return indicators as int64, as scikit-learn's classifiers predict them."""
        return np.asarray(indicators).astype(np.int64)


def _read_indicators(y: Any) -> tuple[np.ndarray, list[Any] | None]:
    """Return the values and the names of the columns."""
    matrix = read_matrix(y, least=1)
    if matrix is None:
        shape = getattr(y, "shape", None)
        found = "a sequence of labels" if shape is None else f"shape {tuple(shape)}"
        raise ValueError(
            f"y must be an indicator matrix with a column per label; got {found}."
        )
    if matrix.numbers is None or not is_indicator(matrix.numbers):
        raise ValueError(
            f"y must be an indicator matrix of 0 and 1 (or booleans); it holds"
            f" {_other_value(matrix)!r}. In fit it was taken as several labels, or"
            " target_kind said so: for probabilities say target_kind='soft', for a"
            " class per column target_kind='outputs'."
        )
    return matrix.numbers, matrix.names


def _other_value(matrix: Matrix) -> Any:
    for column in matrix.columns:
        other = column[(column != 0) & (column != 1)]
        if len(other):
            return other.tolist()[0]
    return None
