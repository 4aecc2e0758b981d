"""What reaches a net that takes arrays: the values that the user gave.

One array of any rank, several by name or position, the rows of a data set: a module
gets what the user has, cast to float32 at most, and nothing is read or copied before a
batch needs it where the data are large or lie elsewhere.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_array
from torch import Tensor

from sk_mixup.encoding import as_table
from sk_mixup.inputs._containers import (
    as_array,
    is_list_of_items,
    plain,
    refuse_uncountable,
)
from sk_mixup.inputs._dataset import DatasetRows, is_dataset, is_stream
from sk_mixup.inputs._lazy import (
    ArrayRows,
    check_finite,
    is_large_map,
    to_tensor,
)
from sk_mixup.inputs._rows import Rows, as_rows
from sk_mixup.inputs._sparse import SparseRows, is_sparse, sparse_rows

# Dtypes that a module gets as float32.
_AS_FLOATS = (torch.float32, torch.uint8)


class ArrayInput:
    """Pass arrays on as they are, for modules that take arrays.

    Floats become float32, uint8 (pixels) and other integers keep their dtype.

    Parameters
    ----------
    name : str
        What messages call the estimator.

    Attributes
    ----------
    shape : tuple of int or None
        Shape of a row, where the input is one array.
    spec : object
        Shape and dtype of a row: a pair, or a dict or tuple of pairs.
    collate : callable or None
        Joins the items of a data set, where the user says how.
    """

    kind: ClassVar[str] = "any"

    def __init__(self, name: str) -> None:
        self.name = name
        self.shape: tuple[int, ...] | None = None
        self.spec: Any = None
        self.collate: Any = None

    def check(self, X: Any) -> Any:
        """Return checked rows of one of a few kinds.

        Returns
        -------
        rows : DataFrame, ndarray, Tensor, ArrayRows, SparseRows, Rows or DatasetRows
        """
        if is_sparse(X):
            return sparse_rows(X, self.name)
        rows = as_rows(X)
        if rows is not None:
            return self._checked_rows(rows)
        refuse_uncountable(X, self.name)
        if is_list_of_items(X):
            X = DatasetRows(X)
        if is_stream(X):
            raise TypeError(
                f"{self.name}: {type(X).__name__} is an iterable data set, whose rows"
                " cannot be counted or picked. fit, partial_fit and predict take it as"
                " X; other uses need a map-style data set."
            )
        if is_dataset(X) or isinstance(X, DatasetRows):
            items: DatasetRows = DatasetRows(X) if is_dataset(X) else X
            collate = items.collate or self.collate
            return self._checked_dataset(
                DatasetRows(items.dataset, items.index, collate)
            )
        if not is_large_map(X):
            X = as_array(X)
        if isinstance(X, (Tensor, ArrayRows)) or is_large_map(X):
            return self._checked_array(X, "X")
        if hasattr(X, "columns") or not hasattr(X, "ndim") or X.ndim <= 2:
            X = as_table(X, estimator_name=self.name)
            X = as_array(X)
            if hasattr(X, "columns") or X.dtype.kind not in "fiub":
                X = self._numbers(X)
        array = check_array(
            X,
            dtype=None,
            allow_nd=True,
            ensure_all_finite=True,
            estimator=self.name,
            input_name="X",
        )
        if array.dtype.kind not in "fiub":
            raise ValueError(
                f"X has dtype {array.dtype}; a module of your own takes numbers."
            )
        return X if hasattr(X, "columns") else array

    def _checked_array(self, X: Any, name: str) -> Any:
        """Check a tensor, a mapped array or an entry, of at least one axis."""
        if isinstance(X, np.ndarray) and is_large_map(X):
            if X.dtype.kind not in "fiub":
                self._refuse_dtype(name, X.dtype)
            X = ArrayRows(X)
        if isinstance(X, Tensor):
            X = X.detach()
            if X.layout != torch.strided or X.is_quantized:
                raise TypeError(
                    f"{name} is a tensor of layout {X.layout} and dtype {X.dtype};"
                    " pass a dense tensor: X.to_dense() or X.dequantize()."
                )
            if X.is_complex():
                self._refuse_dtype(name, X.dtype)
        if name == "X" and (X.ndim < 2 or 0 in X.shape):
            # scikit-learn's words.
            if X.ndim <= 2:
                as_table(np.empty(tuple(X.shape)), estimator_name=self.name)
            raise ValueError(
                f"Found array with 0 sample(s) or values (shape={tuple(X.shape)}) while"
                f" a minimum of 1 is required by {self.name}."
            )
        check_finite(X, name)
        return X

    def _checked_rows(self, rows: Rows) -> Rows:
        if not len(rows):
            raise ValueError(
                f"Found 0 rows in {rows!r} while a minimum of 1 is required by"
                f" {self.name}."
            )
        checked = {}
        for key, value in rows.entries.items():
            name = f"X[{key!r}]"
            if isinstance(value, np.ndarray):
                value = plain(value)
                if value.dtype.kind == "O":
                    value = _from_objects(value, name)
                if value.dtype.kind not in "fiub":
                    self._refuse_dtype(name, value.dtype)
            checked[key] = self._checked_array(value, name)
        return Rows(checked if rows.is_named else tuple(checked.values()))

    def _checked_dataset(self, rows: DatasetRows) -> DatasetRows:
        if not len(rows):
            raise ValueError(
                f"Found 0 rows in {rows!r} while a minimum of 1 is required by"
                f" {self.name}."
            )
        return rows

    def _refuse_dtype(self, name: str, dtype: Any) -> None:
        raise ValueError(
            f"{name} has dtype {dtype}; a module of your own takes numbers."
        )

    def _numbers(self, X: Any) -> Any:
        """Refuse columns that are no numbers, by name."""
        if hasattr(X, "columns"):
            text = [
                str(name)
                for name, dtype in X.dtypes.items()
                if getattr(dtype, "kind", "O") not in "fiub"
            ]
        else:
            text = [
                str(j)
                for j in range(X.shape[1])
                if any(map(_is_text, X[:, j].tolist()))
            ]
        if text:
            raise ValueError(
                f"X: columns {text} hold no numbers, and a module of your own gets the"
                " values as they are. Encode them in a Pipeline (OrdinalEncoder,"
                " OneHotEncoder, StandardScaler), or use module=None, which encodes"
                " tables itself."
            )
        if hasattr(X, "columns"):
            return X
        return check_array(X, dtype="numeric", estimator=self.name)

    def fit_transform(self, X: Any) -> Any:
        """Remember shape and dtype of a row, and convert.

        Returns
        -------
        x : Tensor, ArrayRows, SparseRows or DatasetRows, or dict or tuple of the first
            two
        """
        x = self._converted(X)
        self.fit_stream(x)
        return x

    def fit_stream(self, x: Any) -> None:
        """Remember shape and dtype of a row of a batch that is converted already."""
        self.spec = spec_of(x)
        self.shape = self.spec[0] if _is_leaf(self.spec) else None

    def transform(self, X: Any) -> Any:
        """Convert what `check` returned.

        Raises
        ------
        ValueError
            If its rows are of another form than those of `fit`.
        """
        x = self._converted(X)
        return self.matched(x, spec_of(x))

    def _converted(self, X: Any) -> Any:
        if isinstance(X, Rows):
            parts = {key: _entry(value) for key, value in X.entries.items()}
            return parts if X.is_named else tuple(parts.values())
        if isinstance(X, (ArrayRows, DatasetRows, SparseRows)):
            return X
        return self._convert(X if isinstance(X, Tensor) else np.asarray(X))

    def _convert(self, values: Any) -> Tensor:
        return to_tensor(values)

    def matched(self, x: Any, spec: Any) -> Any:
        """Return `x` with the dtypes of `fit`; raise where its form is another."""
        return self._matched(x, spec, self.spec, "X")

    def _matched(self, x: Any, spec: Any, fitted: Any, name: str) -> Any:
        if _is_leaf(fitted) != _is_leaf(spec) or isinstance(fitted, dict) != isinstance(
            spec, dict
        ):
            raise ValueError(
                f"{name} holds {_described(spec)}, but {self.name} was fitted on"
                f" {_described(fitted)}."
            )
        if _is_leaf(fitted):
            return self._matched_leaf(x, spec, fitted, name)
        if isinstance(fitted, dict):
            _check_names(list(spec), list(fitted), name, self.name)
            keys: Any = list(fitted)
        else:
            if len(spec) != len(fitted):
                raise ValueError(
                    f"{name} holds {len(spec)} arrays, but {self.name} was fitted on"
                    f" {len(fitted)}."
                )
            keys = range(len(fitted))
        split = isinstance(x, (dict, tuple))  # the rows of a data set come later
        parts = {
            key: self._matched(
                x[key] if split else x, spec[key], fitted[key], f"{name}[{key!r}]"
            )
            for key in keys
        }
        if not split:
            return x
        return parts if isinstance(fitted, dict) else tuple(parts.values())

    def _matched_leaf(self, x: Any, spec: Any, fitted: Any, name: str) -> Any:
        (shape, dtype), (fitted_shape, fitted_dtype) = spec, fitted
        if shape != fitted_shape:
            given = tuple(getattr(x, "shape", ()))
            one = f" For one row give {name}[None]." if given == fitted_shape else ""
            raise ValueError(
                f"{name} has rows of shape {shape}, but {self.name} was fitted on rows"
                f" of shape {fitted_shape}.{one}"
            )
        if dtype == fitted_dtype or (
            dtype in _AS_FLOATS and fitted_dtype in _AS_FLOATS
        ):
            return x
        if fitted_dtype not in _AS_FLOATS and dtype == torch.float32:
            what = "bools" if fitted_dtype == torch.bool else "integers"
            raise ValueError(
                f"{name} holds floats, but {self.name} was fitted on {what}, which may"
                " be a mask or ids. Convert them with .astype."
            )
        dtype = torch.float32 if fitted_dtype in _AS_FLOATS else fitted_dtype
        if isinstance(x, ArrayRows):
            return x.to_dtype(dtype)
        if isinstance(x, Tensor):
            return x.to(dtype)
        raise ValueError(
            f"{name}: the items hold {spec[1]}, but {self.name} was fitted on"
            f" {fitted_dtype}. Convert them in the data set."
        )

    def net_arguments(self, n_outputs: int) -> None:
        """Nothing: the user's module knows its input."""

    @property
    def columns(self) -> None:
        """Nothing: each entry of a row is a column of its own."""

    def after_training(self, module: Any) -> None:
        """Nothing to fill in."""


def spec_of(x: Any) -> Any:
    """Return shape and dtype of a row, or a dict or tuple of these.

    Of a data set, the first item tells.
    """
    if isinstance(x, dict):
        return {key: spec_of(value) for key, value in x.items()}
    if isinstance(x, tuple):
        return tuple(spec_of(value) for value in x)
    if isinstance(x, DatasetRows):
        return spec_of(x.read(slice(0, 1)))
    return _Leaf((tuple(x.shape[1:]), x.dtype))


class _Leaf(tuple[tuple[int, ...], torch.dtype]):
    """Shape and dtype of the rows of one tensor."""


def _is_leaf(spec: Any) -> bool:
    return isinstance(spec, _Leaf)


def _described(spec: Any) -> str:
    if _is_leaf(spec):
        return "one array"
    if isinstance(spec, dict):
        return f"arrays by name ({', '.join(map(repr, spec))})"
    return f"a tuple of {len(spec)} arrays"


def _check_names(given: list[Any], fitted: list[Any], name: str, who: str) -> None:
    """Hold names against those of `fit`, with scikit-learn's rules for columns."""
    missing = [key for key in fitted if key not in given]
    unknown = [key for key in given if key not in fitted]
    problems = []
    if missing:
        problems.append(f"lacks {missing}")
    if unknown:
        problems.append(f"has {unknown}, which {who} did not see")
    if not problems and given != fitted:
        problems.append(f"has its entries in the order {given}")
    if problems:
        raise ValueError(
            f"{name} {' and '.join(problems)}; {who} was fitted on {fitted}, in this"
            " order."
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, bytes))


def _entry(value: Any) -> Any:
    if not isinstance(value, ArrayRows):
        return to_tensor(value, keeps_bool=True)
    source: Any = value.source
    is_mask = source.dtype in (np.dtype(bool), torch.bool)
    return value.to_dtype(torch.bool) if is_mask else value


def _from_objects(values: np.ndarray, name: str) -> np.ndarray:
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} holds {type(values.flat[0]).__name__} objects, and a module of"
            " your own takes numbers. Encode this entry before, for example with a"
            " transformer that works on it."
        ) from error
