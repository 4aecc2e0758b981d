"""Messages between neighbours on grids, passed diagonal by diagonal.

Cells of one diagonal do not touch, so all of them, of all grids, pass their messages in
a few calls. Cells are ordered by their diagonals, and each is on one chain that runs
along its row and one along its column: these are the monotonic chains of Kolmogorov's
sequential tree-reweighted message passing.

Tensors are small and calls are many: every tensor and every part of one that a call
needs is made once, and written in place.
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


class _Between:
    """What passes between a diagonal and the next.

    Parameters
    ----------
    edges : _Edges
    weight : Tensor of shape (edges, B)
    distance : Tensor of shape (L, L)
    forth, back : Tensor of shape (L, edges, B)
        Messages, changed in place.
    """

    def __init__(
        self,
        edges: _Edges,
        weight: Tensor,
        distance: Tensor,
        forth: Tensor,
        back: Tensor,
    ) -> None:
        self.edges, self.weight, self.forth, self.back = edges, weight, forth, back
        n_labels = len(distance)
        self.cost = weight * distance.view(n_labels, n_labels, 1, 1)
        self.forth_parts = forth[:, edges.right], forth[:, edges.down]
        self.back_parts = back[:, edges.right], back[:, edges.down]
        self.sent = torch.empty_like(forth)
        self.sent_to_all = self.sent.unsqueeze(1)
        self.wide = torch.empty_like(self.cost)
        self.least = torch.empty_like(weight)

    def pass_on(
        self, parts: tuple[Tensor, Tensor], known: Tensor, message: Tensor
    ) -> Tensor:
        """Send from one diagonal to the other; return what the message is less by."""
        torch.cat(parts, 1, out=self.sent)
        self.sent.sub_(known)
        torch.add(self.sent_to_all, self.cost, out=self.wide)
        torch.amin(self.wide, 0, out=message)
        torch.amin(message, 0, out=self.least)
        message.sub_(self.least)
        return self.least


class _Diagonal:
    """The cells of a diagonal, with parts for those that have neighbours.

    Parameters
    ----------
    cost : Tensor of shape (L, cells, B)
    share : Tensor of shape (cells, 1)
        Of a chain in a cell.
    behind, ahead : _Between or None
    """

    def __init__(
        self,
        cost: Tensor,
        share: Tensor,
        behind: _Between | None,
        ahead: _Between | None,
    ) -> None:
        self.cost, self.share = cost, share
        self.behind, self.ahead = behind, ahead
        self.whole = torch.empty_like(cost)
        self.least = torch.empty_like(cost[0])
        self.added: list[tuple[Tensor, Tensor]] = []
        self.to_behind = self.to_ahead = (self.whole, self.whole)
        if ahead is not None:
            edges = ahead.edges
            parts = self.whole[:, edges.right_from], self.whole[:, edges.down_from]
            self.to_ahead = parts
            self.added += zip(parts, ahead.back_parts, strict=True)
        self.n_from_ahead = len(self.added)
        if behind is not None:
            edges = behind.edges
            parts = self.whole[:, edges.right_to], self.whole[:, edges.down_to]
            self.to_behind = parts
            self.added += zip(parts, behind.forth_parts, strict=True)

    def add_messages(self, *, from_behind: bool = True) -> Tensor:
        """Return costs and the messages that have come to the cells."""
        self.whole.copy_(self.cost)
        count = None if from_behind else self.n_from_ahead
        for part, message in self.added[:count]:
            part.add_(message)
        return self.whole


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
        self._distance = energy.distance.to(unary.dtype)
        self._rows = torch.arange(self.height, device=unary.device)
        places = [self._rows_of(d) for d in range(self.height + self.width - 1)]
        costs, self._shares = [], []
        self._edges: list[_Edges] = []
        weights, messages = [], []
        for d, (low, high) in enumerate(places):
            i = self._rows[low:high]
            costs.append(unary[i, d - i].permute(1, 0, 2).contiguous())
            self._shares.append(self._share(i, d - i).to(unary.dtype).unsqueeze(1))
            if d + 1 == len(places):
                continue
            edges = _edges(places[d], places[d + 1])
            self._edges.append(edges)
            r, b = i[edges.right_from], i[edges.down_from]
            weights.append(torch.cat((right[r, d - r], down[b, d - b])))
            size = (n_labels, *weights[-1].shape)
            messages.append((unary.new_zeros(size), unary.new_zeros(size)))
        self._lay_out(costs, weights, messages)

    def _lay_out(
        self,
        costs: list[Tensor],
        weights: list[Tensor],
        messages: list[tuple[Tensor, Tensor]],
    ) -> None:
        between: list[_Between | None] = [
            _Between(edges, weight, self._distance, forth, back)
            for edges, weight, (forth, back) in zip(
                self._edges, weights, messages, strict=True
            )
        ]
        # Nothing lies before the first diagonal, and nothing behind the last.
        around = [None, *between, None]
        self._diagonals = [
            _Diagonal(cost, share, behind, ahead)
            for cost, share, behind, ahead in zip(
                costs, self._shares, around[:-1], around[1:], strict=True
            )
        ]

    def _rows_of(self, d: int) -> tuple[int, int]:
        return max(0, d - self.width + 1), min(self.height, d + 1)

    def _share(self, i: Tensor, j: Tensor) -> Tensor:
        ahead = (j < self.width - 1).long() + (i < self.height - 1).long()
        behind = (j > 0).long() + (i > 0).long()
        return 1.0 / torch.maximum(ahead, behind).clamp(min=1)

    def forth(self) -> None:
        """Pass messages from the upper left corner to the lower right one."""
        for cells in self._diagonals[:-1]:
            ahead = cells.ahead
            assert ahead is not None
            cells.add_messages().mul_(cells.share)
            ahead.pass_on(cells.to_ahead, ahead.back, ahead.forth)

    def back(self) -> Tensor:
        """Pass messages the other way; return lower bounds of shape (B,), float64."""
        least = []
        for cells in reversed(self._diagonals):
            torch.amin(cells.add_messages(), 0, out=cells.least)
            least.append(cells.least)
            behind = cells.behind
            if behind is not None:
                cells.whole.sub_(cells.least).mul_(cells.share)
                parts = cells.to_behind
                least.append(behind.pass_on(parts, behind.forth, behind.back))
        return torch.cat(least).sum(0, dtype=torch.float64)

    def labels(self) -> Tensor:
        """Return labels cell by cell: the best beside those chosen before.

        Returns
        -------
        labels : Tensor of shape (B, H, W), int64
        """
        n_labels, _, n_grids = self._diagonals[0].cost.shape
        found = torch.zeros(
            (self.height, self.width, n_grids),
            dtype=torch.int64,
            device=self._rows.device,
        )
        before = found[0, :0]
        for d, cells in enumerate(self._diagonals):
            whole = cells.add_messages(from_behind=False)
            if cells.behind is not None:
                edges = cells.behind.edges
                ends = torch.cat((before[edges.right_from], before[edges.down_from]))
                held = self._distance.index_select(1, ends.flatten())
                held = held.view(n_labels, *ends.shape).mul_(cells.behind.weight)
                right, down = cells.to_behind
                right.add_(held[:, edges.right])
                down.add_(held[:, edges.down])
            before = _least_label(whole)
            low, high = self._rows_of(d)
            i = self._rows[low:high]
            found[i, d - i] = before
        return found.permute(2, 0, 1).contiguous()

    def keep(self, index: Tensor) -> None:
        """Go on with some of the grids alone."""
        costs = [cells.cost.index_select(2, index) for cells in self._diagonals]
        between = [cells.ahead for cells in self._diagonals if cells.ahead is not None]
        weights = [one.weight.index_select(1, index) for one in between]
        messages = [
            (one.forth.index_select(2, index), one.back.index_select(2, index))
            for one in between
        ]
        self._lay_out(costs, weights, messages)


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
