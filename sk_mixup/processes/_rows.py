"""The rows of a batch in all processes, for partners from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from sk_mixup.processes._group import Processes


class GatheredRows:
    """Fetches the rows that the other processes have in the present step.

    Parameters
    ----------
    processes : Processes
    """

    def __init__(self, processes: Processes) -> None:
        self.processes = processes

    def __call__(self, batch: Any, n_rows: int) -> Any:
        """Return the own rows, followed by those of the others.

        Parameters
        ----------
        batch : tensors in tuples, lists and dicts
            All with so many rows; None stays.
        n_rows : int
            May be 0, where the batch is one of other rows that none are taken of.
        """
        tensors: list[Tensor] = []
        _collect(batch, tensors)
        counts = self.processes.exchange(n_rows)
        gathered = iter([self._gather(t[:n_rows], counts) for t in tensors])
        return _rebuilt(batch, gathered)

    def _gather(self, own: Tensor, counts: list[int]) -> Tensor:
        size, rank = max(counts), self.processes.rank
        padded = own.new_zeros((size, *own.shape[1:]))
        padded[: len(own)] = own
        wire = padded.contiguous().view(-1).view(torch.uint8)
        found = [torch.empty_like(wire) for _ in counts]
        group = self.processes.group_of(wire)
        self.processes.call(lambda: dist.all_gather(found, wire, group=group))
        rows = [
            part.view(own.dtype).view(padded.shape)[:n]
            for part, n in zip(found, counts, strict=True)
        ]
        others = [part for i, part in enumerate(rows) if i != rank]
        return torch.cat([own, *others])


def _collect(x: Any, found: list[Tensor]) -> None:
    if isinstance(x, Tensor):
        found.append(x)
    elif isinstance(x, Mapping):
        for value in x.values():
            _collect(value, found)
    elif isinstance(x, (tuple, list)):
        for value in x:
            _collect(value, found)


def _rebuilt(x: Any, tensors: Any) -> Any:
    if isinstance(x, Tensor):
        return next(tensors)
    if isinstance(x, Mapping):
        return {key: _rebuilt(value, tensors) for key, value in x.items()}
    if isinstance(x, (tuple, list)):
        return type(x)([_rebuilt(value, tensors) for value in x])
    return x
