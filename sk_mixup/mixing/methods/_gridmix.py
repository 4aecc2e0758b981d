"""GridMix: cells of a grid, each from one of the two images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import check_integer
from sk_mixup.mixing.draws import (
    MixStreams,
    Pairing,
    Schedule,
    beta_lams,
    uniforms,
)
from sk_mixup.mixing.methods._masks import MaskMethod


class GridMix(MaskMethod):
    r"""Take each cell of a grid from the partner with probability 1 - lambda.

    With :math:`\lambda \sim Beta(\alpha, \alpha)` and n cells along each axis, cell k
    holds the places from :math:`\lfloor k s / n + 1/2 \rfloor` up to the start of cell
    k + 1 of an axis of s places. The label weight is the share of places really
    left, not the lambda drawn.

    Works on sequences (B, channels, length), images (B, channels, height, width) and
    volumes (B, channels, depth, height, width).

    NOTE[DIFF]: the paper adds a loss that predicts the label of every cell from the
    last feature map, which needs a head of its own; only its way of mixing is here.
    The number of cells is drawn from a range, as in OpenMixup, where the paper fixes
    it per data set: give one number for that.

    Parameters
    ----------
    alpha : float, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing.
    n_cells : int or (int, int), default=(2, 6)
        Cells along every axis, at least 1: a number, or the bounds (both included)
        of a range from which each mask draws. Of cells beyond the number of places
        some are empty.
    per : {"batch", "row"}, default="batch"
        One grid for the batch, or one per row.
    p : float, default=1.0
        Probability of mixing a batch or a row.
    fold : bool, default=False
        Swap the roles of the two images where the partner has more than half.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    References
    ----------
    Baek, Bang, Shim: GridMix: Strong regularization through local context mapping,
    Pattern Recognition 2021.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import GridMix
    >>> images, y = torch.rand(8, 3, 32, 32), torch.randint(0, 10, (8,))
    >>> mixed, targets = GridMix(n_cells=4)(images, y, n_classes=10)
    >>> mixed.shape, targets.shape
    (torch.Size([8, 3, 32, 32]), torch.Size([8, 10]))
    """

    short_name = "grid_mix"
    paper = "Baek et al., Pattern Recognition 2021"
    blends = False

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        n_cells: int | tuple[int, int] = (2, 6),
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool = False,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.n_cells = n_cells
        self.per = per
        self.p = p
        self.fold = fold
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        super()._validate()
        if not isinstance(self.n_cells, (tuple, list)):
            check_integer("n_cells", self.n_cells, low=1)
            return
        if len(self.n_cells) != 2:
            raise ValueError(
                "n_cells must be an integer or a pair (low, high); got"
                f" {self.n_cells!r}."
            )
        for value in self.n_cells:
            check_integer("n_cells", value, low=1)
        if self.n_cells[0] > self.n_cells[1]:
            raise ValueError(
                f"n_cells must be in order, (low, high); got {self.n_cells!r}."
            )

    def _draw_numbers(
        self,
        n_masks: int,
        size: tuple[int, ...],
        streams: MixStreams,
        context: MixContext | None,
    ) -> tuple[Tensor, ...]:
        low, high = self._bounds
        lam = beta_lams(self._alpha_now(context), n_masks, streams.lam)
        u = uniforms(n_masks, streams.site)
        n = low + (u * (high - low + 1)).long().clamp(max=high - low)
        # Of the finest grid, of which coarser ones use a corner: the number of draws
        # is always the same.
        n_draws = high ** len(size)
        cells = uniforms(n_masks * n_draws, streams.site).view(n_masks, n_draws)
        return cells < (1.0 - lam).unsqueeze(1), n

    def _masks(self, numbers: Any, size: tuple[int, ...]) -> Tensor:
        taken, n = numbers
        cell = _cell_of(n, self._bounds[1], size).flatten(1)
        mask: Tensor = taken.gather(1, cell).view(-1, *size)
        return mask

    @property
    def _bounds(self) -> tuple[int, int]:
        if isinstance(self.n_cells, (tuple, list)):
            return self.n_cells
        return self.n_cells, self.n_cells


def _cell_of(n: Tensor, stride: int, size: tuple[int, ...]) -> Tensor:
    """Return the number of the cell that holds each place: (len(n), *size)."""
    cell = torch.zeros((1,) * (1 + len(size)), dtype=torch.int64, device=n.device)
    for axis, length in enumerate(size):
        place = torch.arange(length, device=n.device)
        # The last k with floor(k s / n + 1/2) <= place, in whole numbers.
        k = ((2 * place + 1) * n.unsqueeze(1) - 1) // (2 * length)
        shape = [len(n)] + [1] * len(size)
        shape[1 + axis] = length
        cell = cell * stride + k.view(shape)
    return cell
