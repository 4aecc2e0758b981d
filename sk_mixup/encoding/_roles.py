"""Decide which columns are categories and which are numbers.

The parameter is the one of scikit-learn's histogram gradient boosting, with one
difference of meaning: ``"from_dtype"`` takes text columns for categories too, because
a raw DataFrame holds its categories as text far more often than as a category dtype.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_mixup.encoding._container import is_frame

if TYPE_CHECKING:
    import pandas as pd

_KINDS = (
    "'from_dtype', None, a boolean mask, a list of column positions or a list of"
    " column names"
)
_NUMBER_OBJECTS = {"integer", "floating", "mixed-integer-float", "decimal", "boolean"}
_TIME_OBJECTS = {
    "datetime64",
    "datetime",
    "date",
    "time",
    "timedelta64",
    "timedelta",
    "period",
    "interval",
}


def find_categorical(
    X: pd.DataFrame | np.ndarray, categorical_features: Any, labels: Sequence[str]
) -> np.ndarray:
    """Return the boolean mask of the categorical columns.

    Parameters
    ----------
    X : pandas.DataFrame or ndarray of shape (n_samples, n_features)
        A table as `as_table` returns it.
    categorical_features : "from_dtype", None or array-like
        See :class:`TableEncoder`.
    labels : sequence of str
        What messages call each column.

    Returns
    -------
    is_categorical : ndarray of shape (n_features,), dtype bool

    Raises
    ------
    TypeError
        If `categorical_features` has a type that means nothing here.
    ValueError
        If it names unknown columns, positions out of range or a mask of another length;
        or if a column holds dates, durations, periods or intervals.
    """
    n_features = X.shape[1]
    if categorical_features is None:
        return np.zeros(n_features, dtype=bool)
    if isinstance(categorical_features, str):
        if categorical_features != "from_dtype":
            raise ValueError(_explain_string(categorical_features, X))
        if not is_frame(X):
            return np.zeros(n_features, dtype=bool)
        columns = (X.iloc[:, position] for position in range(n_features))
        return np.array(
            [
                is_category_column(column, label)
                for column, label in zip(columns, labels, strict=True)
            ],
            dtype=bool,
        )
    return _mask_from_items(categorical_features, X)


def is_category_column(column: pd.Series, label: str) -> bool:
    """Tell a category column from a number column by its dtype.

    Object columns are looked into: numbers, booleans and missing values alone make a
    number column. An object column with nothing but missing values counts as text: its
    later values are then unseen categories, not errors.
    """
    import pandas as pd

    dtype: Any = column.dtype
    if isinstance(dtype, pd.SparseDtype):
        dtype = dtype.subtype
    if isinstance(dtype, pd.CategoricalDtype):
        return True
    kind = getattr(dtype, "kind", "O")
    if kind in "mM" or isinstance(dtype, (pd.PeriodDtype, pd.IntervalDtype)):
        raise ValueError(explain_time(label, dtype))
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        return False
    if dtype != np.dtype(object):
        return True
    content = pd.api.types.infer_dtype(column, skipna=True)
    if content in _TIME_OBJECTS:
        raise ValueError(explain_time(label, f"object column of {content} values"))
    if content in {"mixed", "mixed-integer"}:
        numbers = (bool, int, float, np.bool_, np.number)
        return not all(isinstance(v, numbers) for v in column[column.notna()])
    return content not in _NUMBER_OBJECTS | {"complex"}


def is_text_column(column: Any) -> bool:
    """Whether a categorical column holds text rather than a category dtype."""
    import pandas as pd

    return not isinstance(column.dtype, pd.CategoricalDtype)


def explain_time(label: str, dtype: Any) -> str:
    """Say what to do with a column of dates, durations, periods or intervals."""
    return (
        f"X has dates, times or intervals in {label} ({dtype}), and no one encoding of"
        f" these is right for all tables. {_time_remedy(label, str(dtype))} Or declare"
        " the column in categorical_features, or drop it."
    )


def _time_remedy(label: str, dtype: str) -> str:
    name = label.removeprefix("column ")
    if name.isdigit():
        return "Extract the parts that matter as numbers, such as year and weekday."
    if "delta" in dtype or "duration" in dtype:
        return f"Turn it into a number: X[{name}].dt.total_seconds()."
    if "interval" in dtype:
        return f"Turn it into a number: X[{name}].array.mid."
    return (
        f"Extract the parts that matter, for example X[{name}].dt.year or"
        f" X[{name}].dt.dayofweek; or turn it into a number:"
        f" (X[{name}] - X[{name}].min()).dt.days."
    )


def _explain_string(value: str, X: pd.DataFrame | np.ndarray) -> str:
    hint = ""
    if is_frame(X) and value in X.columns:
        hint = f" For the column of that name pass [{value!r}]."
    elif difflib.get_close_matches(value, ["from_dtype"]):
        hint = " Did you mean 'from_dtype'?"
    return f"categorical_features must be {_KINDS}; got {value!r}.{hint}"


def _mask_from_items(
    categorical_features: Any, X: pd.DataFrame | np.ndarray
) -> np.ndarray:
    """Read a mask, positions or names."""
    items = _as_items(categorical_features)
    n_features = X.shape[1]
    types = {type(item) for item in items}
    mask = np.zeros(n_features, dtype=bool)
    if not items:
        return mask
    if all(issubclass(kind, (bool, np.bool_)) for kind in types):
        if len(items) != n_features:
            raise ValueError(
                "categorical_features given as a boolean mask must have one entry per"
                f" column: X has {n_features} columns, the mask {len(items)} entries."
            )
        return np.array(items, dtype=bool)
    if all(issubclass(kind, (int, np.integer)) for kind in types - {bool}) and (
        bool not in types
    ):
        outside = [int(item) for item in items if not 0 <= item < n_features]
        if outside:
            raise ValueError(
                "categorical_features given as positions must lie in"
                f" [0, {n_features - 1}] for the {n_features} columns of X; got"
                f" {outside[:5]}."
            )
        mask[np.array(items, dtype=np.int64)] = True
        return mask
    if all(issubclass(kind, str) for kind in types):
        return _mask_from_names([str(item) for item in items], X)
    found = ", ".join(sorted(kind.__name__ for kind in types))
    raise TypeError(
        f"categorical_features must be {_KINDS}; got a list with items of type {found}."
    )


def _as_items(categorical_features: Any) -> list[Any]:
    if isinstance(categorical_features, (set, frozenset, dict, bytes)) or not hasattr(
        categorical_features, "__len__"
    ):
        raise TypeError(
            f"categorical_features must be {_KINDS}; got {categorical_features!r} of"
            f" type {type(categorical_features).__name__}."
        )
    array = np.asarray(categorical_features, dtype=object)
    if array.ndim != 1:
        raise ValueError(
            "categorical_features must be one-dimensional; got an array of shape"
            f" {array.shape}."
        )
    return list(array)


def _mask_from_names(names: list[str], X: pd.DataFrame | np.ndarray) -> np.ndarray:
    if not is_frame(X):
        raise ValueError(
            f"categorical_features holds column names ({names[0]!r}, ...), but X is an"
            " array and has none. Pass positions or a boolean mask, or a DataFrame."
        )
    columns = list(X.columns)
    mask = np.zeros(len(columns), dtype=bool)
    for name in names:
        if name not in columns:
            known = [str(column) for column in columns]
            near = difflib.get_close_matches(name, known, n=3)
            hint = (
                f"Did you mean {' or '.join(map(repr, near))}?"
                if near
                else (f"The columns of X are {known[:20]}.")
            )
            raise ValueError(
                f"categorical_features names {name!r}, which is no column of X. {hint}"
            )
        mask[columns.index(name)] = True
    return mask
