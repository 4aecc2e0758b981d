"""The rows of every batch that one of several processes takes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch.utils.data import Sampler

from sk_mixup.processes import Processes, even_bounds, share_of_batch
from sk_mixup.training.feeds._batches import ArrayData, TensorBatches, move, select
from sk_mixup.training.feeds._last_batch import count_batches
from sk_mixup.training.feeds._walk import map_tensors, tensors_of


class SharedBatches(TensorBatches):
    """Batches of one of several processes, from data in memory.

    Where all have the same data, all draw the same order, and each takes its share of
    every batch. Where each has a part, each draws an order of its own, and cuts it into
    as many batches as all parts together would make.

    Parameters
    ----------
    data, batch_size, device, generator :
        As for `TensorBatches`; the size is that of a batch of all processes.
    processes : Processes

    Notes
    -----
    A process yields fewer batches than there are steps, the length, where it has no row
    of some.
    """

    def __init__(
        self,
        data: ArrayData,
        batch_size: int,
        device: str | torch.device,
        generator: torch.Generator | None,
        processes: Processes,
    ) -> None:
        super().__init__(data, batch_size, device, generator)
        self.processes = processes
        counts = processes.exchange(len(data)) if processes.parts else [len(data)]
        self.n_rows = sum(counts)
        if batch_size == -1 or batch_size > self.n_rows:
            self.batch_size = self.n_rows

    def __len__(self) -> int:
        """Return the number of steps."""
        if self.generator is None:
            return -(-self.n_rows // self.batch_size)
        return count_batches(self.n_rows, self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield ``(x, y)`` as `TensorBatches` does."""
        order = torch.arange(len(self.data))
        if self.generator is not None:
            order = torch.randperm(len(self.data), generator=self.generator)
        order, bounds = self._own(order)
        order = order.to(self.data.y.device)
        for first in range(0, len(bounds), self._batches_per_chunk):
            chunk = bounds[first : first + self._batches_per_chunk]
            start = chunk[0][0]
            x, y = self.data[order[start : chunk[-1][1]]]
            x, y = move(x, self.device), move(y, self.device)
            for low, high in chunk:
                rows = slice(low - start, high - start)
                yield select(x, rows), select(y, rows)

    def _own(self, order: torch.Tensor) -> tuple[torch.Tensor, list[tuple[int, int]]]:
        """Return the rows of this process in order, and where batches begin and end."""
        if self.processes.parts:
            return order, even_bounds(len(order), len(self))
        rank, size = self.processes.rank, self.processes.size
        own, bounds, done = [], [], 0
        for number in range(len(self)):
            low = number * self.batch_size
            last = number + 1 == len(self)
            batch = order[low : None if last else low + self.batch_size]
            rows = batch[share_of_batch(len(batch), rank, size)]
            if len(rows):
                own.append(rows)
                bounds.append((done, done + len(rows)))
                done += len(rows)
        return torch.cat(own) if own else order[:0], bounds

    def no_rows(self) -> tuple[Any, Any]:
        """Return a batch without rows."""
        x, y = self.data[torch.arange(0)]
        return move(x, self.device), move(y, self.device)


class SharedSampler(Sampler[list[int]]):
    """The share that a process takes of the batches of a sampler.

    Parameters
    ----------
    batches : iterable of list of int
        The same in all processes.
    processes : Processes
    """

    def __init__(self, batches: Any, processes: Processes) -> None:
        self.batches = batches
        self.rank, self.size = processes.rank, processes.size

    def __iter__(self) -> Iterator[list[int]]:
        """Yield lists of row numbers, none of them empty."""
        for batch in self.batches:
            rows = list(batch)
            own = rows[share_of_batch(len(rows), self.rank, self.size)]
            if own:
                yield own

    def __len__(self) -> int:
        return len(self.batches)


class OwnRows:
    """The share that a process takes of batches that all of them load.

    Parameters
    ----------
    batches : iterable of (x, y)
    processes : Processes
    """

    def __init__(self, batches: Any, processes: Processes) -> None:
        self.batches = batches
        self.rank, self.size = processes.rank, processes.size

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        """Yield batches, none of them without rows."""
        for batch in self.batches:
            n_rows = len(tensors_of(batch)[0])
            rows = share_of_batch(n_rows, self.rank, self.size)
            if rows.stop > rows.start:
                yield map_tensors(partial(_cut, rows), _as_tuples(batch))


def _cut(rows: slice, tensor: torch.Tensor) -> torch.Tensor:
    return tensor[rows]


def _as_tuples(batch: Any) -> Any:
    """Return a batch whose pairs are tuples: loaders give lists."""
    return tuple(map(_as_tuples, batch)) if isinstance(batch, list) else batch
