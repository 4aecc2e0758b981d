"""Clean losses of all members, after an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.training.feeds import map_tensors, split_weight
from sk_mixup.training.packing._feeds import DataShelf
from sk_mixup.training.packing._member import PackMember
from sk_mixup.training.packing._stack import Stack
from sk_mixup.training.packing.programs import Call

# Rows of all members that run together.
_ROWS = 2**16


class Validation:
    """The validation rows of the members.

    Parameters
    ----------
    members : sequence of PackMember
    shelf : DataShelf
    """

    def __init__(self, members: Sequence[PackMember], shelf: DataShelf) -> None:
        self._runs = [member.run for member in members]
        self._data = [
            None if m.valid is None else shelf.place(m.valid)[0] for m in members
        ]

    def n_rows(self, k: int) -> int:
        """Return the number of a member's rows; 0 for none."""
        data = self._data[k]
        return 0 if data is None else len(data)

    @torch.no_grad()
    def __call__(self, program: Any, stack: Stack) -> list[list[float] | None]:
        """Return loss and share of hits of each member; None: no rows."""
        results: list[list[float] | None] = [None] * len(self._data)
        sizes = sorted({self.n_rows(k) for k in range(len(self._data))} - {0})
        sums: list[tuple[list[int], Tensor]] = []
        for size in sizes:
            group = [k for k in range(len(self._data)) if self.n_rows(k) == size]
            sums.append((group, self._sums(program, stack, group, size) / size))
        if sums:
            # One look at the device for all of them.
            values = torch.cat([value for _, value in sums]).tolist()
            order = [k for group, _ in sums for k in group]
            for k, value in zip(order, values, strict=True):
                results[k] = value
        return results

    def _sums(self, program: Any, stack: Stack, group: list[int], size: int) -> Tensor:
        whole = group == list(range(len(self._data)))
        params, buffers = stack.params, stack.buffers
        if not whole:
            index = torch.tensor(group, device=next(iter(params.values())).device)
            params = {k: v.index_select(0, index) for k, v in params.items()}
            buffers = {k: v.index_select(0, index) for k, v in buffers.items()}
        total: Tensor | None = None
        step = max(1, _ROWS // len(group))
        for start in range(0, size, step):
            rows = slice(start, min(start + step, size))
            sums = self._chunk(program, params, buffers, group, rows)
            total = sums if total is None else total + sums
        assert total is not None
        return total

    def _chunk(
        self,
        program: Any,
        params: dict[str, Tensor],
        buffers: dict[str, Tensor],
        group: list[int],
        rows: slice,
    ) -> Tensor:
        batches: dict[int, Any] = {}
        for k in group:
            data = self._data[k]
            assert data is not None
            if id(data) not in batches:
                batches[id(data)] = data[rows]
        own = [batches[id(self._data[k])] for k in group]
        if len(batches) == 1:
            x = map_tensors(lambda t: t.expand(len(group), *t.shape), own[0][0])
        else:
            x = map_tensors(lambda *t: torch.stack(t), *(x for x, _ in own))
        outputs = program(params, buffers, x, Call(False))
        n_rows = rows.stop - rows.start
        sums = []
        for k, output, (_, label) in zip(group, outputs, own, strict=True):
            objective = self._runs[k].objective
            y, weight = split_weight(label)
            loss = objective(output, y, weight).double() * n_rows
            hits = loss.new_zeros(())
            if objective.counts:
                hits = objective.agreement(objective.labels(output), y).double().sum()
            sums.append(torch.stack((loss, hits)))
        return torch.stack(sums)

    def keep(self, kept: Sequence[int]) -> None:
        """Go on with some members."""
        self._runs = [self._runs[k] for k in kept]
        self._data = [self._data[k] for k in kept]
