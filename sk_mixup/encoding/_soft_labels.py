"""Soft labels: a probability per class, given by the user.

They come from several annotators, or from a larger model. Hard labels are a special
case of them, so that a fitted encoder takes labels too: people train on soft labels and
validate on hard ones.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from sk_mixup.encoding._classes import ClassEncoder, _read_labels
from sk_mixup.encoding._column_names import column_order
from sk_mixup.encoding._matrix import Matrix, check_probabilities, read_matrix


class SoftLabelEncoder:
    """Read probabilities of classes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels: the names of a DataFrame's columns, or their positions.

    Examples
    --------
    >>> import pandas as pd
    >>> from sk_mixup.encoding import SoftLabelEncoder
    >>> y = pd.DataFrame({"no": [0.25, 1.0], "maybe": [0.75, 0.0]})
    >>> encoder = SoftLabelEncoder().fit(y)
    >>> encoder.classes_.tolist(), encoder.transform(y).tolist()
    (['maybe', 'no'], [[0.75, 0.25], [0.0, 1.0]])
    >>> encoder.transform(["no", "maybe"]).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """

    kind: ClassVar[Literal["soft"]] = "soft"
    n_outputs_: ClassVar[int] = 1
    classes_: np.ndarray

    def fit(self, y: Any, classes: Any = None) -> SoftLabelEncoder:
        """Learn the classes.

        Parameters
        ----------
        y : array-like of shape (n_samples, n_classes) or (n_samples,)
            Probabilities: rows in [0, 1] that sum to 1, to 0.001. Or labels, where all
            that are probable are among them or in `classes`.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns, in their order.

        Returns
        -------
        self : SoftLabelEncoder

        Raises
        ------
        ValueError
            If `y` holds no probabilities, or the labels do not fit its columns.
        """
        if read_matrix(y) is None:
            self._encoder = ClassEncoder().fit(y, classes)
            self.classes_ = self._encoder.classes_
            self._order = np.arange(len(self.classes_))
            self._names = self.classes_.tolist()
            return self
        matrix = _read_probabilities(y)
        names = matrix.names
        given = classes
        if names is not None:
            given = names
        elif given is None:
            given = np.arange(len(matrix.columns))
        # Objects: an array of its own choice would make text of mixed names.
        labels = _read_labels(np.array(list(given), dtype=object), "classes")
        if len(labels) != len(matrix.columns) or len(set(labels.tolist())) < len(
            labels
        ):
            what = "the names of its columns" if names is not None else "classes"
            raise ValueError(
                f"y has {len(matrix.columns)} columns of probabilities: {what} must be"
                f" as many different labels; got {labels.tolist()}."
            )
        self._encoder = ClassEncoder().fit(labels, None if names is None else classes)
        if names is not None and len(self._encoder.classes_) != len(labels):
            raise ValueError(
                f"classes={list(classes)!r} differ from the names of the columns of y,"
                f" {names}."
            )
        self.classes_ = self._encoder.classes_
        self._order = np.argsort(self._encoder.transform(labels))
        self._names = names
        return self

    def has_classes(self, classes: Any) -> bool:
        """Whether these are the classes, in any order."""
        return self._encoder.has_classes(classes)

    def transform(self, y: Any) -> np.ndarray:
        """Return a probability per class, in the order of ``classes_``.

        Parameters
        ----------
        y : array-like of shape (n_samples, n_classes) or (n_samples,)
            Probabilities, or labels.

        Returns
        -------
        soft : ndarray of shape (n_samples, n_classes), dtype float32
            Rows that sum to 1.

        Raises
        ------
        ValueError
            If these are no probabilities of the classes of `fit`, and no labels.
        """
        if read_matrix(y) is None:
            codes = self._encoder.transform(y)
            certain: np.ndarray = np.eye(len(self.classes_), dtype=np.float32)[codes]
            return certain
        matrix = _read_probabilities(y)
        n_columns, n_classes = len(matrix.columns), len(self.classes_)
        if n_columns != n_classes:
            raise ValueError(
                f"y has {n_columns} columns of probabilities, but in fit it had"
                f" {n_classes} classes."
            )
        moved = column_order(matrix.names, getattr(self, "_names", None))
        order = self._order if moved is None else moved[self._order]
        assert matrix.numbers is not None
        soft = matrix.numbers.astype(np.float64)[:, order].clip(0.0, 1.0)
        values: np.ndarray = (soft / soft.sum(axis=1, keepdims=True)).astype(np.float32)
        return values

    def inverse_transform(self, codes: Any) -> np.ndarray:
        """Return the labels of codes, as `ClassEncoder` does."""
        return self._encoder.inverse_transform(codes)


def _read_probabilities(y: Any) -> Matrix:
    matrix = read_matrix(y)
    if matrix is None or matrix.numbers is None:
        raise ValueError(
            "y was said to be, or in fit was, soft labels: it must be a matrix of"
            " numbers, a probability for each row and class. target_kind says what y"
            " is."
        )
    check_probabilities(matrix.numbers)
    return matrix
