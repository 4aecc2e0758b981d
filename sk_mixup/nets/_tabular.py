"""The bundled net for tables: embeddings, then a multilayer perceptron or several.

With `n_members` above 1 the perceptron is an ensemble that shares its matrices, see
`EnsembleLinear`. Members learn from the same mixed rows, each by its own loss; the loss
of their mean would train one large net and not several. In evaluation the net returns
one output per row, the joined one, so that nobody who predicts needs to know.

Members that share nothing (``shares_weights=False``) may be given rows of their own,
one per member and place in the batch. Then each can leave rows out that the others
see, and be judged by them: rows of members are answered by members, also in evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sk_mixup.nets._batch_ensemble import EnsembleLinear, column_scales, joined_output
from sk_mixup.nets._dropout import Dropout
from sk_mixup.nets._embeddings import (
    CategoricalEmbedding,
    PiecewiseLinearEmbedding,
    ValueEmbedding,
    categorical_width,
)
from sk_mixup.nets._gates import Gate, PartlyGated, n_gated_members, open_gates
from sk_mixup.nets._member_embeddings import (
    MemberCategories,
    MemberLinearPieces,
    MemberValues,
)

Mix = Callable[[Tensor], Tensor]

_EMBEDDING_RATE = 3.0
# What a column is worth is one number, which has far to go: small steps come too late.
# But none is larger than a twentieth of what it was at first.
_SCALE_RATE, _LARGEST_SCALE_RATE = 25.0, 0.05


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
    known_values : sequence of Tensor or None
        Values of each number column that get a vector of their own; empty for a column
        that is only a number. None: no column.
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
    d_value : int, default=8
        Width of a known value's embedding.
    mix_numeric : {"after", "before"}, default="after"
        Whether numbers are mixed after or before their embedding.
    n_members : int, default=1
        Nets in one.
    shares_weights : bool, default=True
        Whether members share matrices and embeddings. False: they share nothing, and
        may be given rows of their own.
    gated : bool or float, default=False
        Whether hidden units are products, see `Gate`: for twice the hidden weights. A
        number between 0 and 1: of so large a share of the members, the last ones, which
        must share nothing.
    scales_columns : bool, default=False
        Whether the embedding of each column has a factor, which each member learns at
        25 times the rate, up to 0.05. Members that share matrices have scales of their
        own.

    Attributes
    ----------
    joins : {"softmax", "sigmoid", "none"}
        What members average in evaluation: probabilities of one or the other kind, or
        the outputs themselves.
    mix_dims : Tensor of shape (width,), int64, or None
        Dimension, within its column's embedding, of each entry of an embedded row, for
        HidMix. The raw number beside a number's embedding and a missing indicator are
        dimension 0, the embedding of a number starts at 1, that of a category at 0.
        None where numbers are mixed before their embedding.

    Notes
    -----
    NOTE[DIFF] TabM draws the first scales as random signs, or as normal numbers per
    entry or column; here they are normal per column.
    """

    mixes_inside = True
    input_kind: ClassVar[str] = "table"
    #: Names of the weights that `MuonAdamW` takes orthogonal steps for.
    matrices: ClassVar[tuple[str, ...]] = ("hidden.*.weight",)
    mix_dims: Tensor | None
    #: Nets that version 0.1 has pickled do not say it.
    shares_weights: bool = True
    column_scale: Tensor | None
    column_of: Tensor

    def __init__(
        self,
        n_numeric: int,
        n_indicators: int,
        n_levels: Sequence[int],
        n_outputs: int,
        *,
        bin_edges: Sequence[Tensor] | None = None,
        known_values: Sequence[Tensor] | None = None,
        d_hidden: int = 192,
        n_hidden: int = 2,
        dropout: float = 0.2,
        d_numeric: int = 12,
        d_categorical: int | None = None,
        d_value: int = 8,
        mix_numeric: str = "after",
        n_members: int = 1,
        shares_weights: bool = True,
        gated: bool | float = False,
        scales_columns: bool = False,
    ) -> None:
        if mix_numeric not in ("after", "before"):
            raise ValueError(
                f"mix_numeric must be 'after' or 'before'; got {mix_numeric!r}."
            )
        super().__init__()
        if n_members < 1:
            raise ValueError(f"n_members must be at least 1; got {n_members!r}.")
        self.n_numeric = n_numeric
        self.mix_numeric = mix_numeric
        self.n_members = n_members
        self.joins = "none"
        self.shares_weights = shares_weights or n_members == 1
        n_gated = self._checked_gates(gated)
        if scales_columns and self.shares_weights and n_members > 1:
            raise ValueError(
                "scales_columns=True is for members that share nothing: others have"
                " scales of their own. Set shares_weights=False."
            )
        self.numbers: PiecewiseLinearEmbedding | MemberLinearPieces | None = None
        self.values: ValueEmbedding | None = None
        self.categories: CategoricalEmbedding | MemberCategories | None = None
        # Per part of an embedded row: its columns, the width of each, the first of
        # their dimensions. An indicator counts as a column.
        parts = [(torch.arange(n_numeric + n_indicators), 1, 0)]
        if bin_edges is not None and n_numeric:
            self.numbers = (
                PiecewiseLinearEmbedding(bin_edges, d_numeric)
                if self.shares_weights
                else MemberLinearPieces(bin_edges, d_numeric, n_members)
            )
            parts.append((torch.arange(n_numeric), d_numeric, 1))
        if known_values is not None and any(map(len, known_values)):
            self.values = (
                ValueEmbedding(known_values, d_value)
                if self.shares_weights
                else MemberValues(known_values, d_value, n_members)
            )
            parts.append((self.values.columns, d_value, 1))
        if len(n_levels):
            if d_categorical is None:
                d_categorical = categorical_width(n_levels)
            self.categories = (
                CategoricalEmbedding(n_levels, d_categorical)
                if self.shares_weights
                else MemberCategories(n_levels, d_categorical, n_members)
            )
            start = n_numeric + n_indicators
            columns = torch.arange(start, start + len(n_levels))
            parts.append((columns, d_categorical, 0))
        dims = [
            torch.arange(start, start + width).repeat(len(columns))
            for columns, width, start in parts
        ]
        # On the host, where HidMix draws its masks, and so no buffer.
        self.mix_dims = torch.cat(dims) if mix_numeric == "after" else None
        owners = torch.cat([c.repeat_interleave(width) for c, width, _ in parts])
        width = len(owners)
        scales = None
        if scales_columns:
            n_columns = int(owners.max()) + 1 if width else 0
            scales = nn.Parameter(torch.ones(n_members, n_columns))
            self.register_buffer("column_of", owners, persistent=False)
        self.register_parameter("column_scale", scales)
        scale = None
        if n_members > 1 and self.shares_weights:
            scale = column_scales(n_members, owners)
        blocks: list[nn.Module] = []
        n_units = 2 * d_hidden if n_gated else d_hidden
        for _ in range(n_hidden):
            if 0 < n_gated < n_members:
                n_plain = n_members - n_gated
                blocks.append(PartlyGated(width, d_hidden, n_plain, n_gated, dropout))
                width = d_hidden
                continue
            linear: nn.Linear | EnsembleLinear
            if n_members > 1:
                linear = EnsembleLinear(
                    width,
                    n_units,
                    n_members,
                    scale=scale,
                    shares_weight=self.shares_weights,
                )
                scale = None
                if not self.shares_weights:
                    linear.spread()
            else:
                linear = nn.Linear(width, n_units)
            if n_gated:
                open_gates(linear)
            activation = Gate() if n_gated else nn.ReLU()
            blocks.append(nn.Sequential(linear, activation, Dropout(dropout)))
            width = d_hidden
        self.hidden = nn.Sequential(*blocks)
        self.head: nn.Module
        if n_members > 1:
            self.head = EnsembleLinear(width, n_outputs, n_members, shares_weight=False)
            if not self.shares_weights:
                self.head.quieten()
        else:
            self.head = nn.Linear(width, n_outputs)

    def _checked_gates(self, gated: float) -> int:
        """Return how many members have gates."""
        n_gated = n_gated_members(gated, self.n_members)
        if self.shares_weights and 0 < n_gated < self.n_members:
            raise ValueError(
                f"gated={gated!r} of n_members={self.n_members}: members that share"
                " their weights have gates all or none. Set gated=True, or"
                " shares_weights=False."
            )
        return n_gated

    @property
    def mix_layers(self) -> list[str]:
        """Names of the hidden layers that ManifoldMixup may draw."""
        return [f"hidden.{i}" for i in range(len(self.hidden))]

    def param_groups(self, lr: float) -> list[tuple[str, dict[str, float]]]:
        """Return settings of the optimizer by name, in skorch's form.

        A row of an embedding sees few rows of a batch and learns at three times the
        rate, the factor of a column at 25 times; scales and biases do not decay.

        Parameters
        ----------
        lr : float
            Learning rate of the rest.
        """
        embeddings = [
            (f"{part}.*", {"lr": _EMBEDDING_RATE * lr})
            for part in ("numbers", "values", "categories")
            if getattr(self, part) is not None
        ]
        free = {"weight_decay": 0.0}
        scales = []
        if getattr(self, "column_scale", None) is not None:
            rate = max(lr, min(_SCALE_RATE * lr, _LARGEST_SCALE_RATE))
            scales = [("column_scale", free | {"lr": rate})]
        return [*embeddings, *scales, ("*.bias", free), ("*.scale_*", free)]

    def embed(
        self, numeric: Tensor, categorical: Tensor, mix: Mix | None = None
    ) -> Tensor:
        """Return the embedded (and mixed) rows.

        Of shape (B, width), and (B, n_members, width) where members share nothing.
        """
        clean = numeric
        if mix is not None and self.mix_numeric == "before":
            numeric = mix(numeric)
        parts = [numeric]
        if not self.shares_weights and numeric.ndim == 2:
            parts = [numeric.unsqueeze(1).expand(-1, self.n_members, -1)]
        if self.numbers is not None:
            parts.append(self.numbers(numeric[..., : self.n_numeric]).flatten(-2))
        # A blend of two values is no known value: these are mixed as vectors always.
        vectors = []
        if self.values is not None:
            vectors.append(self.values(clean).flatten(-2))
        if self.categories is not None:
            vectors.append(self.categories(categorical).flatten(-2))
        if mix is None or self.mix_numeric == "after":
            embedded = self._scaled(_joined(parts + vectors))
            return embedded if mix is None else mix(embedded)
        mixed = [mix(_joined(vectors))] if vectors else []
        return self._scaled(_joined(parts + mixed))

    def _scaled(self, embedded: Tensor) -> Tensor:
        # Nets that version 0.1 has pickled have no factors.
        factors: Tensor | None = getattr(self, "column_scale", None)
        if factors is None:
            return embedded
        scale = factors[:, self.column_of]
        return embedded * (scale if embedded.ndim == 3 else scale[0])

    def forward(
        self, numeric: Tensor, categorical: Tensor, mix: Mix | None = None
    ) -> Tensor:
        """Compute the outputs.

        Parameters
        ----------
        numeric : Tensor of shape (B, n_numeric + n_indicators), float32
            Of members that share nothing also (B, n_members, ...), as `categorical`.
        categorical : Tensor of shape (B, n_categorical), int64
        mix : callable or None
            Applied once to the embedded rows (``plan.apply``).

        Returns
        -------
        output : Tensor of shape (B, n_outputs)
            Of several members in training, and of rows of their own always, (B,
            n_members, n_outputs).
        """
        with _outside_of_autocast(numeric):
            embedded = self.embed(numeric, categorical, mix)
        hidden = self.hidden(embedded)
        with _outside_of_autocast(numeric):
            output: Tensor = self.head(hidden.to(embedded.dtype))
        if self.n_members == 1 or self.training or numeric.ndim == 3:
            return output
        return joined_output(output, self.joins)


# Devices that a training may have half precision on; others refuse the question.
_AUTOCASTS = ("cpu", "cuda", "mps", "xpu")


def _outside_of_autocast(x: Tensor) -> AbstractContextManager[Any]:
    """Keep in float32 what is small, and what rounding would be seen in.

    Half precision pays in the products of the hidden layers. Embeddings tell apart
    values that it would not, and outputs are what a regression is about.
    """
    kind = x.device.type
    if kind in _AUTOCASTS and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()


def _joined(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts, -1) if len(parts) > 1 else parts[0]
