"""A residual net for tables."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sk_mixup.nets._dropout import Dropout
from sk_mixup.nets._token_net import TokenNet, check_sizes


class ResidualBlock(nn.Module):
    """Two linear layers behind a norm, beside a shortcut.

    Parameters
    ----------
    width, d_hidden : int
    dropout, residual_dropout : float
        Of the hidden values, and of what the block adds.
    """

    def __init__(
        self, width: int, d_hidden: int, dropout: float, residual_dropout: float
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, d_hidden)
        self.dropout1 = Dropout(dropout)
        self.linear2 = nn.Linear(d_hidden, width)
        self.dropout2 = Dropout(residual_dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, width) to (B, width)."""
        hidden = self.dropout1(self.linear1(self.norm(x)).relu())
        output: Tensor = x + self.dropout2(self.linear2(hidden))
        return output


class TabularResNet(TokenNet):
    """Embed the columns, and put a residual net on top.

    Parameters
    ----------
    n_numeric, n_indicators, n_levels, n_outputs, bin_edges, known_values :
        As for `TabularNet` and `FeatureTokens`.
    width : int, default=192
        Width of the net.
    n_blocks : int, default=3
    d_hidden : int or None, default=None
        Width inside a block; None: twice `width`.
    dropout : float, default=0.25
        Inside the blocks.
    residual_dropout : float, default=0.0
        Of what a block adds.
    d_token : int, default=16
        Width of a column's embedding.
    numeric_embedding : {"piecewise", "linear", "plr", "pbld"}, default="piecewise"
        See `FeatureTokens`.

    Notes
    -----
    NOTE[DIFF]: the paper takes batch norm (and names layer norm as a choice); here it
    is layer norm, so that no row looks at others and a batch may have one row. Numbers
    are embedded, which the later paper of the same authors recommends.

    References
    ----------
    Gorishniy, Rubachev, Khrulkov, Babenko: Revisiting Deep Learning Models for Tabular
    Data, NeurIPS 2021.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.nets import TabularResNet
    >>> net = TabularResNet(2, 0, [5], 3)
    >>> net(torch.randn(4, 2), torch.zeros(4, 1, dtype=torch.int64)).shape
    torch.Size([4, 3])
    >>> net.mix_layers
    ['blocks.0', 'blocks.1', 'blocks.2']
    """

    def __init__(
        self,
        n_numeric: int,
        n_indicators: int,
        n_levels: Sequence[int],
        n_outputs: int,
        *,
        bin_edges: Sequence[Tensor] | None = None,
        known_values: Sequence[Tensor] | None = None,
        width: int = 192,
        n_blocks: int = 3,
        d_hidden: int | None = None,
        dropout: float = 0.25,
        residual_dropout: float = 0.0,
        d_token: int = 16,
        numeric_embedding: str = "piecewise",
    ) -> None:
        check_sizes(width=width, n_blocks=n_blocks, d_token=d_token)
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
        self.first = nn.Linear(self.tokens.n_tokens * d_token, width)
        self.blocks = nn.ModuleList(
            ResidualBlock(width, d_hidden or 2 * width, dropout, residual_dropout)
            for _ in range(n_blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, n_outputs)

    def body(self, tokens: Tensor) -> Tensor:
        """Return outputs of (B, n_tokens, d_token)."""
        x = self.first(tokens.flatten(1))
        for block in self.blocks:
            x = block(x)
        output: Tensor = self.head(self.norm(x).relu())
        return output
