"""No batch of one row: where one is left over, the batch before it takes it in.

Batch normalisation has no variance of one row and refuses it, a module that squeezes
loses its first axis, and a row alone has nobody to be mixed with. Only a batch size of
one makes batches of one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import BatchSampler


def count_batches(n_rows: int, batch_size: int) -> int:
    """Return the number of batches of an epoch; each but the last is full.

    Parameters
    ----------
    n_rows, batch_size : int
        The last batch has from 2 to ``batch_size + 1`` rows, where there are as many.
    """
    n_batches = -(-n_rows // batch_size)
    leaves_one = batch_size > 1 and n_batches > 1 and n_rows % batch_size == 1
    return n_batches - 1 if leaves_one else n_batches


class JoinedBatches(BatchSampler):
    """A `BatchSampler` that joins a last batch of one row to the one before it.

    Parameters
    ----------
    sampler : Sampler or iterable of int
    batch_size : int
    """

    def __init__(self, sampler: Any, batch_size: int) -> None:
        super().__init__(sampler, batch_size, drop_last=False)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield lists of row numbers."""
        before: list[int] | None = None
        for rows in super().__iter__():
            if before is not None:
                if len(rows) == 1 and self.batch_size > 1:
                    rows = before + rows
                else:
                    yield before
            before = rows
        if before is not None:
            yield before

    def __len__(self) -> int:
        return count_batches(len(self.sampler), self.batch_size)  # type: ignore[arg-type]


def join_single_rows(batches: Iterable[Any]) -> Iterator[Any]:
    """Join batches of one row to their neighbours, of which nobody knows the number.

    Workers read parts of a stream, of which each may leave a row over.

    Parameters
    ----------
    batches : iterable of (x, y)
    """
    before: Any = None
    for batch in batches:
        if before is not None:
            if 1 in (_n_rows(before), _n_rows(batch)) and _fit(before, batch):
                batch = _joined(before, batch)
            else:
                yield before
        before = batch
    if before is not None:
        yield before


def _n_rows(x: Any) -> int:
    while not isinstance(x, Tensor):
        x = next(iter(x.values())) if isinstance(x, Mapping) else x[0]
    return len(x)


def _fit(one: Any, other: Any) -> bool:
    """Whether two batches can be one: rows that were padded may differ in length."""
    if isinstance(one, Tensor):
        return one.shape[1:] == other.shape[1:]
    if isinstance(one, Mapping):
        return all(_fit(value, other[key]) for key, value in one.items())
    if isinstance(one, (tuple, list)):
        return all(map(_fit, one, other))
    return one is None and other is None


def _joined(one: Any, other: Any) -> Any:
    if isinstance(one, Tensor):
        return torch.cat([one, other])
    if isinstance(one, Mapping):
        return {key: _joined(value, other[key]) for key, value in one.items()}
    if isinstance(one, (tuple, list)):
        return type(one)(map(_joined, one, other))
    return one
