"""The bundled net for tables: embeddings, then a multilayer perceptron."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from sk_mixup.nets._embeddings import (
    CategoricalEmbedding,
    PiecewiseLinearEmbedding,
    categorical_width,
)

Mix = Callable[[Tensor], Tensor]


class TabularNet(nn.Module):
    """Embed the columns of a table and put an MLP on top.

    Mixing happens inside, after the embedding of categories: codes have no average,
    their vectors have. Where numbers are mixed is a choice: after their embedding
    (``mix_numeric="after"``) a row lies on the segment between two embedded rows;
    before it (``"before"``) the blended value itself is embedded.

    Parameters
    ----------
    n_numeric : int
        Number columns.
    n_indicators : int
        Missing indicators; they follow the numbers in the input and are always mixed.
    n_levels : sequence of int
        Codes per categorical column.
    n_outputs : int
        Width of the output.
    bin_edges : sequence of Tensor or None
        Edges for the piecewise linear embedding of the numbers; None: none.
    d_hidden : int, default=192
        Width of the hidden layers.
    n_hidden : int, default=2
        Number of hidden layers.
    dropout : float, default=0.2
        Dropout rate after each hidden layer.
    d_numeric : int, default=12
        Width of a number's embedding.
    d_categorical : int or None, default=None
        Width of a category's embedding; None: ``1.6 n ** 0.56`` of the largest number
        of levels, between 2 and 16.
    mix_numeric : {"after", "before"}, default="after"
        Whether numbers are mixed after or before their embedding.

    Attributes
    ----------
    mix_dims : Tensor of shape (width,), int64, or None
        Dimension, within its column's embedding, of each entry of an embedded row, for
        HidMix. The raw number beside a number's embedding and a missing indicator are
        dimension 0, the embedding of a number starts at 1, that of a category at 0.
        None where numbers are mixed before their embedding.
    """

    mixes_inside = True
    input_kind: ClassVar[str] = "table"
    mix_dims: Tensor | None

    def __init__(
        self,
        n_numeric: int,
        n_indicators: int,
        n_levels: Sequence[int],
        n_outputs: int,
        *,
        bin_edges: Sequence[Tensor] | None = None,
        d_hidden: int = 192,
        n_hidden: int = 2,
        dropout: float = 0.2,
        d_numeric: int = 12,
        d_categorical: int | None = None,
        mix_numeric: str = "after",
    ) -> None:
        if mix_numeric not in ("after", "before"):
            raise ValueError(
                f"mix_numeric must be 'after' or 'before'; got {mix_numeric!r}."
            )
        super().__init__()
        self.n_numeric = n_numeric
        self.mix_numeric = mix_numeric
        width = n_numeric + n_indicators
        dims = [torch.zeros(width, dtype=torch.int64)]
        self.numbers: PiecewiseLinearEmbedding | None = None
        self.categories: CategoricalEmbedding | None = None
        if bin_edges is not None and n_numeric:
            self.numbers = PiecewiseLinearEmbedding(bin_edges, d_numeric)
            width += n_numeric * d_numeric
            dims.append(torch.arange(1, d_numeric + 1).repeat(n_numeric))
        if len(n_levels):
            if d_categorical is None:
                d_categorical = categorical_width(n_levels)
            self.categories = CategoricalEmbedding(n_levels, d_categorical)
            width += len(n_levels) * d_categorical
            dims.append(torch.arange(d_categorical).repeat(len(n_levels)))
        # On the host, where HidMix draws its masks, and so no buffer.
        self.mix_dims = torch.cat(dims) if mix_numeric == "after" else None
        blocks = []
        for _ in range(n_hidden):
            linear = nn.Linear(width, d_hidden)
            blocks.append(nn.Sequential(linear, nn.ReLU(), nn.Dropout(dropout)))
            width = d_hidden
        self.hidden = nn.Sequential(*blocks)
        self.head = nn.Linear(width, n_outputs)

    @property
    def mix_layers(self) -> list[str]:
        """Names of the hidden layers that ManifoldMixup may draw."""
        return [f"hidden.{i}" for i in range(len(self.hidden))]

    def embed(
        self, numeric: Tensor, categorical: Tensor, mix: Mix | None = None
    ) -> Tensor:
        """Return the embedded (and mixed) rows, of shape (B, width)."""
        if mix is not None and self.mix_numeric == "before":
            numeric = mix(numeric)
        parts = [numeric]
        if self.numbers is not None:
            parts.append(self.numbers(numeric[:, : self.n_numeric]).flatten(1))
        if mix is not None and self.mix_numeric == "after":
            if self.categories is not None:
                parts.append(self.categories(categorical).flatten(1))
            return mix(torch.cat(parts, 1) if len(parts) > 1 else parts[0])
        if self.categories is not None:
            embedded = self.categories(categorical).flatten(1)
            parts.append(embedded if mix is None else mix(embedded))
        return torch.cat(parts, 1) if len(parts) > 1 else parts[0]

    def forward(
        self, numeric: Tensor, categorical: Tensor, mix: Mix | None = None
    ) -> Tensor:
        """Compute the outputs.

        Parameters
        ----------
        numeric : Tensor of shape (B, n_numeric + n_indicators), float32
        categorical : Tensor of shape (B, n_categorical), int64
        mix : callable or None
            Applied once to the embedded rows (``plan.apply``).

        Returns
        -------
        output : Tensor of shape (B, n_outputs)
        """
        return self.head(self.hidden(self.embed(numeric, categorical, mix)))
