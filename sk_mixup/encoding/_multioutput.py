"""Several outputs at once: a matrix with a class per column."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from sk_mixup.encoding._classes import ClassEncoder
from sk_mixup.encoding._column_names import column_order
from sk_mixup.encoding._matrix import Matrix, read_matrix


class ClassMatrixEncoder:
    """Encode each column of class labels for itself.

    Attributes
    ----------
    classes_ : list of ndarray
        Sorted labels of each output, as RandomForestClassifier has them.
    n_outputs_ : int
        Number of outputs.

    Examples
    --------
    >>> from sk_mixup.encoding import ClassMatrixEncoder
    >>> encoder = ClassMatrixEncoder().fit([["red", 2], ["blue", 3], ["red", 5]])
    >>> [classes.tolist() for classes in encoder.classes_]
    [['blue', 'red'], [2, 3, 5]]
    >>> encoder.transform([["blue", 5]])
    array([[0, 2]])
    """

    kind: ClassVar[Literal["columns"]] = "columns"
    classes_: list[np.ndarray]
    n_outputs_: int

    def fit(self, y: Any, classes: Any = None) -> ClassMatrixEncoder:
        """Learn the classes of every output.

        Parameters
        ----------
        y : array-like of shape (n_samples, n_outputs)
        classes : list of array-like, default=None
            All classes of each output, where `y` may lack some.

        Returns
        -------
        self : ClassMatrixEncoder

        Raises
        ------
        ValueError
            As `ClassEncoder.fit` raises, for any column.
        """
        matrix = _read(y)
        self._names = matrix.names
        n_outputs = len(matrix.columns)
        if classes is not None and len(classes) != n_outputs:
            raise ValueError(
                f"classes must hold the classes of each of the {n_outputs} outputs; it"
                f" has {len(classes)} entries."
            )
        self._encoders = []
        for j, column in enumerate(matrix.columns):
            with _Column(matrix, j):
                own = None if classes is None else classes[j]
                self._encoders.append(ClassEncoder().fit(column, own))
        self.classes_ = [encoder.classes_ for encoder in self._encoders]
        self.n_outputs_ = n_outputs
        return self

    def has_classes(self, classes: Any) -> bool:
        """Whether these are the classes of the outputs, each in any order."""
        return len(classes) == self.n_outputs_ and all(
            encoder.has_classes(own)
            for encoder, own in zip(self._encoders, classes, strict=True)
        )

    def transform(self, y: Any) -> np.ndarray:
        """Return the codes of labels.

        Parameters
        ----------
        y : array-like of shape (n_samples, n_outputs)

        Returns
        -------
        codes : ndarray of shape (n_samples, n_outputs), dtype int64

        Raises
        ------
        ValueError
            If the number of outputs differs, or for labels that `fit` did not see.
        """
        matrix = self._read_in_order(y)
        codes = np.empty((len(matrix.columns[0]), self.n_outputs_), dtype=np.int64)
        for j, encoder in enumerate(self._encoders):
            with _Column(matrix, j):
                codes[:, j] = encoder.transform(matrix.columns[j])
        return codes

    def read(self, y: Any) -> np.ndarray:
        """Return labels as they are, known or not, of shape (n_samples, n_outputs)."""
        labels = np.empty((len(y), self.n_outputs_), dtype=object)
        matrix = self._read_in_order(y)
        for j, column in enumerate(matrix.columns):
            labels[:, j] = column
        return labels

    def inverse_transform(self, codes: Any) -> np.ndarray:
        """Return the labels of codes.

        Parameters
        ----------
        codes : array-like of int of shape (n_samples, n_outputs)

        Returns
        -------
        labels : ndarray of shape (n_samples, n_outputs)
            In the dtype that the outputs share, as objects where they share none.
        """
        codes = np.asarray(codes)
        columns = [e.inverse_transform(codes[:, j]) for j, e in self._numbered()]
        kinds = {classes.dtype.kind for classes in self.classes_}
        # Numbers of several kinds have a common one; a bool is no number.
        alike = len(kinds) == 1 or kinds <= set("iuf")
        dtype = np.result_type(*columns) if alike else np.dtype(object)
        labels = np.empty(codes.shape, dtype=dtype)
        for j, column in enumerate(columns):
            labels[:, j] = column
        return labels

    def _read_in_order(self, y: Any) -> Matrix:
        matrix = _read(y)
        if len(matrix.columns) != self.n_outputs_:
            raise ValueError(
                f"y has {len(matrix.columns)} outputs, but in fit it had"
                f" {self.n_outputs_}."
            )
        fitted = getattr(self, "_names", None)
        order = column_order(matrix.names, fitted)
        if order is None:
            return matrix
        columns = [matrix.columns[j] for j in order]
        return Matrix(columns, None, fitted)

    def _numbered(self) -> list[tuple[int, ClassEncoder]]:
        return list(enumerate(self._encoders))


class _Column:
    """Names the column in the errors of its encoder."""

    def __init__(self, matrix: Matrix, position: int) -> None:
        names = matrix.names
        self.name = position if names is None else names[position]

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, ValueError):
            raise ValueError(f"Column {self.name!r} of y: {error}") from error


def _read(y: Any) -> Matrix:
    matrix = read_matrix(y, least=1)
    if matrix is None:
        shape = getattr(y, "shape", None)
        found = "a sequence of labels" if shape is None else f"shape {tuple(shape)}"
        raise ValueError(
            f"y must be a matrix with a column of classes per output; got {found}."
        )
    return matrix
