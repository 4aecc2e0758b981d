"""Which kind of target a matrix is: labels, outputs with classes, or soft labels.

What the values say, of `y` of shape (n, 2 or more), where nobody says more:

============================================  ======================================
values                                        kind
============================================  ======================================
floats in [0, 1] whose rows sum to 1,         "soft": probabilities of classes
one-hot rows among them
all 0 or 1, of any other dtype or sum;        "labels": an indicator per label
sparse
text, or whole numbers beyond 0 and 1         "outputs": a class per column
-1 or NaN beside 0 and 1; any other floats    an error
============================================  ======================================

Values are those of some rows, and others may be of another kind: probabilities of
people who agree, for once, are one-hot, and of the classes 0, 1 and 2 a fold may lack
the last. The table leans to where that goes wrong least, and `target_kind` says it for
certain.
"""

from __future__ import annotations

import sys
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn.utils.multiclass import type_of_target

from sk_mixup.encoding._classes import _missing, _read_labels
from sk_mixup.encoding._column_names import column_names
from sk_mixup.encoding._container import as_pandas

Kind = Literal["classes", "labels", "outputs", "soft", "pixels"]

#: Pixels that do not count: what torch's losses leave out unless told otherwise.
IGNORED = -100
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


def is_mask_array(y: Any) -> bool:
    """Whether a target has a value per pixel, by its shape: three axes or more."""
    shape = getattr(y, "shape", None)
    if shape is None and isinstance(y, (list, tuple)) and len(y):
        first = getattr(y[0], "shape", None)
        return first is not None and len(first) >= 2
    return shape is not None and len(shape) >= 3


def read_matrix(y: Any, *, least: int = 2) -> Matrix | None:
    """Return a target of two columns or more; None for any other target.

    Parameters
    ----------
    y : array-like
    least : int, default=2
        Fewest columns.

    Raises
    ------
    ValueError
        If values are missing or infinite, or `y` has more than two dimensions.
    """
    frame = as_pandas(y)
    if frame is not None:
        if frame.shape[1] < least:
            return None
        names: list[Any] = frame.columns.tolist()
        _check_missing(np.asarray(frame.isna()), names)
        columns = [
            _read_labels(frame.iloc[:, j], f"column {name!r} of y", warns=False)
            for j, name in enumerate(names)
        ]
        numeric = all(column.dtype.kind in "biuf" for column in columns)
        numbers = np.column_stack(columns) if numeric else None
        return Matrix(columns, numbers, column_names(frame))
    array = _as_array(y)
    if array is None or array.ndim < 2 or (array.ndim == 2 and array.shape[1] < least):
        return None
    if array.ndim > 2:
        raise ValueError(
            f"y must have one or two dimensions; got shape {array.shape}. A class per"
            " row is a vector; labels, outputs and soft labels are the columns of a"
            " matrix."
        )
    if array.dtype.kind in "biuf":
        if array.dtype.kind == "f":
            _check_missing(np.isnan(array))
            if np.isinf(array).any():
                raise ValueError("Input y contains infinity, which is no class.")
        return Matrix(list(array.T), array, None)
    if array.dtype == object:
        _check_missing(_missing(array))
    columns = [
        _read_labels(array[:, j], f"column {j} of y") for j in range(array.shape[1])
    ]
    numeric = all(column.dtype.kind in "biuf" for column in columns)
    return Matrix(columns, np.column_stack(columns) if numeric else None, None)


def matrix_kind(matrix: Matrix) -> Kind:
    """Say what a matrix is by its values.

    Raises
    ------
    ValueError
        For floats that are no probabilities, and for -1 beside 0 and 1.
    """
    numbers = matrix.numbers
    if numbers is None:
        return "outputs"
    is_float = numbers.dtype.kind == "f"
    if is_indicator(numbers):
        return "soft" if is_float and bool((numbers.sum(1) == 1).all()) else "labels"
    if not is_float or bool((numbers == np.floor(numbers)).all()):
        _check_unknown(matrix)
        return "outputs"
    check_probabilities(numbers)
    return "soft"


def _check_unknown(matrix: Matrix) -> None:
    """Refuse -1 beside 0 and 1: it marks what is not known, or a class."""
    numbers = matrix.numbers
    assert numbers is not None
    unknown = numbers == -1
    if not unknown.any() or not (numbers == 0).any():
        return
    if not ((numbers == 0) | (numbers == 1) | unknown).all():
        return
    row, column = _first(unknown, matrix.names)
    raise ValueError(
        f"y holds -1 beside 0 and 1, first in row {row} of column {column!r}. If it"
        " marks a label that is not known, drop the row or decide for 0 or 1; if it is"
        " a class of its own, say target_kind='outputs'."
    )


def _check_missing(missing: np.ndarray, names: list[Any] | None = None) -> None:
    if not missing.any():
        return
    row, column = _first(missing, names)
    raise ValueError(
        f"Input column {column!r} of y contains NaN, first in row {row}"
        f" ({int(missing.sum())} missing in all). A label that is not known cannot be"
        " learnt from: drop these rows, decide for a value, or write a label of its own"
        " in its place, such as -1, and say target_kind='outputs'."
    )


def _first(found: np.ndarray, names: list[Any] | None) -> tuple[int, Any]:
    row, column = (int(i) for i in np.argwhere(found)[0])
    return row, column if names is None else names[column]


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
