"""What nets on the tokens of a table share: they mix the tokens, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sk_mixup.nets._embeddings import CategoricalEmbedding, ValueEmbedding
from sk_mixup.nets._tokens import FeatureTokens

Mix = Callable[[Tensor], Tensor]

#: Tokens up to which weights of attention are dropped. Dropping them needs all of them
#: in memory, as many as the square of the tokens: for 100 a step takes three times as
#: long.
MOST_DROPPED_TOKENS = 32


class TokenNet(nn.Module):
    """Base of nets that embed every column of a table with one width.

    A subclass says what it makes of the tokens in `body`.

    Parameters
    ----------
    n_numeric, n_indicators, n_levels, bin_edges, known_values :
        As for `FeatureTokens`.
    width : int
        Width of what `FeatureTokens` returns.
    d_token : int
        Width of what is mixed.
    numeric_embedding : str
        As for `FeatureTokens`.

    Attributes
    ----------
    mix_dims : Tensor of shape (d_token,), int64
        For HidMix: the entries of a token are the dimensions, in all columns alike.
    """

    mixes_inside = True
    input_kind: ClassVar[str] = "table"
    #: What of the recipe for tables does not suit the net, or was not tried with it.
    recipe_changes: ClassVar[dict[str, Any]] = {"precision": "float32"}
    mix_dims: Tensor
    blocks: nn.ModuleList

    def __init__(
        self,
        n_numeric: int,
        n_indicators: int,
        n_levels: Sequence[int],
        *,
        width: int,
        d_token: int,
        bin_edges: Sequence[Tensor] | None,
        known_values: Sequence[Tensor] | None,
        numeric_embedding: str,
    ) -> None:
        super().__init__()
        self.tokens = FeatureTokens(
            n_numeric,
            n_indicators,
            n_levels,
            width,
            bin_edges=bin_edges,
            known_values=known_values,
            numeric_embedding=numeric_embedding,
        )
        # On the host, where HidMix draws its masks, and so no buffer.
        self.mix_dims = torch.arange(d_token)

    @property
    def mix_layers(self) -> list[str]:
        """Names of the hidden layers that ManifoldMixup may draw."""
        return [f"blocks.{i}" for i in range(len(self.blocks))]

    @property
    def categories(self) -> CategoricalEmbedding | None:
        """The embedding of the categories, whose unused rows a fit fills."""
        return self.tokens.categories

    @property
    def values(self) -> ValueEmbedding | None:
        """The embedding of repeated numbers, whose unused rows a fit fills."""
        return self.tokens.values

    def embed(
        self, numeric: Tensor, categorical: Tensor, mix: Mix | None = None
    ) -> Tensor:
        """Return the (mixed) tokens, of shape (B, n_tokens, d_token)."""
        tokens = self.tokens(numeric, categorical)
        return tokens if mix is None else mix(tokens)

    def body(self, tokens: Tensor) -> Tensor:
        """Return outputs of (B, n_tokens, d_token)."""
        raise NotImplementedError

    def forward(
        self, numeric: Tensor, categorical: Tensor, mix: Mix | None = None
    ) -> Tensor:
        """Compute the outputs.

        Parameters
        ----------
        numeric : Tensor of shape (B, n_numeric + n_indicators), float32
        categorical : Tensor of shape (B, n_categorical), int64
        mix : callable or None
            Applied once to the tokens (``plan.apply``).

        Returns
        -------
        output : Tensor of shape (B, n_outputs)
        """
        return self.body(self.embed(numeric, categorical, mix))


def check_sizes(**sizes: int) -> None:
    """Raise a ValueError for a size below 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1; got {size!r}.")
