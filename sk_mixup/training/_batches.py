"""Whole batches, gathered on the device.

A DataLoader indexes row by row and collates; for data that fit in memory that is half
of an epoch. Here an epoch is one permutation, and batches are slices of large gathered
chunks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from skorch.dataset import Dataset
from torch import Tensor

Input = Tensor | dict[str, Tensor]

# Rows are gathered this many bytes at a time: one large gather is cheaper than many
# small ones, and a whole permuted copy could double the memory.
_CHUNK_BYTES = 8 * 2**20


class ArrayData(Dataset):
    """Rows of input, target and weight as tensors.

    Parameters
    ----------
    X : Tensor of shape (n, ...) or dict of such
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
        super().__init__(X, y)
        self.weight = weight
        self.groups = groups

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        """Return rows as the batches hold them."""
        y = self.y[index]
        if self.weight is None and self.groups is None:
            return select(self.X, index), y
        if self.weight is not None:
            weight = self.weight[index]
        else:  # a loader cannot collate None
            rows = self.groups[index]  # type: ignore[index]
            weight = torch.ones_like(rows, dtype=torch.float32)
        if self.groups is None:
            return select(self.X, index), (y, weight)
        return select(self.X, index), (y, weight, self.groups[index])

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
        """Memory of all tensors."""
        tensors = list(self.X.values()) if isinstance(self.X, Mapping) else [self.X]
        return sum(t.numel() * t.element_size() for t in [*tensors, self.y])


class TensorBatches:
    """Iterate over batches of an `ArrayData`.

    Parameters
    ----------
    data : ArrayData
    batch_size : int
    device : str or torch.device
        Where batches are wanted. Data that fit in half of a GPU's free memory live
        there; larger data stay where they are and travel by chunk.
    generator : torch.Generator or None
        Draws a new order per epoch; None: rows in order.
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
        self._batches_per_chunk = max(1, _CHUNK_BYTES // (row * batch_size))

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.data) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield ``(x, y)``; with weights or groups, y is a tuple that holds them."""
        n_rows, size = len(self.data), self.batch_size
        step = size * self._batches_per_chunk
        order = None
        if self.generator is not None:
            order = torch.randperm(n_rows, generator=self.generator)
            order = order.to(self.data.y.device)
        for start in range(0, n_rows, step):
            stop = min(start + step, n_rows)
            rows = slice(start, stop) if order is None else order[start:stop]
            x, y = self.data[rows]
            x, y = move(x, self.device), move(y, self.device)
            for low in range(0, stop - start, size):
                batch = slice(low, low + size)
                yield select(x, batch), select(y, batch)


def select(x: Any, index: Any) -> Any:
    """Index the rows of a tensor or of every tensor of a dict or tuple."""
    if isinstance(x, Tensor):
        if isinstance(index, Tensor):
            return x.index_select(0, index)
        return x[index]
    if isinstance(x, Mapping):
        return {key: select(value, index) for key, value in x.items()}
    return tuple(select(value, index) for value in x)


def split_weight(y: Any) -> tuple[Any, Any]:
    """Return the target and the row weights of a batch; None where it has none."""
    if not isinstance(y, (tuple, list)):
        return y, None
    return y[0], y[1]


def row_groups(y: Any) -> Tensor | None:
    """Return the groups of a batch's rows; None where it has none."""
    return y[2] if isinstance(y, (tuple, list)) and len(y) > 2 else None


def first_input(x: Input) -> Tensor:
    """Return the first tensor of an input, whose rows count."""
    return x if isinstance(x, Tensor) else next(iter(x.values()))


def move(x: Any, device: torch.device) -> Any:
    """Move a tensor, or every tensor of a dict or tuple, to a device; None stays."""
    if x is None:
        return None
    if isinstance(x, Tensor):
        return x.to(device, non_blocking=True)
    if isinstance(x, Mapping):
        return {key: move(value, device) for key, value in x.items()}
    return tuple(move(value, device) for value in x)


def _fits(data: ArrayData, device: torch.device) -> bool:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return data.n_bytes < free // 2
    return data.n_bytes < 2**30
