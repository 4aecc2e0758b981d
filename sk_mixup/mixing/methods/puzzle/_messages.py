"""Messages between neighbours on grids, passed diagonal by diagonal.

Cells of one diagonal do not touch, so all of them, of all grids, pass their messages in
a few calls. Cells are ordered by their diagonals, and each is on one chain that runs
along its row and one along its column: these are the monotonic chains of Kolmogorov's
sequential tree-reweighted message passing.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sk_mixup.mixing.methods.puzzle._energy import GridEnergy

_FEW = 5


class _Edges(NamedTuple):
    """The neighbours between a diagonal and the next: on the right, then below.

    Slices of cells by their place on either diagonal, and of the joined edges.
    """

    right_from: slice
    right_to: slice
    down_from: slice
    down_to: slice
    right: slice
    down: slice


class Messages:
    """The messages of a batch of grids; parts of the batch can be left behind.

    Parameters
    ----------
    energy : GridEnergy
    """

    def __init__(self, energy: GridEnergy) -> None:
        _, self.height, self.width, n_labels = energy.unary.shape
        # Grids are the last axis, so that all calls work on long stretches.
        unary = energy.unary.permute(1, 2, 3, 0)
        right, down = energy.right.permute(1, 2, 0), energy.down.permute(1, 2, 0)
        distance = energy.distance.to(unary.dtype)
        self._distance = distance
        distance = distance.view(n_labels, n_labels, 1, 1)
        rows = torch.arange(self.height, device=unary.device)
        n_diagonals = self.height + self.width - 1
        places = [self._rows_of(d) for d in range(n_diagonals)]
        # Of each diagonal: costs (L, cells, B), and the share of a chain in a cell.
        self._cost: list[Tensor] = []
        self._share: list[Tensor] = []
        # Between it and the next: edges, their weights (edges, B) and costs (L, L,
        # edges, B), and messages forth and back (L, edges, B).
        self._edges: list[_Edges] = []
        self._weight: list[Tensor] = []
        self._step: list[Tensor] = []
        self._forth: list[Tensor] = []
        self._back: list[Tensor] = []
        for d, (low, high) in enumerate(places):
            i = rows[low:high]
            self._cost.append(unary[i, d - i].permute(1, 0, 2).contiguous())
            self._share.append(self._shares(i, d - i).to(unary.dtype).unsqueeze(1))
            if d + 1 == n_diagonals:
                continue
            edges = _edges(places[d], places[d + 1])
            self._edges.append(edges)
            r, b = i[edges.right_from], i[edges.down_from]
            weight = torch.cat((right[r, d - r], down[b, d - b]))
            self._weight.append(weight)
            self._step.append(weight * distance)
            start = unary.new_zeros(n_labels, *weight.shape)
            self._forth.append(start)
            self._back.append(start)

    def _rows_of(self, d: int) -> tuple[int, int]:
        return max(0, d - self.width + 1), min(self.height, d + 1)

    def _shares(self, i: Tensor, j: Tensor) -> Tensor:
        ahead = (j < self.width - 1).long() + (i < self.height - 1).long()
        behind = (j > 0).long() + (i > 0).long()
        return 1.0 / torch.maximum(ahead, behind).clamp(min=1)

    def forth(self) -> None:
        """Pass messages from the upper left corner to the lower right one."""
        for d, edges in enumerate(self._edges):
            shared = self._all_at(d).mul_(self._share[d])
            parts = shared[:, edges.right_from], shared[:, edges.down_from]
            sent = torch.cat(parts, 1).sub_(self._back[d])
            arrived = (sent.unsqueeze(1) + self._step[d]).amin(0)
            self._forth[d] = arrived.sub_(arrived.amin(0))

    def back(self) -> Tensor:
        """Pass messages the other way; return lower bounds of shape (B,), float64."""
        least = []
        for d in range(len(self._edges), -1, -1):
            whole = self._all_at(d)
            smallest = whole.amin(0)
            least.append(smallest)
            if d == 0:
                break
            shared = whole.sub_(smallest).mul_(self._share[d])
            edges = self._edges[d - 1]
            parts = shared[:, edges.right_to], shared[:, edges.down_to]
            sent = torch.cat(parts, 1).sub_(self._forth[d - 1])
            arrived = (sent.unsqueeze(1) + self._step[d - 1]).amin(0)
            smallest = arrived.amin(0)
            least.append(smallest)
            self._back[d - 1] = arrived.sub_(smallest)
        return torch.cat(least).sum(0, dtype=torch.float64)

    def labels(self) -> Tensor:
        """Return labels cell by cell: the best beside those chosen before.

        Returns
        -------
        labels : Tensor of shape (B, H, W), int64
        """
        n_labels, _, n_grids = self._cost[0].shape
        found = torch.zeros(
            (self.height, self.width, n_grids),
            dtype=torch.int64,
            device=self._cost[0].device,
        )
        rows = torch.arange(self.height, device=found.device)
        before: Tensor | None = None
        for d in range(len(self._cost)):
            whole = self._cost[d].clone()
            if d < len(self._edges):
                ahead = self._edges[d]
                whole[:, ahead.right_from] += self._back[d][:, ahead.right]
                whole[:, ahead.down_from] += self._back[d][:, ahead.down]
            if before is not None:
                edges, weight = self._edges[d - 1], self._weight[d - 1]
                ends = torch.cat((before[edges.right_from], before[edges.down_from]))
                held = self._distance.index_select(1, ends.flatten())
                held = held.view(n_labels, *ends.shape).mul_(weight)
                whole[:, edges.right_to] += held[:, edges.right]
                whole[:, edges.down_to] += held[:, edges.down]
            before = _least_label(whole)
            low, high = self._rows_of(d)
            i = rows[low:high]
            found[i, d - i] = before
        return found.permute(2, 0, 1).contiguous()

    def keep(self, index: Tensor) -> None:
        """Go on with some of the grids alone."""
        every = self._cost, self._weight, self._step, self._forth, self._back
        for parts in every:
            parts[:] = [part.index_select(-1, index) for part in parts]

    def _all_at(self, d: int) -> Tensor:
        """Return costs and all messages that have come to the cells of a diagonal."""
        whole = self._cost[d].clone()
        if d < len(self._edges):
            ahead = self._edges[d]
            whole[:, ahead.right_from] += self._back[d][:, ahead.right]
            whole[:, ahead.down_from] += self._back[d][:, ahead.down]
        if d > 0:
            edges = self._edges[d - 1]
            whole[:, edges.right_to] += self._forth[d - 1][:, edges.right]
            whole[:, edges.down_to] += self._forth[d - 1][:, edges.down]
        return whole


def _edges(here: tuple[int, int], next_: tuple[int, int]) -> _Edges:
    """Return the edges between the rows of a diagonal and those of the next."""
    (low, high), (low_next, high_next) = here, next_
    # To the right stays in its row, below is the row after it.
    n_right = min(high, high_next) - max(low, low_next)
    n_down = min(high + 1, high_next) - max(low + 1, low_next)
    first = max(low, low_next)
    second = max(low + 1, low_next)
    return _Edges(
        slice(first - low, first - low + n_right),
        slice(first - low_next, first - low_next + n_right),
        slice(second - 1 - low, second - 1 - low + n_down),
        slice(second - low_next, second - low_next + n_down),
        slice(0, n_right),
        slice(n_right, n_right + n_down),
    )


def _least_label(cost: Tensor) -> Tensor:
    """Return the first label of least cost; a loop is faster for few labels."""
    if len(cost) > _FEW:
        return cost.argmin(0)
    least = cost[0]
    label = torch.zeros_like(least, dtype=torch.int64)
    for number in range(1, len(cost)):
        label.masked_fill_(cost[number] < least, number)
        least = torch.minimum(least, cost[number])
    return label
