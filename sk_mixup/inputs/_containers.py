"""Containers that hold what a net takes, in a form of their own.

Images come as a list of arrays, as a column of a DataFrame or as nested lists; ids as
nullable integers or Python objects; numbers in the byte order of another machine. Each
becomes the one array that it stands for. What yields rows and cannot be counted or
picked is refused with what to give in its place.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

import numpy as np
import torch
from torch import Tensor

_SHOWN = 10


def refuse_uncountable(X: Any, name: str) -> None:
    """Raise for what yields rows or batches, and has none to pick.

    Raises
    ------
    TypeError
    """
    if isinstance(X, torch.utils.data.DataLoader):
        raise TypeError(
            f"{name}: X is a DataLoader, whose batches are made already. Give its data"
            " set, X.dataset; batch_size, iterator_train__num_workers and the like are"
            " parameters here."
        )
    if isinstance(X, (Iterator, set, frozenset, KeysView, ValuesView, ItemsView)):
        raise TypeError(
            f"{name}: X is a {type(X).__name__}, whose rows cannot be counted or"
            " picked. Give list(X), an array, or an iterable data set"
            " (torch.utils.data.IterableDataset) of pairs with classes=."
        )


def is_list_of_items(X: Any) -> bool:
    """Whether a list holds items as those of a data set: pairs, or dicts of inputs.

    A pair is ``(input, target)`` with an array as its input; rows of a table hold
    values.
    """
    if not isinstance(X, list) or not X:
        return False
    if isinstance(X[0], Mapping):
        return all(isinstance(item, Mapping) for item in X)
    return all(
        isinstance(item, tuple) and len(item) == 2 and _is_input(item[0]) for item in X
    )


def _is_input(value: Any) -> bool:
    return isinstance(value, Mapping) or getattr(value, "ndim", 0) > 0


def as_array(X: Any) -> Any:
    """Return the array that a container of arrays stands for; others as they are.

    Parameters
    ----------
    X : object
        Lists of arrays, tensors or nested lists; arrays and Series of such, and a
        DataFrame with one column of them; arrays of Python numbers; arrays of another
        byte order.

    Returns
    -------
    X : object
        An ndarray or a Tensor where it was one of these.

    Raises
    ------
    ValueError
        If the arrays differ in shape, naming the rows; or stand beside other columns.
    """
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        return _of_frame(X)
    if hasattr(X, "to_numpy") and not hasattr(X, "columns"):
        return _of_series(X)
    if isinstance(X, (list, tuple)):
        return _of_list(X)
    if isinstance(X, np.ndarray):
        if X.dtype == object and X.ndim == 1 and len(X) and _is_nested(X[0]):
            return stack(X.tolist())
        return plain(X)
    return X


def plain(values: np.ndarray) -> np.ndarray:
    """Return numbers in this machine's byte order and, of objects, in their dtype."""
    if values.dtype.kind in "biufc" and not values.dtype.isnative:
        return values.astype(values.dtype.newbyteorder("="))
    if values.dtype != object or not values.size:
        return values
    types = set(map(type, values.ravel().tolist()))
    if all(issubclass(kind, (bool, np.bool_)) for kind in types):
        return values.astype(bool)
    if all(issubclass(kind, (int, np.integer)) and kind is not bool for kind in types):
        try:
            return values.astype(np.int64)
        except OverflowError:
            return values
    return values


def stack(rows: list[Any], name: str = "X") -> Any:
    """Return arrays, tensors or nested lists of one shape as one array.

    Raises
    ------
    ValueError
        Naming the first two rows that differ.
    """
    if all(isinstance(row, Tensor) for row in rows):
        parts: list[Any] = [row.detach() for row in rows]
    else:
        parts = [_row(row, i, name) for i, row in enumerate(rows)]
    shapes = [tuple(part.shape) for part in parts]
    other = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), None)
    if other is not None:
        raise ValueError(
            f"{name} holds arrays of different shapes: {shapes[0]} in row 0 and"
            f" {shapes[other]} in row {other}. Resize or pad them to one shape, or give"
            " a data set and iterator_train__collate_fn."
        )
    if isinstance(parts[0], Tensor):
        return torch.stack(parts)
    return plain(np.stack(parts))


def _of_list(X: Any) -> Any:
    # Lists of numbers are rows of a table, and read as such.
    if not X or not _is_nested(X[0]) or not _is_nested_twice(X[0]):
        return X
    return stack(list(X))


def _of_series(X: Any) -> Any:
    if not len(X) or not _is_object(X):
        return X
    values = X.tolist()
    return stack(values, f"column {X.name!r}") if _is_nested(values[0]) else X


def _of_frame(X: Any) -> Any:
    nested = [
        name
        for j, name in enumerate(X.columns)
        if len(X) and _is_object(X.iloc[:, j]) and _is_nested(X.iloc[0, j])
    ]
    if not nested:
        return _numbers_of_frame(X)
    if len(X.columns) == 1:
        return stack(X.iloc[:, 0].tolist(), f"column {X.columns[0]!r}")
    raise ValueError(
        f"X: the columns {nested[:_SHOWN]} hold arrays beside other columns. Give a"
        " dict with one array for each argument of the module's forward:"
        f" {{{nested[0]!r}: numpy.stack(X[{nested[0]!r}]), ...}}."
    )


def _numbers_of_frame(X: Any) -> Any:
    """Return a frame with plain dtypes in place of nullable ones and of objects."""
    import pandas as pd

    changed = {}
    for j in range(X.shape[1]):
        column = X.iloc[:, j]
        kind = getattr(column.dtype, "numpy_dtype", None)
        if kind is not None and kind.kind in "biuf":
            missing = np.flatnonzero(np.asarray(column.isna()))
            if len(missing) and kind.kind != "f":
                raise ValueError(
                    f"Input X contains NaN: column {X.columns[j]!r} of dtype"
                    f" {column.dtype}, first in row {missing[0]}. Replace or drop such"
                    " values: a module of your own gets them as they are."
                )
            missing_as: Any = {"na_value": np.nan} if kind.kind == "f" else {}
            changed[j] = column.to_numpy(dtype=kind, **missing_as)
        elif column.dtype == object and len(column):
            values = plain(column.to_numpy())
            if values.dtype != object:
                changed[j] = values
        elif isinstance(column.dtype, np.dtype) and not column.dtype.isnative:
            changed[j] = plain(column.to_numpy())
    if not changed:
        return X
    columns = [
        pd.Series(changed.get(j, X.iloc[:, j].array), index=X.index)
        for j in range(X.shape[1])
    ]
    out = pd.concat(columns, axis=1)
    out.columns = X.columns
    return out


def _row(row: Any, position: int, name: str) -> np.ndarray:
    if isinstance(row, Tensor):
        row = row.detach().cpu()
    try:
        array = np.asarray(row)
    except ValueError as error:
        raise ValueError(
            f"{name}: row {position} holds lists of different lengths ({error}). Pad"
            " them to one array."
        ) from error
    if array.dtype.kind not in "biufcO":
        raise ValueError(
            f"{name}: row {position} holds {array.dtype} values; a module of your own"
            " takes numbers."
        )
    return array


def _is_object(column: Any) -> bool:
    return getattr(column.dtype, "kind", "") == "O" and isinstance(
        column.dtype, np.dtype
    )


def _is_nested(value: Any) -> bool:
    if isinstance(value, (np.ndarray, Tensor)):
        return value.ndim > 0
    return isinstance(value, (list, tuple)) and len(value) > 0


def _is_nested_twice(value: Any) -> bool:
    """Whether a row has two axes or more: rows of one axis are those of a table."""
    if isinstance(value, (np.ndarray, Tensor)):
        return value.ndim > 1
    return _is_nested(value[0])
