"""FT-Transformer: columns as tokens that attend to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sk_mixup.nets._attention import SelfAttention
from sk_mixup.nets._dropout import Dropout
from sk_mixup.nets._token_net import MOST_DROPPED_TOKENS, TokenNet, check_sizes


class TransformerBlock(nn.Module):
    """Attention and a ReGLU layer, each behind its norm and beside a shortcut.

    Parameters
    ----------
    d_token, n_heads, d_hidden : int
    attention_dropout, dropout : float
        Of the weights of attention, and of the hidden values.
    is_first : bool
        The first block has no norm before its attention, as in the paper.
    is_last : bool
        The last block computes the first token alone, the only one that is read.
    """

    def __init__(
        self,
        d_token: int,
        n_heads: int,
        d_hidden: int,
        *,
        attention_dropout: float,
        dropout: float,
        is_first: bool,
        is_last: bool,
    ) -> None:
        super().__init__()
        self.n_queries = 1 if is_last else None
        self.norm1 = nn.Identity() if is_first else nn.LayerNorm(d_token)
        self.attention = SelfAttention(d_token, n_heads, attention_dropout)
        self.norm2 = nn.LayerNorm(d_token)
        self.linear1 = nn.Linear(d_token, 2 * d_hidden)
        self.dropout = Dropout(dropout)
        self.linear2 = nn.Linear(d_hidden, d_token)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_tokens, d_token) to the same shape, the last block to one token."""
        read = self.attention(self.norm1(x), n_queries=self.n_queries)
        x = x[:, : self.n_queries] + read
        value, gate = self.linear1(self.norm2(x)).chunk(2, -1)
        output: Tensor = x + self.linear2(self.dropout(value * gate.relu()))
        return output


class FTTransformer(TokenNet):
    """Embed every column as a token, let tokens attend, and read one of their own.

    Parameters
    ----------
    n_numeric, n_indicators, n_levels, n_outputs, bin_edges, known_values :
        As for `TabularNet` and `FeatureTokens`.
    d_token : int, default=64
        Width of a token.
    n_blocks : int, default=2
    n_heads : int, default=4
    d_hidden : int or None, default=None
        Width inside a block; None: 4/3 of `d_token`.
    attention_dropout : float or None, default=None
        None: 0.2, and 0 for more than 32 columns, where it costs more than all the
        rest.
    dropout : float, default=0.1
        Inside the blocks.
    numeric_embedding : {"piecewise", "linear", "plr", "pbld"}, default="piecewise"
        See `FeatureTokens`; ``"linear"`` is that of the paper.

    Notes
    -----
    A step on 256 rows takes 55 ms of one core for 14 columns and 250 ms for 100; the
    MLP of `TabularNet`, 3 and 13 ms. Beyond some hundred columns the cost grows with
    the square of their number.

    NOTE[DIFF]: the paper's net is three blocks of width 192, and its numbers are
    embedded by ``x w + b``. Here it is smaller, for a CPU, and numbers are embedded
    piecewise linearly, as in the later paper of the same authors. All missing
    indicators are one token.

    References
    ----------
    Gorishniy, Rubachev, Khrulkov, Babenko: Revisiting Deep Learning Models for Tabular
    Data, NeurIPS 2021. Gorishniy, Rubachev, Babenko: On Embeddings for Numerical
    Features in Tabular Deep Learning, NeurIPS 2022.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.nets import FTTransformer
    >>> net = FTTransformer(2, 0, [5], 3)
    >>> net(torch.randn(4, 2), torch.zeros(4, 1, dtype=torch.int64)).shape
    torch.Size([4, 3])
    >>> net.mix_layers
    ['blocks.0', 'blocks.1']
    """

    recipe_changes: ClassVar[dict[str, Any]] = TokenNet.recipe_changes | {"lr": 3e-4}

    def __init__(
        self,
        n_numeric: int,
        n_indicators: int,
        n_levels: Sequence[int],
        n_outputs: int,
        *,
        bin_edges: Sequence[Tensor] | None = None,
        known_values: Sequence[Tensor] | None = None,
        d_token: int = 64,
        n_blocks: int = 2,
        n_heads: int = 4,
        d_hidden: int | None = None,
        attention_dropout: float | None = None,
        dropout: float = 0.1,
        numeric_embedding: str = "piecewise",
    ) -> None:
        check_sizes(d_token=d_token, n_blocks=n_blocks, n_heads=n_heads)
        super().__init__(
            n_numeric,
            n_indicators,
            n_levels,
            width=d_token,
            d_token=d_token,
            bin_edges=bin_edges,
            known_values=known_values,
            numeric_embedding=numeric_embedding,
        )
        if attention_dropout is None:
            few = self.tokens.n_tokens <= MOST_DROPPED_TOKENS
            attention_dropout = 0.2 if few else 0.0
        bound = d_token**-0.5
        self.reader = nn.Parameter(torch.empty(d_token).uniform_(-bound, bound))
        self.blocks = nn.ModuleList(
            TransformerBlock(
                d_token,
                n_heads,
                d_hidden or max(1, d_token * 4 // 3),
                attention_dropout=attention_dropout,
                dropout=dropout,
                is_first=i == 0,
                is_last=i == n_blocks - 1,
            )
            for i in range(n_blocks)
        )
        self.norm = nn.LayerNorm(d_token)
        self.head = nn.Linear(d_token, n_outputs)

    def body(self, tokens: Tensor) -> Tensor:
        """Return outputs of (B, n_tokens, d_token)."""
        # The reader is the same in every row: it has nothing to be mixed.
        x = torch.cat([self.reader.expand(tokens.shape[0], 1, -1), tokens], 1)
        for block in self.blocks:
            x = block(x)
        output: Tensor = self.head(self.norm(x[:, 0]).relu())
        return output
