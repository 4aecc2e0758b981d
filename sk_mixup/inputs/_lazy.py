"""Rows that stay where they are until a batch needs them.

A memory-mapped array may be larger than memory, and a copy of a large array without
its validation rows may be too. Both are kept as they are, beside a list of the rows
that are meant, and converted to what a module takes a chunk at a time.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import torch
from torch import Tensor

#: Mapped arrays from this size on are read by batch; smaller ones as a whole.
MAPPED_BYTES = 2**26
# Values are looked at this many bytes at a time.
_CHECKED_BYTES = 2**25


class LazyRows:
    """Rows that can be listed, cut and counted without being read.

    `read` returns what the arrays or tensors of the same rows would hold.
    """

    def __init__(self, n_rows: int, index: np.ndarray | None = None) -> None:
        self._n_source_rows = n_rows
        self.index = index

    def __len__(self) -> int:
        return self._n_source_rows if self.index is None else len(self.index)

    def __getitem__(self, index: Any) -> Any:
        """Return a row for an int, and else a view of rows."""
        index = plain_index(index, len(self))
        if isinstance(index, int):
            return take_first(self.read(slice(index, index + 1)))
        return self.view(self.positions(index))

    def view(self, index: np.ndarray) -> LazyRows:
        """Return other rows of the same source, which are not read.

        Parameters
        ----------
        index : ndarray of int
            Positions in the source.
        """
        raise NotImplementedError

    def read(self, index: Any) -> Any:
        """Return rows as tensors that a module takes.

        Parameters
        ----------
        index : slice, int ndarray or int Tensor
        """
        raise NotImplementedError

    def positions(self, index: Any) -> np.ndarray:
        """Return the positions of rows in the source."""
        if isinstance(index, slice):
            if self.index is not None:
                return self.index[index]
            return np.arange(*index.indices(len(self)))
        rows = index.cpu().numpy() if isinstance(index, Tensor) else np.asarray(index)
        return rows if self.index is None else self.index[rows]


class ArrayRows(LazyRows):
    """Rows of one large array or tensor.

    Parameters
    ----------
    source : ndarray or Tensor of shape (n, ...)
    index : ndarray of int or None
        Positions of the rows; None: all.
    dtype : torch.dtype or None
        Of what is read; None: as `to_tensor` says.
    """

    def __init__(
        self,
        source: np.ndarray | Tensor,
        index: np.ndarray | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(len(source), index)
        self.source = source
        self.dtype = to_tensor(source[:0]).dtype if dtype is None else dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor that all rows together would be."""
        return (len(self), *self.source.shape[1:])

    @property
    def ndim(self) -> int:
        """Number of its axes."""
        return self.source.ndim

    @property
    def n_bytes(self) -> int:
        """Its memory."""
        n_values = int(np.prod(self.source.shape[1:], dtype=np.int64)) * len(self)
        return n_values * torch.empty((), dtype=self.dtype).element_size()

    def view(self, index: np.ndarray) -> ArrayRows:
        """Return other rows of the same source."""
        return ArrayRows(self.source, index, self.dtype)

    def to_dtype(self, dtype: torch.dtype) -> ArrayRows:
        """Return the same rows, read as another dtype."""
        return ArrayRows(self.source, self.index, dtype)

    def read(self, index: Any) -> Tensor:
        """Return rows as one tensor."""
        if isinstance(index, slice) and self.index is None:
            rows: Any = self.source[index]
        elif isinstance(self.source, Tensor):
            positions = torch.from_numpy(self.positions(index)).to(self.source.device)
            rows = self.source.index_select(0, positions)
        else:
            rows = _gathered(self.source, self.positions(index))
        keeps_bool = self.dtype == torch.bool
        return to_tensor(rows, keeps_bool=keeps_bool).to(self.dtype)

    def to(self, device: torch.device) -> Tensor:
        """Return all rows on a device, with no second copy of them here."""
        whole = torch.empty(self.shape, dtype=self.dtype, device=device)
        step = max(1, _CHECKED_BYTES * max(1, len(self)) // max(1, self.n_bytes))
        for start in range(0, len(self), step):
            rows = slice(start, start + step)
            whole[rows].copy_(self.read(rows))
        return whole

    def __repr__(self) -> str:
        """Name shape and dtype."""
        return f"{type(self).__name__}({tuple(self.shape)}, {self.dtype})"


def to_tensor(values: Any, *, keeps_bool: bool = False) -> Tensor:
    """Return numbers as a tensor of a dtype that modules take.

    Floats and bools become float32; uint8 (pixels) stays; other integers become int64.

    Parameters
    ----------
    values : ndarray or Tensor
    keeps_bool : bool, default=False
        Whether bools stay, which are masks where they stand beside other entries.
    """
    if isinstance(values, Tensor):
        if values.dtype == torch.bool and keeps_bool:
            return values
        if values.is_floating_point() or values.dtype == torch.bool:
            return values.to(torch.float32)
        return values if values.dtype == torch.uint8 else values.to(torch.int64)
    array = np.asarray(values)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind == "O":
        array = array.astype(np.float64)
    if array.dtype.kind == "f" or (array.dtype == bool and not keeps_bool):
        array = _as_float32(array)
    elif array.dtype.kind in "iu" and array.dtype != np.uint8:
        array = array.astype(np.int64, copy=False)
    # torch wants writable memory and positive strides; it never writes here.
    if not array.flags.writeable or any(s < 0 for s in array.strides):
        array = array.copy()
    return torch.from_numpy(np.ascontiguousarray(array))


def _as_float32(array: np.ndarray) -> np.ndarray:
    try:
        with np.errstate(over="raise"):
            return array.astype(np.float32, copy=False)
    except FloatingPointError as error:
        largest = array.flat[np.nanargmax(np.abs(array))]
        raise ValueError(
            f"X holds {largest:g}, which float32 cannot hold, and modules compute in"
            " float32. Scale X, for example with a StandardScaler in a Pipeline."
        ) from error


def is_mapped(values: Any) -> bool:
    """Whether an array lies in a file."""
    while isinstance(values, np.ndarray):
        values = values.base
    return isinstance(values, mmap.mmap)


def is_large_map(values: Any) -> bool:
    """Whether an array lies in a file and is better left there."""
    return (
        isinstance(values, np.ndarray)
        and values.nbytes >= MAPPED_BYTES
        and is_mapped(values)
    )


def check_finite(values: Any, name: str) -> None:
    """Raise where a number is missing or infinite, looking at one chunk at a time.

    Parameters
    ----------
    values : ndarray, Tensor or ArrayRows of shape (n, ...)
    name : str
        What messages call it.

    Raises
    ------
    ValueError
        Naming the first such row.
    """
    if isinstance(values, ArrayRows):
        if values.index is None:
            check_finite(values.source, name)
            return
        n_bytes, is_float = values.n_bytes, values.dtype.is_floating_point
    elif isinstance(values, Tensor):
        n_bytes = values.numel() * values.element_size()
        is_float = values.is_floating_point()
    else:
        n_bytes, is_float = values.nbytes, values.dtype.kind == "f"
    if not is_float:
        return
    n_rows = len(values)
    step = max(1, _CHECKED_BYTES * n_rows // max(1, n_bytes))
    for start in range(0, n_rows, step):
        rows = slice(start, start + step)
        part = values.read(rows) if isinstance(values, ArrayRows) else values[rows]
        library: Any = torch if isinstance(part, Tensor) else np
        finite = library.isfinite(part)
        if bool(finite.all()):
            continue
        row = int((~finite.reshape(len(part), -1).all(1)).nonzero()[0][0])
        what = "NaN" if bool(library.isnan(part).any()) else "infinity"
        raise ValueError(
            f"Input {name} contains {what}, first in row {start + row}. Replace or"
            " drop such values: a module of your own gets them as they are."
        )


def plain_index(index: Any, n_rows: int) -> Any:
    """Return a row index as a non-negative int, a slice or an int array.

    Parameters
    ----------
    index : int, slice, mask, or list, array or tensor of int
        Or one of these followed by an Ellipsis, as scikit-learn writes it.
    n_rows : int

    Raises
    ------
    IndexError
        For rows that do not exist, or an index of another kind.
    """
    if isinstance(index, tuple) and len(index) == 2 and index[1] is Ellipsis:
        index = index[0]
    if isinstance(index, slice):
        return index
    if isinstance(index, Tensor):
        index = index.cpu().numpy()
    rows = np.asarray(index)
    if rows.size == 0 and rows.ndim == 1:
        rows = rows.astype(np.int64)
    if rows.dtype == bool and rows.ndim == 1:
        if len(rows) != n_rows:
            raise IndexError(f"The mask has {len(rows)} entries for {n_rows} rows.")
        return np.flatnonzero(rows)
    if rows.dtype.kind not in "iu" or rows.ndim > 1:
        raise IndexError(
            "Rows are picked by an int, a slice, a mask or a 1-D array of ints; got"
            f" {type(index).__name__}."
        )
    rows = rows.astype(np.int64)
    out = (rows < -n_rows) | (rows >= n_rows)
    if out.any():
        raise IndexError(f"Row {rows[out].flat[0]} is out of range for {n_rows} rows.")
    rows = np.where(rows < 0, rows + n_rows, rows)
    return int(rows) if rows.ndim == 0 else rows


def take_first(values: Any) -> Any:
    """Return the first row of a tensor, or of every tensor of a dict or tuple."""
    if isinstance(values, dict):
        return {key: take_first(value) for key, value in values.items()}
    if isinstance(values, tuple):
        return tuple(take_first(value) for value in values)
    return values[0]


def _gathered(source: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows, read in the order in which the file has them."""
    order = np.argsort(rows, kind="stable")
    ordered = np.asarray(source[rows[order]])
    gathered = np.empty_like(ordered)
    gathered[order] = ordered
    return gathered
