"""Read a column of any dtype as real numbers, or say why that cannot be.

NumPy would parse text as numbers, turn complex numbers into real ones with a warning
and dates into nanoseconds. All of these hide a mistake in the table, so each raises
here, with the name of the column, the value and what to do about it.
"""

from __future__ import annotations

import datetime
from typing import Any, cast

import numpy as np

from sk_mixup.encoding._roles import explain_time

TOO_LARGE = "Input X contains infinity or a value too large for dtype('float64')"

_PLAIN_NUMBERS = frozenset({float, int, bool, np.float64, np.int64, np.bool_})
_TIMES = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    np.datetime64,
    np.timedelta64,
)


def is_plain(dtype: Any) -> bool:
    """Whether values are numbers of NumPy that float64 holds, and taken as they are."""
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf" and dtype.itemsize <= 8


def read_numbers(column: Any, label: str, *, remedy: str) -> np.ndarray:
    """Read a column as real numbers, missing values as NaN.

    Parameters
    ----------
    column : Series or ndarray of shape (n_rows,)
        Any dtype whose values are numbers, booleans or missing.
    label : str
        What messages call the column.
    remedy : str
        What to do when the column holds text.

    Returns
    -------
    values : ndarray of shape (n_rows,)
        NumPy's integers, booleans and floats keep their dtype, so that no copy is made;
        everything else becomes float64. May share memory with `column`: do not
        write to it.

    Raises
    ------
    ValueError
        For text, complex numbers, dates, and integers too large for a float.
    TypeError
        For other objects.
    """
    dtype = column.dtype
    kind = getattr(dtype, "kind", "O")
    if is_plain(dtype):
        return np.asarray(column)
    if kind in "biuf" and isinstance(dtype, np.dtype):
        values = np.asarray(column)
        with np.errstate(over="ignore"):
            # What float64 cannot hold becomes infinite, and an error later.
            return values.astype(np.float64)
    if kind == "c":
        raise ValueError(
            f"Complex data not supported: {label} has dtype {dtype}. Pass real and"
            " imaginary parts as two columns."
        )
    if kind in "mM":
        raise ValueError(explain_time(label, dtype))
    if kind in "biuf" and hasattr(column, "to_numpy"):
        found: np.ndarray = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return found
    return _read_objects(np.asarray(column, dtype=object).tolist(), label, remedy)


def first_text(column: Any) -> str | bytes | None:
    """Return the first text of a column; None of one without any."""
    if getattr(column.dtype, "kind", "O") in "biufcmM":
        return None
    values = np.asarray(column, dtype=object).tolist()
    return next((value for value in values if isinstance(value, (str, bytes))), None)


def _read_objects(values: list[Any], label: str, remedy: str) -> np.ndarray:
    if not _PLAIN_NUMBERS.issuperset(set(map(type, values))):
        values = [
            value if type(value) is float else _as_number(value, label, remedy)
            for value in values
        ]
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError as error:
        raise ValueError(
            f"{TOO_LARGE}, in {label}: {error}. Scale the column down or take its"
            " logarithm."
        ) from error


def _as_number(value: Any, label: str, remedy: str) -> float | int:
    """Return the number that `value` is; NaN for the missing values of pandas."""
    if isinstance(value, (int, float, np.number, np.bool_)) and not np.iscomplexobj(
        value
    ):
        return cast("float | int", value)
    if isinstance(value, (str, bytes)):
        raise ValueError(
            f"Found the text {value!r} in {label}, which must hold numbers. {remedy}"
        )
    if value is None or _is_missing(value):
        return np.nan
    if isinstance(value, _TIMES):
        raise ValueError(explain_time(label, f"values such as {value!r}"))
    if isinstance(value, complex):
        raise ValueError(f"Complex data not supported: {label} holds {value!r}.")
    try:
        return float(value)
    except TypeError as error:
        raise TypeError(
            f"Cannot read {label} as numbers: {error} (value {value!r})."
        ) from None


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return value is pd.NA or value is pd.NaT
