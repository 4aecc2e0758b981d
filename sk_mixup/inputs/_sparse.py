"""Rows of a sparse matrix, made dense a batch at a time and never as a whole."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_array
from torch import Tensor

from sk_mixup.inputs._lazy import LazyRows, to_tensor

#: The net for tables, by its names, that takes sparse rows.
SPARSE_NETS = (None, "mlp")
# What is told of a matrix that holds no numbers.
_KINDS = "fiub"


class SparseRows(LazyRows):
    """Rows of a sparse matrix in the form of compressed rows.

    Parameters
    ----------
    starts : Tensor of shape (n + 1,), int64
        Where the entries of each row begin.
    columns : Tensor of shape (n_entries,), integers
    values : Tensor of shape (n_entries,), float32
    width : int
        Number of columns.
    index : ndarray of int or None
        Positions of the rows; None: all.
    most : int or None
        Entries of the fullest row, where they are known.

    Notes
    -----
    Entries stay where they are, also on a GPU, where a batch is made dense; a part of
    the rows is a list of them.
    """

    ndim = 2
    dtype = torch.float32

    def __init__(
        self,
        starts: Tensor,
        columns: Tensor,
        values: Tensor,
        width: int,
        index: np.ndarray | None = None,
        most: int | None = None,
    ) -> None:
        super().__init__(len(starts) - 1, index)
        self.starts = starts
        self.columns = columns
        self.values = values
        self.width = width
        self._places: Tensor | None = None
        self._most = most

    @classmethod
    def of(cls, X: Any, name: str) -> SparseRows:
        """Return the rows of a matrix of scipy, which is left as it is.

        Parameters
        ----------
        X : sparse matrix or array of shape (n_samples, n_features)
        name : str
            What messages call the estimator.

        Raises
        ------
        ValueError
            For another shape, values that are no finite numbers, or none at all.
        """
        if X.ndim != 2:
            raise ValueError(
                f"Expected 2D array, got a sparse array of shape {X.shape} instead."
                " Reshape your data: one row per sample."
            )
        if X.dtype.kind not in _KINDS:
            kind = "Complex data not supported: " if X.dtype.kind == "c" else ""
            raise ValueError(
                f"{kind}the sparse X has dtype {X.dtype}, and a net takes real numbers."
            )
        rows = check_array(
            X,
            accept_sparse="csr",
            dtype=None,
            ensure_all_finite=False,
            estimator=name,
            input_name="X",
        )
        stored = rows.data
        if not rows.has_canonical_format or (stored == 0).any():
            if rows is X or np.shares_memory(stored, X.data):
                rows = rows.copy()
            rows.sum_duplicates()
            rows.eliminate_zeros()
        _check_finite(rows)
        return cls(
            to_tensor(rows.indptr),
            _as_tensor(rows.indices),
            to_tensor(_floats(rows.data)),
            int(rows.shape[1]),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the tensor that all rows together would be."""
        return len(self), self.width

    @property
    def n_bytes(self) -> int:
        """Memory of that tensor."""
        return 4 * self.width * len(self)

    @property
    def held_bytes(self) -> int:
        """Memory of what is stored."""
        parts = (self.starts, self.columns, self.values)
        return sum(part.numel() * part.element_size() for part in parts)

    def view(self, index: np.ndarray) -> SparseRows:
        """Return other rows of the same matrix."""
        parts = self.starts, self.columns, self.values
        return SparseRows(*parts, self.width, index, self._most)

    def with_values(self, values: Tensor) -> SparseRows:
        """Return rows with other entries in the same places.

        Parameters
        ----------
        values : Tensor of shape (n_entries,), float32
        """
        parts = self.starts, self.columns, values
        return SparseRows(*parts, self.width, self.index, self._most)

    def to(self, device: torch.device) -> SparseRows:
        """Return the rows with their entries on a device."""
        starts, columns = self.starts.to(device), self.columns.to(device)
        values = self.values.to(device)
        most = self._most_entries()
        return SparseRows(starts, columns, values, self.width, self.index, most)

    def _most_entries(self) -> int:
        """Return the entries of the fullest row, counted while the host has them."""
        if self._most is None:
            counts = self.starts.diff()
            self._most = int(counts.max()) if len(counts) else 0
        return self._most

    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """Return columns and values of the entries of these rows, one after another."""
        if self.index is None:
            return self.columns.numpy(), self.values.numpy()
        _, entries = self._entries_of(torch.from_numpy(self.index))
        return self.columns[entries].numpy(), self.values[entries].numpy()

    def read(self, index: Any) -> Tensor:
        """Return rows as one dense tensor of shape (n_rows, width), float32."""
        rows = self._rows(index)
        device = self.values.device
        dense = torch.zeros(len(rows), self.width, device=device)
        if device.type != "cpu" and self._most is not None:
            return self._added_to(dense, rows)
        owners, entries = self._entries_of(rows)
        dense[owners, self.columns[entries].long()] = self.values[entries]
        return dense

    def _added_to(self, dense: Tensor, rows: Tensor) -> Tensor:
        """Write rows where nobody asks how many entries they have, which would wait."""
        if not len(self.values):
            return dense
        starts = self.starts[rows]
        place = torch.arange(self._most_entries(), device=rows.device)
        there = place < (self.starts[rows + 1] - starts).unsqueeze(1)
        # Behind the last entry of a row, that of another one counts as nothing.
        number = (starts.unsqueeze(1) + place).clamp(max=len(self.values) - 1)
        values = torch.where(there, self.values[number], 0.0)
        return dense.scatter_add_(1, self.columns[number].long(), values)

    def _rows(self, index: Any) -> Tensor:
        """Return the positions of rows in the matrix, where the entries are."""
        device = self.starts.device
        if isinstance(index, slice):
            places = torch.from_numpy(self.positions(index))
            return places.to(device)
        places = torch.as_tensor(index, dtype=torch.int64, device=device)
        if self.index is None:
            return places
        if self._places is None:
            self._places = torch.from_numpy(self.index).to(device)
        return self._places[places]

    def _entries_of(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return for every entry of rows which of them has it, and its number."""
        starts = self.starts[rows]
        counts = self.starts[rows + 1] - starts
        places = torch.arange(len(rows), device=rows.device)
        owners = torch.repeat_interleave(places, counts)
        before = counts.cumsum(0) - counts
        numbers = torch.arange(len(owners), device=rows.device)
        return owners, numbers + (starts - before)[owners]

    def __repr__(self) -> str:
        """Name the shape."""
        return f"SparseRows({len(self)} rows of {self.width} columns)"


def is_sparse(X: Any) -> bool:
    """Whether `X` is a sparse matrix or array, or rows of one."""
    # The module test spares the import of scipy.sparse for every dense input.
    sparse = sys.modules.get("scipy.sparse")
    is_scipys = sparse is not None and sparse.issparse(X)
    return isinstance(X, SparseRows) or bool(is_scipys)


def sparse_rows(X: Any, name: str) -> SparseRows:
    """Return what `is_sparse` knows as rows.

    Parameters
    ----------
    X : sparse matrix, sparse array or SparseRows
    name : str
        What messages call the estimator.
    """
    return X if isinstance(X, SparseRows) else SparseRows.of(X, name)


def holds_sparse(x: Any) -> bool:
    """Whether an encoded input holds sparse rows."""
    values = x.values() if isinstance(x, dict) else x if isinstance(x, tuple) else (x,)
    return any(isinstance(value, SparseRows) for value in values)


def _check_finite(rows: Any) -> None:
    if rows.dtype.kind != "f":
        return
    finite = np.isfinite(rows.data)
    if finite.all():
        return
    entry = int(np.flatnonzero(~finite)[0])
    row = int(np.searchsorted(rows.indptr, entry, side="right")) - 1
    what = "NaN" if np.isnan(rows.data).any() else "infinity"
    raise ValueError(
        f"Input X contains {what}: row {row}, column {int(rows.indices[entry])} of the"
        f" sparse X holds {rows.data[entry]}. Replace or drop such values, for example"
        " by a SimpleImputer in a Pipeline."
    )


def _floats(values: np.ndarray) -> np.ndarray:
    """Return entries as floats, whatever numbers they are: a batch is no integers."""
    return values if values.dtype.kind == "f" else values.astype(np.float32)


def _as_tensor(values: np.ndarray) -> Tensor:
    """Return integers in their own width."""
    # A copy of what is not to be written to, such as a file that joblib has mapped.
    return torch.from_numpy(values if values.flags.writeable else values.copy())
