"""What comes before the first layer: numbers and categories as vectors.

All columns of a kind are embedded by one batched operation, whatever their number: a
module per column would cost more than the rest of a small net. Every categorical column
has the same width for that reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from sk_mixup.nets._exporting import is_traced, places_in


class PiecewiseLinearEmbedding(nn.Module):
    """Embed each number by a piecewise linear function of its own.

    Parameters
    ----------
    bin_edges : sequence of Tensor
        For each column strictly increasing edges, at least two.
    d_embedding : int
        Width per column.

    Notes
    -----
    Input (B, n_columns), output (B, n_columns, d_embedding). A value sets the bins
    below it to 1, its own bin to the share covered, and the rest to 0 (Gorishniy et
    al.: On Embeddings for Numerical Features in Tabular Deep Learning, NeurIPS 2022).
    NOTE[DIFF]: the outer bins are clipped to [0, 1] as well; the net sees the raw
    value beside the embedding.
    """

    left: Tensor
    slope: Tensor

    def __init__(self, bin_edges: Sequence[Tensor], d_embedding: int) -> None:
        super().__init__()
        left, slope = pieces_of(bin_edges)
        self.register_buffer("left", left)
        self.register_buffer("slope", slope)
        bound = left.shape[1] ** -0.5
        shape = (*left.shape, d_embedding)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(
            torch.empty(len(bin_edges), 1, d_embedding).uniform_(-bound, bound)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Embed (B, n_columns) as (B, n_columns, d_embedding)."""
        bins = (x.t().unsqueeze(2) - self.left.unsqueeze(1)) * self.slope.unsqueeze(1)
        return torch.baddbmm(self.bias, bins.clamp(0.0, 1.0), self.weight).transpose(
            0, 1
        )


class CategoricalEmbedding(nn.Module):
    """Embed the codes of all categorical columns with one table.

    Parameters
    ----------
    n_levels : sequence of int
        Codes per column.
    d_embedding : int
        Width per column.

    Notes
    -----
    Input (B, n_columns) int64, output (B, n_columns, d_embedding).
    """

    offset: Tensor

    def __init__(self, n_levels: Sequence[int], d_embedding: int) -> None:
        super().__init__()
        counts = torch.tensor(list(n_levels))
        self.register_buffer("offset", counts.cumsum(0) - counts)
        self.weight = nn.Parameter(
            torch.randn(int(counts.sum()), d_embedding) * d_embedding**-0.5
        )

    def forward(self, codes: Tensor) -> Tensor:
        """Embed (B, n_columns) as (B, n_columns, d_embedding)."""
        return rows_of(self.weight, codes + self.offset)

    @torch.no_grad()
    def fill_untrained(self, level_counts: Sequence[Tensor]) -> None:
        """Give rows that no training row used the mean of those that were used.

        A level first seen at predict then counts as an average one; its random
        initial vector would mean nothing.

        Parameters
        ----------
        level_counts : sequence of Tensor, int64
            Training rows per code and column.
        """
        fill_unused(self.weight, self.offset.tolist(), level_counts)


class ValueEmbedding(nn.Module):
    """Embed the numbers that a column repeats as if they were categories.

    Parameters
    ----------
    known_values : sequence of Tensor
        For each column its known values, increasing; a column without any has no
        embedding.
    d_embedding : int
        Width per column.
    make_table : callable, default=CategoricalEmbedding
        Embeds the codes.

    Notes
    -----
    Input (B, n_columns), output (B, n_embedded, d_embedding). A value that is not known
    has code 0.
    """

    columns: Tensor
    known: Tensor

    def __init__(
        self,
        known_values: Sequence[Tensor],
        d_embedding: int,
        make_table: Callable[[list[int], int], nn.Module] = CategoricalEmbedding,
    ) -> None:
        super().__init__()
        columns = [j for j, values in enumerate(known_values) if len(values)]
        tables = [known_values[j] for j in columns]
        n_values = max(map(len, tables), default=0)
        known = torch.full((len(tables), n_values), torch.inf)
        for row, values in zip(known, tables, strict=True):
            row[: len(values)] = values
        self.register_buffer("columns", torch.tensor(columns, dtype=torch.int64))
        self.register_buffer("known", known)
        self.table = make_table([len(t) + 1 for t in tables], d_embedding)

    def codes(self, x: Tensor) -> Tensor:
        """Return the codes of the embedded columns, int64 and otherwise as `x`."""
        shape = x.shape[:-1]
        values = x.reshape(-1, x.shape[-1])[:, self.columns].t().contiguous()
        values = values.to(self.known.dtype)
        place = places_in(self.known, values).clamp(max=self.known.shape[1] - 1)
        is_known = self.known.gather(1, place) == values
        return ((place + 1) * is_known).t().reshape(*shape, -1)

    def forward(self, x: Tensor) -> Tensor:
        """Embed the known values."""
        output: Tensor = self.table(self.codes(x))
        return output


def rows_of(table: Tensor, codes: Tensor) -> Tensor:
    """Return rows of a table, `torch.nn.functional.embedding` to the bit.

    Parameters
    ----------
    table : Tensor of shape (n, d)
    codes : Tensor of int64

    Returns
    -------
    rows : Tensor of shape (*codes.shape, d)
    """
    if table.device.type != "cpu" or is_traced():
        return nn.functional.embedding(codes, table)
    # The same sums in the same order, in a third of the time.
    rows = table.index_select(0, codes.reshape(-1))
    return rows.view(*codes.shape, table.shape[1])


def pieces_of(bin_edges: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return where the bins of each column begin, and one over their widths.

    Both have the shape (n_columns, most bins); what a column lacks is 0.
    """
    n_bins = max((len(edges) - 1 for edges in bin_edges), default=1)
    left = torch.zeros(len(bin_edges), n_bins)
    slope = torch.zeros_like(left)
    for j, edges in enumerate(bin_edges):
        k = len(edges) - 1
        left[j, :k] = edges[:-1]
        slope[j, :k] = 1.0 / (edges[1:] - edges[:-1])
    return left, slope


def fill_unused(
    weight: Tensor, starts: Sequence[int], level_counts: Sequence[Tensor]
) -> None:
    """Give rows of a table that no training row used the mean of the others.

    Parameters
    ----------
    weight : Tensor of shape (n_rows, d_embedding)
    starts : sequence of int
        First row of each column.
    level_counts : sequence of Tensor, int64
        Training rows per code and column.
    """
    for start, counts in zip(starts, level_counts, strict=True):
        rows = weight[start : start + len(counts)]
        share = counts.to(rows) / counts.sum().clamp(min=1).to(rows)
        # Which they are is known here: no device is waited for to count them.
        unused = (counts == 0).nonzero().flatten()
        rows[unused.to(rows.device)] = share @ rows


def categorical_width(n_levels: Sequence[int]) -> int:
    """Return ``1.6 n ** 0.56`` of the largest number of levels, from 2 to 16."""
    largest = max(n_levels, default=1)
    return int(min(16, max(2, round(1.6 * largest**0.56))))
