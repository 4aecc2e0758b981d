"""Which kind of target a matrix is: labels, columns of classes, or soft labels.

The rule looks at the values alone, and asks for no parameter:

============================================  ======================================
values of `y`, of shape (n, 2 or more)        kind
============================================  ======================================
all 0 or 1, of any dtype; sparse              "labels": an indicator per label
floats in [0, 1], some in between, whose      "soft": probabilities of classes
rows sum to 1
text, or whole numbers beyond 0 and 1         "columns": a class per column
any other floats                              an error
============================================  ======================================

One-hot rows of 0 and 1 are indicators by this rule, as everywhere in scikit-learn.
"""

from __future__ import annotations

import sys
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn.utils.multiclass import type_of_target

from sk_mixup.encoding._classes import _raise_missing, _read_labels
from sk_mixup.encoding._container import is_frame

Kind = Literal["classes", "labels", "columns", "soft"]

#: Probabilities of a row may miss 1 by this much: they were rounded for a file.
SUM_SLACK = 1e-3
# A softmax in single precision may end beyond 1.
_RANGE_SLACK = 1e-6


class Matrix(NamedTuple):
    """A target of two dimensions.

    Attributes
    ----------
    columns : list of ndarray of shape (n_samples,)
        Values as labels are read: text as objects, the rest as numbers or booleans.
    numbers : ndarray of shape (n_samples, n_columns) or None
        The same, where every column holds numbers or booleans.
    names : list or None
        Names of the columns of a DataFrame.
    """

    columns: list[np.ndarray]
    numbers: np.ndarray | None
    names: list[Any] | None


def read_matrix(y: Any) -> Matrix | None:
    """Return a target of two columns or more; None for any other target.

    Raises
    ------
    ValueError
        If values are missing or infinite, or `y` has more than two dimensions.
    """
    if is_frame(y):
        if y.shape[1] < 2:
            return None
        names = y.columns.tolist()
        columns = [
            _read_labels(y.iloc[:, j], f"column {name!r} of y")
            for j, name in enumerate(names)
        ]
        numeric = all(column.dtype.kind in "biuf" for column in columns)
        numbers = np.column_stack(columns) if numeric else None
        return Matrix(columns, numbers, names)
    array = _as_array(y)
    if array is None or array.ndim < 2 or (array.ndim == 2 and array.shape[1] < 2):
        return None
    if array.ndim > 2:
        raise ValueError(
            f"y must have one or two dimensions; got shape {array.shape}. A class per"
            " row is a vector; labels, outputs and soft labels are the columns of a"
            " matrix."
        )
    if array.dtype.kind in "biuf":
        _check_finite(array)
        return Matrix(list(array.T), array, None)
    columns = [
        _read_labels(array[:, j], f"column {j} of y") for j in range(array.shape[1])
    ]
    numeric = all(column.dtype.kind in "biuf" for column in columns)
    return Matrix(columns, np.column_stack(columns) if numeric else None, None)


def matrix_kind(matrix: Matrix) -> Kind:
    """Say what a matrix is.

    Raises
    ------
    ValueError
        For floats that are no probabilities.
    """
    numbers = matrix.numbers
    if numbers is None:
        return "columns"
    if is_indicator(numbers):
        return "labels"
    if numbers.dtype.kind != "f" or bool((numbers == np.floor(numbers)).all()):
        return "columns"
    check_probabilities(numbers)
    return "soft"


def is_indicator(numbers: np.ndarray) -> bool:
    """Whether all values are 0 or 1."""
    return numbers.dtype.kind == "b" or bool(((numbers == 0) | (numbers == 1)).all())


def check_probabilities(numbers: np.ndarray) -> None:
    """Check that every row holds probabilities of classes.

    Raises
    ------
    ValueError
        If a value lies outside [0, 1], or a row does not sum to 1.
    """
    outside = (numbers < -_RANGE_SLACK) | (numbers > 1 + _RANGE_SLACK)
    sums = numbers.sum(axis=1, dtype=np.float64)
    wrong = outside.any(axis=1) | (np.abs(sums - 1.0) > SUM_SLACK)
    if not wrong.any():
        return
    row = int(np.flatnonzero(wrong)[0])
    if outside[row].any():
        found = f"row {row} holds {float(numbers[row][outside[row]][0]):g}"
    else:
        found = f"row {row} sums to {float(sums[row]):g}"
    raise ValueError(
        "Unknown label type: continuous-multioutput. A matrix of floats is taken as"
        " soft labels, whose rows are probabilities of classes that lie in [0, 1] and"
        f" sum to 1; {found}. Divide each row by its sum; for a yes or no per label"
        " give 0 and 1, (y > 0.5).astype(int); for numbers to predict use"
        " MixupRegressor."
    )


def _as_array(y: Any) -> np.ndarray | None:
    """Return what may be a matrix as an array; None for what is surely none."""
    # The module test spares the import of scipy.sparse for every dense target.
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(y):
        return _dense_indicator(y)
    if isinstance(y, (list, tuple)):
        if not len(y) or isinstance(y[0], str) or not hasattr(y[0], "__len__"):
            return None
        if len({len(row) if hasattr(row, "__len__") else -1 for row in y}) > 1:
            type_of_target(y)  # Has words for the label sets of old.
            raise ValueError("y: rows must have one length; give an array of them.")
    elif getattr(y, "ndim", 1) < 2 and not _is_array_like(y):
        return None
    # A tensor may live on a GPU.
    array = np.asarray(y.cpu() if hasattr(y, "cpu") else y)
    if array.ndim < 2:
        return None
    if array.dtype.kind in "US" and not isinstance(y, np.ndarray):
        # NumPy made text of numbers that stand beside text.
        array = np.array(y, dtype=object)
    return array


def _is_array_like(y: Any) -> bool:
    return hasattr(y, "__array__") and not hasattr(y, "ndim")


def _dense_indicator(y: Any) -> np.ndarray:
    values = y.tocoo().data
    if values.dtype.kind not in "biuf" or not is_indicator(values):
        raise ValueError(
            "A sparse y must be an indicator matrix, 1 for each label that a row has;"
            " other values were found. Give other targets as a dense array:"
            " y.toarray()."
        )
    dense: np.ndarray = y.toarray()
    return dense


def _check_finite(array: np.ndarray) -> None:
    if array.dtype.kind != "f":
        return
    n_missing = int(np.isnan(array).sum())
    if n_missing:
        _raise_missing(n_missing, "y")
    if np.isinf(array).any():
        raise ValueError("Input y contains infinity, which is no class.")
