"""Whole batches, gathered on the device.

A DataLoader indexes row by row and collates; for data that fit in memory that is half
of an epoch. Here an epoch is one permutation, and batches are slices of large gathered
chunks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from skorch.dataset import Dataset
from torch import Tensor

from sk_mixup.inputs import (
    ArrayRows,
    DatasetRows,
    LazyRows,
    SparseRows,
    holds_sparse,
)
from sk_mixup.training.feeds._last_batch import count_batches, join_single_rows

#: One array, or several by name or position; of a data set, rows to be loaded.
Input = (
    Tensor
    | ArrayRows
    | DatasetRows
    | SparseRows
    | dict[str, Tensor | ArrayRows | SparseRows]
    | tuple[Tensor | ArrayRows | SparseRows, ...]
)

# Rows are gathered this many bytes at a time: one large gather is cheaper than many
# small ones, and a whole permuted copy could double the memory.
_CHUNK_BYTES = 8 * 2**20
# Clean rows that run together, and of sparse ones, which may be wide, their memory.
_CLEAN_ROWS, _CLEAN_BYTES = 4096, 2**25
# A part of more rows than this many bytes is a list of them, and no copy.
_COPIED_BYTES = 2**28


class ArrayData(Dataset):
    """Rows of input, target and weight as tensors.

    Parameters
    ----------
    X : Tensor of shape (n, ...), dict or tuple of such, or rows to be read
    y : Tensor of shape (n, ...)
    weight : Tensor of shape (n,) or None
        Row weights with mean 1; None: all alike.
    groups : Tensor of shape (n,), int64, or None
        Rows of different groups are never mixed.
    """

    def __init__(
        self,
        X: Input,
        y: Tensor,
        weight: Tensor | None = None,
        groups: Tensor | None = None,
    ) -> None:
        super().__init__(X, y, length=len(y))
        self.weight = weight
        self.groups = groups

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        """Return rows as the batches hold them.

        Rows of a slice or of a list of numbers are copies: a module or a criterion
        that works in place must reach neither these data nor the caller's.
        """
        rows = select(self.X, index), self.labels(index)
        return own_copy(rows) if isinstance(index, slice) else rows

    def labels(self, index: Any) -> Any:
        """Return targets; with weights or groups, a tuple that holds them."""
        y = self.y[index]
        if self.weight is None and self.groups is None:
            return y
        if self.groups is None:
            return y, None if self.weight is None else self.weight[index]
        groups = self.groups[index]
        if self.weight is None:  # a loader cannot collate None
            return y, torch.ones_like(groups, dtype=torch.float32), groups
        return y, self.weight[index], groups

    def take(self, rows: Tensor) -> ArrayData:
        """Return a part: a copy of few rows, and a list of many.

        Parameters
        ----------
        rows : Tensor of int64
        """
        return ArrayData(
            _part(self.X, rows),
            self.y[rows],
            None if self.weight is None else self.weight[rows],
            None if self.groups is None else self.groups[rows],
        )

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.y)

    def sample(self, n_rows: int = 2) -> tuple[Any, Any]:
        """Return copies of input and targets of the first rows, on the CPU.

        A module that is tried on them is not on its device yet.
        """
        x = move(select(self.X, slice(n_rows)), torch.device("cpu"))
        return own_copy((x, self.y[:n_rows]))

    def to(self, device: torch.device) -> ArrayData:
        """Return the data on a device."""
        return ArrayData(
            move(self.X, device),
            self.y.to(device),
            move(self.weight, device),
            move(self.groups, device),
        )

    @property
    def n_bytes(self) -> int:
        """Memory of all tensors, were they all read."""
        return _n_bytes(self.X) + _n_bytes(self.y)


class BatchesInMemory:
    """Batches that are made of rows in memory, a few at a time.

    Attributes
    ----------
    batch_bytes : int
        What one of them takes.
    """

    batch_bytes: int

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield ``(x, y)``."""
        raise NotImplementedError


class TensorBatches(BatchesInMemory):
    """Iterate over batches of an `ArrayData`.

    Parameters
    ----------
    data : ArrayData
    batch_size : int
    device : str or torch.device
        Where batches are wanted. Data that fit in half of a GPU's free memory live
        there; larger data stay where they are and travel by chunk.
    generator : torch.Generator or None
        Draws a new order per epoch, of batches to train on, of which none has one row
        if that can be; None: rows in order.
    """

    def __init__(
        self,
        data: ArrayData,
        batch_size: int,
        device: str | torch.device,
        generator: torch.Generator | None = None,
    ) -> None:
        self.device = torch.device(device)
        if self.device.type == "cpu" or _fits(data, self.device):
            data = data.to(self.device)
        self.data = data
        self.batch_size = batch_size
        self.generator = generator
        row = max(1, data.n_bytes // max(1, len(data)))
        self.batch_bytes = row * batch_size
        self._batches_per_chunk = max(1, _CHUNK_BYTES // self.batch_bytes)

    def __len__(self) -> int:
        """Return the number of batches."""
        if self.generator is None:
            return -(-len(self.data) // self.batch_size)
        return count_batches(len(self.data), self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield ``(x, y)``; with weights or groups, y is a tuple that holds them."""
        n_rows, size, n_batches = len(self.data), self.batch_size, len(self)
        order = None
        if self.generator is not None:
            order = torch.randperm(n_rows, generator=self.generator)
            order = order.to(self.data.y.device)
        for first in range(0, n_batches, self._batches_per_chunk):
            last = min(first + self._batches_per_chunk, n_batches)
            start = first * size
            # The last batch takes what is left.
            stop = n_rows if last == n_batches else last * size
            rows = slice(start, stop) if order is None else order[start:stop]
            x, y = self.data[rows]
            x, y = move(x, self.device), move(y, self.device)
            for number in range(first + 1, last + 1):
                low = (number - 1) * size - start
                high = (n_rows if number == n_batches else number * size) - start
                batch = slice(low, high)
                yield select(x, batch), select(y, batch)


class LoaderBatches:
    """Batches of a loader, moved to the device before anything is done with them.

    Bytes travel as bytes, and mixing happens where it is fast.

    Parameters
    ----------
    loader : iterable of (x, y)
    device : str or torch.device
    copies : bool, default=False
        Whether the loader may hand out rows that belong to somebody.
    joins : bool, default=False
        Whether batches of one row are joined to those before them.
    """

    def __init__(
        self,
        loader: Any,
        device: str | torch.device,
        *,
        copies: bool = False,
        joins: bool = False,
    ) -> None:
        self.loader = loader
        self.device = torch.device(device)
        self.copies = copies
        self.joins = joins

    def __len__(self) -> int:
        """Return the number of batches; a TypeError where nobody knows it.

        Of a stream that knows it, a row left over counts as the batch that it would be.
        """
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        batches = join_single_rows(self.loader) if self.joins else self.loader
        for x, y in batches:
            if self.copies:
                x, y = own_copy(x), own_copy(y)
            yield move(x, self.device), move(y, self.device)


class LoadedBatches(torch.utils.data.Dataset[Any]):
    """Rows of a data set in the form that a `DataLoader` fetches whole batches from.

    Its ``collate_fn`` is `as_is`: workers join the items themselves, and labels, which
    are in memory, are gathered and not joined.

    Parameters
    ----------
    X : DatasetRows
    data : ArrayData or None
        Has the labels; None: inputs alone.
    collate : callable or None
        The user's ``collate_fn``.
    """

    def __init__(
        self, X: DatasetRows, data: ArrayData | None = None, collate: Any = None
    ) -> None:
        self.X = X
        self.data = data
        self.collate = collate

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, index: int) -> Any:
        """Return one row."""
        x = self.X[index]
        return x if self.data is None else (x, self.data.labels(index))

    def __getitems__(self, rows: list[int]) -> Any:
        """Return a batch."""
        x = self.X.read(np.asarray(rows, dtype=np.int64), self.collate)
        if self.data is None:
            return x
        return x, self.data.labels(torch.tensor(rows, dtype=torch.int64))


def as_is(batch: Any) -> Any:
    """Return a batch that is joined already."""
    return batch


def select(x: Any, index: Any) -> Any:
    """Index the rows of a tensor or of every tensor of a dict or tuple."""
    if isinstance(x, Tensor):
        if isinstance(index, Tensor):
            return x.index_select(0, index.to(x.device))
        return x[index]
    if isinstance(x, LazyRows):
        return x[index] if isinstance(index, int) else x.read(index)
    if isinstance(x, Mapping):
        return {key: select(value, index) for key, value in x.items()}
    return tuple(select(value, index) for value in x)


def clean_rows(data: ArrayData) -> int:
    """Return how many rows of tables and texts run together in validation."""
    # Of members, so many rows stand in every place.
    most = _CLEAN_ROWS // int(getattr(data, "n_members", 1))
    if holds_sparse(data.X):
        row = max(1, data.n_bytes // max(1, len(data)))
        most = min(most, _CLEAN_BYTES // row)
    return most


def split_weight(y: Any) -> tuple[Any, Any]:
    """Return the target and the row weights of a batch; None where it has none."""
    if not isinstance(y, (tuple, list)):
        return y, None
    return y[0], y[1]


def row_groups(y: Any) -> Tensor | None:
    """Return the groups of a batch's rows; None where it has none."""
    return y[2] if isinstance(y, (tuple, list)) and len(y) > 2 else None


def first_input(x: Input) -> Any:
    """Return the first tensor of an input, whose rows count."""
    if isinstance(x, Mapping):
        return next(iter(x.values()))
    return x[0] if isinstance(x, (tuple, list)) else x


def move(x: Any, device: torch.device) -> Any:
    """Move a tensor, or every tensor of a dict or tuple, to a device; None stays."""
    if x is None or isinstance(x, DatasetRows):
        return x
    if isinstance(x, Tensor):
        return x.to(device, non_blocking=True)
    if isinstance(x, (ArrayRows, SparseRows)):
        return x if device.type == "cpu" else x.to(device)
    if isinstance(x, Mapping):
        return {key: move(value, device) for key, value in x.items()}
    return tuple(move(value, device) for value in x)


def own_copy(x: Any) -> Any:
    """Return tensors that share no memory with those of `x`.

    A module may work in place on what it is given (``x -= mean``, a ReLU that saves
    memory), and must not reach rows that belong to somebody else.
    """
    if isinstance(x, Tensor):
        return x.clone()
    if isinstance(x, Mapping):
        return {key: own_copy(value) for key, value in x.items()}
    if isinstance(x, (tuple, list)):
        return type(x)(map(own_copy, x))
    return x


def _part(x: Any, rows: Tensor) -> Any:
    if isinstance(x, LazyRows):
        return x.view(x.positions(rows))
    if isinstance(x, Tensor):
        row_bytes = _n_bytes(x) // max(1, len(x))
        if x.device.type != "cpu" or row_bytes * len(rows) <= _COPIED_BYTES:
            return select(x, rows)
        return ArrayRows(x, rows.numpy(), x.dtype)
    if isinstance(x, Mapping):
        return {key: _part(value, rows) for key, value in x.items()}
    return tuple(_part(value, rows) for value in x)


def _n_bytes(x: Any) -> int:
    if isinstance(x, Tensor):
        return x.numel() * x.element_size()
    if isinstance(x, (ArrayRows, SparseRows)):
        return x.n_bytes
    if isinstance(x, DatasetRows):
        return _n_bytes(x.read(slice(0, 1))) * len(x)
    return sum(map(_n_bytes, x.values() if isinstance(x, Mapping) else x))


def _held_bytes(x: Any) -> int:
    """Return the memory that an input takes as it is, which sparse rows keep small."""
    if isinstance(x, SparseRows):
        return x.held_bytes
    if isinstance(x, (dict, tuple)):
        return sum(map(_held_bytes, x.values() if isinstance(x, dict) else x))
    return _n_bytes(x)


def _fits(data: ArrayData, device: torch.device) -> bool:
    held = _held_bytes(data.X) + _n_bytes(data.y)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return held < free // 2
    return held < 2**30
