"""The columns of a table as tokens: one vector of one width per column."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sk_mixup.nets._embeddings import (
    CategoricalEmbedding,
    PiecewiseLinearEmbedding,
    ValueEmbedding,
)
from sk_mixup.nets._exporting import add_columns
from sk_mixup.nets._periodic import PeriodicEmbedding

_NUMBERS = ("linear", "piecewise", "plr", "pbld")


class FeatureTokens(nn.Module):
    """Embed numbers, missing indicators and categories with one width.

    Parameters
    ----------
    n_numeric, n_indicators, n_levels, bin_edges :
        As for `TabularNet`.
    known_values : sequence of Tensor or None, default=None
        Values that each number column repeats: each has a vector of its own, which is
        added to the token. None: none.
    d_token : int
        Width of a token.
    numeric_embedding : {"piecewise", "linear", "plr", "pbld"}, default="piecewise"
        ``"linear"``: ``x w + b`` per column; ``"piecewise"``: the same and a piecewise
        linear function, where there are `bin_edges`; the others are those of
        `PeriodicEmbedding`.

    Notes
    -----
    Input (B, n_numeric + n_indicators) and (B, n_categorical), output (B, n_tokens,
    d_token): numbers, one token for all missing indicators together where there are
    any, categories.

    Gorishniy et al.: Revisiting Deep Learning Models for Tabular Data, NeurIPS 2021,
    whose tokens of numbers are the linear ones.
    """

    def __init__(
        self,
        n_numeric: int,
        n_indicators: int,
        n_levels: Sequence[int],
        d_token: int,
        *,
        bin_edges: Sequence[Tensor] | None = None,
        known_values: Sequence[Tensor] | None = None,
        numeric_embedding: str = "piecewise",
    ) -> None:
        if numeric_embedding not in _NUMBERS:
            raise ValueError(
                f"numeric_embedding must be one of {_NUMBERS}; got"
                f" {numeric_embedding!r}."
            )
        super().__init__()
        self.n_numeric = n_numeric
        self.d_token = d_token
        self.n_tokens = n_numeric + bool(n_indicators) + len(n_levels)
        self.raw: nn.Parameter | None = None
        self.bias: nn.Parameter | None = None
        self.numbers: nn.Module | None = None
        self.values: ValueEmbedding | None = None
        self.missing: nn.Linear | None = None
        self.categories: CategoricalEmbedding | None = None
        bound = d_token**-0.5
        if n_numeric and numeric_embedding in ("plr", "pbld"):
            self.numbers = PeriodicEmbedding(
                n_numeric, d_token, variant=numeric_embedding
            )
        elif n_numeric:
            raw = torch.empty(n_numeric, d_token).uniform_(-bound, bound)
            self.raw = nn.Parameter(raw)
            if bin_edges is not None and numeric_embedding == "piecewise":
                self.numbers = PiecewiseLinearEmbedding(bin_edges, d_token)
            else:
                self.bias = nn.Parameter(torch.empty_like(raw).uniform_(-bound, bound))
        if known_values is not None and any(map(len, known_values)):
            self.values = ValueEmbedding(known_values, d_token)
        if n_indicators:
            self.missing = nn.Linear(n_indicators, d_token)
        if len(n_levels):
            self.categories = CategoricalEmbedding(n_levels, d_token)

    def forward(self, numeric: Tensor, categorical: Tensor) -> Tensor:
        """Return tokens of shape (B, n_tokens, d_token)."""
        parts = []
        if self.n_numeric:
            parts.append(self._numbers(numeric[:, : self.n_numeric]))
        if self.missing is not None:
            parts.append(self.missing(numeric[:, self.n_numeric :]).unsqueeze(1))
        if self.categories is not None:
            parts.append(self.categories(categorical))
        return torch.cat(parts, 1) if len(parts) > 1 else parts[0]

    def _numbers(self, x: Tensor) -> Tensor:
        if self.raw is None:
            assert self.numbers is not None
            tokens = self.numbers(x)
        else:
            base = self.bias if self.numbers is None else self.numbers(x)
            assert base is not None
            tokens = torch.addcmul(base, x.unsqueeze(2), self.raw)
        if self.values is not None:
            tokens = add_columns(tokens, self.values.columns, self.values(x))
        output: Tensor = tokens
        return output
