"""What labels on grids of cells cost: each cell alone, and neighbours that differ."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class GridEnergy:
    """The energies of labellings of several grids of one size.

    The sum over cells of ``unary[cell, label]``, plus the sum over neighbours of their
    weight times ``distance[label, other label]``.

    Attributes
    ----------
    unary : Tensor of shape (B, H, W, L)
    right : Tensor of shape (B, H, W - 1)
        Weight of each cell and its neighbour on the right, at least 0.
    down : Tensor of shape (B, H - 1, W)
        Weight of each cell and its neighbour below, at least 0.
    distance : Tensor of shape (L, L)
        Symmetric, with zeros on the diagonal.
    """

    unary: Tensor
    right: Tensor
    down: Tensor
    distance: Tensor

    def __len__(self) -> int:
        return len(self.unary)

    def __call__(self, labels: Tensor) -> Tensor:
        """Return the energy of each grid, float64.

        Parameters
        ----------
        labels : Tensor of shape (B, H, W), int64

        Returns
        -------
        energy : Tensor of shape (B,)
        """
        n_labels = len(self.distance)
        flat = self.distance.double().flatten()
        alone = self.unary.gather(3, labels.unsqueeze(3)).flatten(1)
        beside = flat[labels[:, :, :-1] * n_labels + labels[:, :, 1:]]
        above = flat[labels[:, :-1] * n_labels + labels[:, 1:]]
        return (
            alone.sum(1, dtype=torch.float64)
            + (self.right.double() * beside).flatten(1).sum(1)
            + (self.down.double() * above).flatten(1).sum(1)
        )

    def some(self, index: Tensor) -> GridEnergy:
        """Return the energies of some of the grids."""
        return GridEnergy(
            self.unary.index_select(0, index),
            self.right.index_select(0, index),
            self.down.index_select(0, index),
            self.distance,
        )

    def turned(self) -> GridEnergy:
        """Return the same with rows and columns exchanged."""
        return GridEnergy(
            self.unary.transpose(1, 2),
            self.down.transpose(1, 2),
            self.right.transpose(1, 2),
            self.distance,
        )
