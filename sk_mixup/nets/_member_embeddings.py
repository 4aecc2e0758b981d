"""Embeddings of which every member of a net has its own.

Members that share an embedding know, through it, the rows of one another. Where a
member is judged by rows that it has not seen but the others have, nothing may be
shared, and the vectors of numbers and categories are as much a memory as the matrices.

Rows are shared, as in a prediction, or each member has rows of its own; both are batch
first, and what comes out has the members on the second axis. Inside, members come
first: their products are one batched product.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sk_mixup.nets._embeddings import (
    ValueEmbedding,
    fill_unused,
    pieces_of,
    rows_of,
)
from sk_mixup.nets._narrow import may_go_narrow, narrow_product


class MemberLinearPieces(nn.Module):
    """`PiecewiseLinearEmbedding` with a function per member.

    Parameters
    ----------
    bin_edges : sequence of Tensor
        For each column strictly increasing edges, at least two.
    d_embedding : int
        Width per column.
    n_members : int

    Notes
    -----
    Input (B, n_columns) or (B, n_members, n_columns), output (B, n_members, n_columns,
    d_embedding).
    """

    left: Tensor
    slope: Tensor

    def __init__(
        self, bin_edges: Sequence[Tensor], d_embedding: int, n_members: int
    ) -> None:
        super().__init__()
        left, slope = pieces_of(bin_edges)
        self.register_buffer("left", left)
        self.register_buffer("slope", slope)
        n_columns, n_bins = left.shape
        bound = n_bins**-0.5
        shape = (n_members, n_columns, n_bins, d_embedding)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        shape = (n_members, n_columns, 1, d_embedding)
        self.bias = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Embed the numbers."""
        x = x.unsqueeze(0) if x.ndim == 2 else x.transpose(0, 1)
        # (members or 1, columns, B, bins)
        bins = x.mT.unsqueeze(3) - self.left.unsqueeze(1)
        bins = bins.mul_(self.slope.unsqueeze(1)).clamp_(0.0, 1.0)
        if self.training and len(bins) == len(self.weight) and may_go_narrow(x):
            factors = (bins, self.weight, self.bias)
            narrow = narrow_product(*(factor.flatten(0, 1) for factor in factors))
            return narrow.view(*bins.shape[:2], *narrow.shape[1:]).permute(3, 0, 1, 2)
        return (torch.matmul(bins, self.weight) + self.bias).permute(2, 0, 1, 3)


class MemberCategories(nn.Module):
    """`CategoricalEmbedding` with a table per member.

    Parameters
    ----------
    n_levels : sequence of int
        Codes per column.
    d_embedding : int
        Width per column.
    n_members : int

    Notes
    -----
    Input (B, n_columns) or (B, n_members, n_columns) int64, output (B, n_members,
    n_columns, d_embedding).
    """

    offset: Tensor

    def __init__(
        self, n_levels: Sequence[int], d_embedding: int, n_members: int
    ) -> None:
        super().__init__()
        counts = torch.tensor(list(n_levels))
        n_rows = int(counts.sum())
        start = torch.arange(n_members).unsqueeze(1) * n_rows
        self.register_buffer("offset", start + counts.cumsum(0) - counts)
        self.n_members = n_members
        # One table for the look-up, member after member.
        self.weight = nn.Parameter(
            torch.randn(n_members * n_rows, d_embedding) * d_embedding**-0.5
        )

    def forward(self, codes: Tensor) -> Tensor:
        """Embed the codes."""
        codes = codes.unsqueeze(1) if codes.ndim == 2 else codes
        return rows_of(self.weight, codes + self.offset)

    @torch.no_grad()
    def fill_untrained(self, level_counts: Sequence[Tensor]) -> None:
        """Give rows that no training row used the mean of those that were used.

        Parameters
        ----------
        level_counts : sequence of Tensor, int64
            Training rows per code and column.
        """
        for starts in self.offset.tolist():
            fill_unused(self.weight, starts, level_counts)


class MemberValues(ValueEmbedding):
    """`ValueEmbedding` with a table per member.

    Parameters
    ----------
    known_values : sequence of Tensor
        For each column its known values, increasing; a column without any has no
        embedding.
    d_embedding : int
        Width per column.
    n_members : int

    Notes
    -----
    Input (B, n_columns) or (B, n_members, n_columns), output (B, n_members, n_embedded,
    d_embedding). A value that is not known has code 0.
    """

    def __init__(
        self, known_values: Sequence[Tensor], d_embedding: int, n_members: int
    ) -> None:
        table = functools.partial(MemberCategories, n_members=n_members)
        super().__init__(known_values, d_embedding, table)
