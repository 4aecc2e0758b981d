"""Mixed rows of a table: numbers blend, everything else is drawn, types are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sk_mixup.encoding import as_table, find_categorical
from sk_mixup.resampling._draws import MixedRows

_NUMBERS = {"integer", "floating", "mixed-integer-float"}


def as_rows(X: Any, name: str) -> Any:
    """Return a pandas DataFrame, an array of two dimensions or a sparse matrix.

    Parameters
    ----------
    X : object
        Dataframes of other libraries become those of pandas, lists become arrays.
    name : str
        Of the estimator, for messages.

    Raises
    ------
    ValueError, TypeError
        For anything else.
    """
    if sparse.issparse(X):
        if 0 in X.shape:
            unit = "sample" if X.shape[0] == 0 else "feature"
            raise ValueError(
                f"Found array with 0 {unit}(s) (shape={X.shape}) while a minimum of 1"
                f" is required by {name}."
            )
        return X.tocsr()
    return as_table(X, estimator_name=name)


def category_mask(X: Any, categorical_features: Any) -> NDArray[np.bool_]:
    """Return which columns an estimator takes for categories although they are numbers.

    Parameters
    ----------
    X : DataFrame, ndarray or sparse matrix
    categorical_features : None, "from_dtype" or array-like
        As scikit-learn's histogram gradient boosting takes it; with None and
        "from_dtype" the types of the columns say it, and no other column is one.
    """
    if categorical_features is None or isinstance(categorical_features, str):
        return np.zeros(X.shape[1], dtype=bool)
    names = X.columns if hasattr(X, "columns") else range(X.shape[1])
    labels = [f"column {name!r}" for name in names]
    return find_categorical(X, categorical_features, labels)


def append_mixed(X: Any, mixed: MixedRows, is_category: NDArray[np.bool_]) -> Any:
    """Return a table followed by its mixed rows.

    Parameters
    ----------
    X : DataFrame, ndarray or sparse matrix of shape (n_rows, n_columns)
    mixed : MixedRows
    is_category : ndarray of shape (n_columns,), bool
        Columns to draw although they hold numbers.

    Returns
    -------
    X : like the input, with n_rows + n_mixed rows
    """
    if sparse.issparse(X):
        return _append_sparse(X, mixed)
    if hasattr(X, "iloc"):
        return _append_frame(X, mixed, is_category)
    if X.dtype.kind not in "iuf" or is_category.any():
        return _append_columns(X, mixed, is_category)
    return np.concatenate([X, _mixed_numbers(X, mixed)])


def mix_between(X: Any, X_partner: Any, mixed: MixedRows) -> Any:
    """Return the mixed rows of one table with those of another.

    Parameters
    ----------
    X, X_partner : DataFrame, ndarray or sparse matrix, of the same columns
    mixed : MixedRows
        `partner` counts the rows of `X_partner` from 0.
    """
    n_rows = X.shape[0]
    if sparse.issparse(X):
        both = sparse.vstack([X, X_partner]).tocsr()
    elif hasattr(X, "iloc"):
        both = _stacked(X, X_partner)
    else:
        both = np.concatenate([X, X_partner])
    moved = MixedRows(mixed.own, mixed.partner + n_rows, mixed.lam, mixed.seed)
    found = append_mixed(both, moved, category_mask(both, None))
    n_both = n_rows + X_partner.shape[0]
    return found.iloc[n_both:] if hasattr(found, "iloc") else found[n_both:]


def _stacked(X: Any, X_partner: Any) -> Any:
    """Put one frame below another; categories that one alone has stay categories."""
    import pandas as pd

    columns = {}
    for name in X.columns:
        pair = [X[name], X_partner[name]]
        types = [column.dtype for column in pair]
        if types[0] != types[1] and all(
            isinstance(dtype, pd.CategoricalDtype) for dtype in types
        ):
            union = pd.api.types.union_categoricals(pair, ignore_order=True)
            pair = [column.astype(union.dtype) for column in pair]
        columns[name] = pd.concat(pair, ignore_index=True)
    frame = pd.DataFrame(columns)
    frame.columns = X.columns
    return frame


def _append_frame(X: Any, mixed: MixedRows, is_category: NDArray[np.bool_]) -> Any:
    import pandas as pd

    clean = np.arange(len(X))
    columns = {}
    for place in range(X.shape[1]):
        column = X.iloc[:, place].reset_index(drop=True)
        numbers = None if is_category[place] else _column_numbers(column)
        if numbers is None:
            rows = np.concatenate([clean, mixed.chosen(place)])
            columns[place] = column.take(rows).reset_index(drop=True)
            continue
        values = _mixed_column(column, numbers, mixed, place)
        new = pd.Series(values).astype(column.dtype)
        columns[place] = pd.concat([column, new], ignore_index=True)
    frame = pd.DataFrame(columns)
    frame.columns = X.columns
    return frame


def _append_columns(
    X: NDArray[Any], mixed: MixedRows, is_category: NDArray[np.bool_]
) -> NDArray[Any]:
    """Append to an array of objects, texts or truth values, column by column."""
    import pandas as pd

    new = np.empty((len(mixed), X.shape[1]), dtype=X.dtype)
    for place in range(X.shape[1]):
        column = pd.Series(X[:, place])
        numbers = None if is_category[place] else _column_numbers(column)
        if numbers is None:
            new[:, place] = X[mixed.chosen(place), place]
        else:
            new[:, place] = _mixed_column(column, numbers, mixed, place)
    return np.concatenate([X, new])


def _append_sparse(X: Any, mixed: MixedRows) -> Any:
    values = X if X.dtype.kind == "f" else X.astype(np.float64)
    own, partner = values[mixed.own], values[mixed.partner]
    lam = mixed.lam.astype(values.dtype)
    new = sparse.diags(lam) @ own + sparse.diags(1.0 - lam) @ partner
    return sparse.vstack([values, new.astype(values.dtype)]).tocsr()


def _column_numbers(column: Any) -> NDArray[Any] | None:
    """Return the values of a column of numbers, missing ones as NaN; else None."""
    import pandas as pd

    dtype: Any = column.dtype
    if isinstance(dtype, pd.SparseDtype):
        column, dtype = column.sparse.to_dense(), dtype.subtype
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
        return None
    if pd.api.types.is_numeric_dtype(dtype):
        wanted = np.float32 if dtype == np.float32 else np.float64
    elif dtype == np.dtype(object) and (
        pd.api.types.infer_dtype(column, skipna=True) in _NUMBERS
    ):
        wanted = np.float64
    else:
        return None
    numbers: NDArray[Any] = column.to_numpy(dtype=wanted, na_value=np.nan)
    return numbers


def _holds_integers(column: Any) -> bool:
    import pandas as pd

    if column.dtype == np.dtype(object):
        return pd.api.types.infer_dtype(column, skipna=True) == "integer"
    dtype = getattr(column.dtype, "subtype", column.dtype)
    return pd.api.types.is_integer_dtype(dtype)


def _mixed_numbers(X: NDArray[Any], mixed: MixedRows) -> NDArray[Any]:
    """Return the mixed rows of an array of numbers, in its type."""
    is_integer = X.dtype.kind != "f"
    wanted = X.dtype if X.dtype in (np.float32, np.float64) else np.float64
    values = mixed.blended(X.astype(wanted, copy=False))
    for place in range(X.shape[1]):
        column = values[:, place]
        if is_integer:
            values[:, place] = _rounded(column, mixed, place)
        else:
            values[:, place] = _drawn_missing(X[:, place], column, mixed, place)
    return values.astype(X.dtype, copy=False)


def _mixed_column(
    column: Any, numbers: NDArray[Any], mixed: MixedRows, place: int
) -> NDArray[Any]:
    """Return the mixed values of a column of numbers; objects stay what they are."""
    values = _drawn_missing(numbers, mixed.blended(numbers), mixed, place)
    if not _holds_integers(column):
        return values
    values = _rounded(values, mixed, place)
    if column.dtype != np.dtype(object):
        return values
    # Of one kind with those of the rows: 3 and not 3.0, None and not NaN.
    objects = np.empty(len(mixed), dtype=object)
    missing = np.isnan(values)
    objects[~missing] = [int(value) for value in values[~missing]]
    objects[missing] = column.to_numpy()[mixed.chosen(place)[missing]]
    return objects


def _drawn_missing(
    values: NDArray[Any], blended: NDArray[Any], mixed: MixedRows, place: int
) -> NDArray[Any]:
    """Draw where one of the two is missing, so that no more are missing than before."""
    missing = np.isnan(values)
    if not missing.any():
        return blended
    either = missing[mixed.own] | missing[mixed.partner]
    return np.where(either, values[mixed.chosen(place)], blended)


def _rounded(values: NDArray[Any], mixed: MixedRows, place: int) -> NDArray[Any]:
    """Round up or down at random, so that the expectation is the blend."""
    low = np.floor(values)
    return low + (mixed.uniforms(place, 1) < values - low)
