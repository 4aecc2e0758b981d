"""Turn whatever the caller passes as ``X`` into one of two containers.

Everything behind this module knows two kinds of table only, a pandas DataFrame and a
2-D NumPy array. The checks here are about the container (dimensions, emptiness,
sparseness, duplicate names); what the columns hold is checked later, column by column,
where an error can name the column. pandas and narwhals are imported only when the input
needs them: a user of plain arrays never pays for either.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from sklearn.utils.validation import check_array

if TYPE_CHECKING:
    import pandas as pd

_EXPECTED_2D = (
    "Expected 2D array, got {got} instead. Reshape your data: pass a DataFrame or an"
    " array of shape (n_samples, n_features), for example X.to_frame() or"
    " array.reshape(-1, 1) for a single feature, array.reshape(1, -1) for a single"
    " sample."
)


def as_table(
    X: Any, *, estimator_name: str = "the estimator"
) -> pd.DataFrame | np.ndarray:
    """Check the container of `X` and return a pandas DataFrame or a 2-D array.

    Parameters
    ----------
    X : DataFrame, ndarray or array-like of shape (n_samples, n_features)
        pandas DataFrames pass through without a copy. Polars and other dataframes that
        narwhals knows become pandas DataFrames with the same column names. Anything
        else becomes an array of the dtype that it has; lists that mix text and numbers
        become object arrays, so that the numbers stay numbers.
    estimator_name : str, default="the estimator"
        Name used in messages.

    Returns
    -------
    table : pandas.DataFrame or ndarray of shape (n_samples, n_features)

    Raises
    ------
    TypeError
        If `X` is sparse, a lazy frame, or a dataframe that needs narwhals and narwhals
        is not installed.
    ValueError
        If `X` is not two-dimensional, has no rows or no columns, holds complex numbers,
        or has duplicate column names.

    Examples
    --------
    >>> from sk_mixup.encoding import as_table
    >>> as_table([[1, "red"], [2, "blue"]])
    array([[1, 'red'],
           [2, 'blue']], dtype=object)
    """
    _refuse_sparse(X, estimator_name)
    if isinstance(X, dict):
        raise ValueError(
            "Expected 2D array, got a dict instead. Reshape your data: pass"
            " pandas.DataFrame(X) if its values are columns."
        )
    if is_frame(X):
        return _checked_frame(X, estimator_name)
    if _is_series(X):
        raise ValueError(
            _EXPECTED_2D.format(got=f"1D array (a {type(X).__name__} of {len(X)})")
        )
    if _looks_like_frame(X):
        return _checked_frame(_frame_to_pandas(X, estimator_name), estimator_name)
    return _checked_array(X, estimator_name)


def is_frame(X: Any) -> TypeGuard[pd.DataFrame]:
    """Whether `X` is a pandas DataFrame, without importing pandas to find out."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(X, pandas.DataFrame)


def as_pandas(X: Any) -> pd.DataFrame | None:
    """Return a dataframe of any library as one of pandas; None for anything else."""
    if is_frame(X):
        return X
    if _is_series(X) or not _looks_like_frame(X):
        return None
    return _frame_to_pandas(X, "y")


def take_column(X: pd.DataFrame | np.ndarray, position: int) -> Any:
    """Return column `position` of a table: a Series of a frame, a view of an array."""
    return X.iloc[:, position] if is_frame(X) else X[:, position]


def _refuse_sparse(X: Any, estimator_name: str) -> None:
    # The module test spares the import of scipy.sparse for every dense input.
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(X):
        raise TypeError(
            f"Sparse input is not supported: {estimator_name} got a"
            f" {type(X).__name__} of shape {X.shape}. Pass a dense array: X.toarray()."
        )


def _is_series(X: Any) -> bool:
    """Whether `X` is a Series of pandas, polars or narwhals."""
    return hasattr(type(X), "to_frame") and not hasattr(type(X), "columns")


def _looks_like_frame(X: Any) -> bool:
    # Asked of the type: reading `columns` of a polars LazyFrame warns.
    return hasattr(type(X), "columns") or hasattr(X, "__narwhals_dataframe__")


def _checked_frame(X: pd.DataFrame, estimator_name: str) -> pd.DataFrame:
    for count, unit in zip(X.shape, ("sample", "feature"), strict=True):
        if count == 0:
            raise ValueError(
                f"Found array with 0 {unit}(s) (shape={X.shape}) while a minimum of 1"
                f" is required by {estimator_name}."
            )
    if not X.columns.is_unique:
        counts = Counter(X.columns)
        twice = sorted(repr(name) for name, count in counts.items() if count > 1)
        raise ValueError(
            f"X has duplicate column names: {', '.join(twice)}. Rename or drop columns"
            " so that every name occurs once, for example"
            " X.loc[:, ~X.columns.duplicated()]."
        )
    return X


def _checked_array(X: Any, estimator_name: str) -> np.ndarray:
    if isinstance(X, np.ma.MaskedArray) and X.dtype.kind in "biuf":
        # np.asarray would drop the mask and train on the values under it.
        X = np.ma.filled(X.astype(np.float64), np.nan)
    if _is_texts(X):
        got = f"1D array instead: {len(X)} texts"
        raise ValueError(
            _EXPECTED_2D.format(got=got).replace(" instead.", ".")
            + " Raw texts are for a text net, such as module='text_bag'."
        )
    checked = check_array(
        X,
        dtype=None,
        ensure_all_finite=False,
        estimator=estimator_name,
        input_name="X",
    )
    if checked.dtype.kind in "biuf" and not checked.dtype.isnative:
        checked = checked.astype(checked.dtype.newbyteorder("="))
    if checked.dtype.kind == "T":
        # NumPy's texts of any length; everything else knows Python's.
        checked = checked.astype(object)
    if checked.dtype.kind in "USV" and not hasattr(X, "dtype"):
        # [[1, "a"]] became an array of text: read it again with its numbers kept.
        checked = np.asarray(X, dtype=object)
    values: np.ndarray = checked
    return values


def _is_texts(X: Any) -> bool:
    """Whether X is a vector of texts, of which a message should not show all."""
    if isinstance(X, (list, tuple)):
        return bool(X) and isinstance(X[0], str)
    if not isinstance(X, np.ndarray) or X.ndim != 1 or not len(X):
        return False
    return X.dtype.kind in "UST" or (X.dtype == object and isinstance(X[0], str))


def _frame_to_pandas(X: Any, estimator_name: str) -> pd.DataFrame:
    """Convert a dataframe of another library, one column at a time."""
    try:
        import narwhals as nw
    except ImportError as error:  # pragma: no cover - scikit-learn >= 1.9 brings it
        raise TypeError(
            f"{estimator_name} needs narwhals to read a {type(X).__module__}"
            f" {type(X).__name__}. Install narwhals, or pass X.to_pandas()."
        ) from error
    import pandas as pd

    frame = nw.from_native(X, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        raise TypeError(
            f"X is lazy ({type(X).__module__}.{type(X).__name__}): its rows are not"
            " computed yet. Pass X.collect() or X.compute()."
        )
    if not isinstance(frame, nw.DataFrame):
        raise TypeError(
            f"X is a {type(X).__module__}.{type(X).__name__}, a dataframe that cannot"
            " be read. Pass a pandas or polars DataFrame, or an array."
        )
    if frame.implementation.is_pandas_like():
        return frame.to_pandas()
    columns = {
        series.name: _column_to_pandas(series) for series in frame.iter_columns()
    }
    return pd.DataFrame(columns, columns=list(columns), copy=False)


def _column_to_pandas(series: Any) -> Any:
    """Convert one narwhals series, without pyarrow and without changing its role."""
    import narwhals as nw
    import pandas as pd

    dtype = series.dtype
    if dtype == nw.Boolean or dtype.is_numeric():
        if dtype == nw.Decimal or series.null_count() > 0:
            series = series.cast(nw.Float64)
        return pd.Series(series.to_numpy())
    if dtype in (nw.Categorical, nw.Enum):
        return pd.Series(pd.Categorical(series.to_list()))
    if dtype == nw.Unknown:
        # A column of nulls alone. It has no type, and NaN would give it one.
        return pd.Series([None] * len(series), dtype=object)
    if dtype.is_temporal() and dtype != nw.Time:
        values = series.to_numpy()
        if values.dtype == np.dtype("datetime64[D]"):
            values = values.astype("datetime64[s]")
        return pd.Series(values)
    return pd.Series(series.to_list(), dtype=object)
