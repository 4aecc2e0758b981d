"""ExcelFormer: attention in which informative columns do not listen to others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sk_mixup.nets._attention import SelfAttention, shrink
from sk_mixup.nets._dropout import Dropout
from sk_mixup.nets._token_net import (
    MOST_DROPPED_TOKENS,
    Mix,
    TokenNet,
    check_sizes,
)


class ExcelFormerBlock(nn.Module):
    """Semi-permeable attention and a gated layer, beside shortcuts.

    Parameters
    ----------
    d_token, n_heads : int
    attention_dropout, dropout : float
        Of the weights of attention, and of what a part adds.
    init_scale : float
        By which the first weights are smaller than usual, so that a block starts as
        nearly the identity ("attenuated initialization").
    """

    def __init__(
        self,
        d_token: int,
        n_heads: int,
        *,
        attention_dropout: float,
        dropout: float,
        init_scale: float,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(d_token)
        self.attention = SelfAttention(d_token, n_heads, attention_dropout)
        self.norm2 = nn.LayerNorm(d_token)
        self.gated = nn.Linear(d_token, 2 * d_token)
        self.dropout = Dropout(dropout)
        # The layers that feed the shortcut; smaller queries would only flatten weights.
        for linear in (self.attention.out, self.gated):
            shrink(linear, init_scale)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        """Map (B, n_tokens, d_token) to the same shape."""
        x = x + self.dropout(self.attention(self.norm1(x), allowed))
        value, gate = self.gated(self.norm2(x)).chunk(2, -1)
        output: Tensor = x + self.dropout(value * gate.tanh())
        return output


class ExcelFormer(TokenNet):
    """Gated tokens, semi-permeable attention among them, and a head over all of them.

    A column may read those that tell as much about the target as itself or more, and
    none that tell less, so that noise does not get into what is known.

    Parameters
    ----------
    n_numeric, n_indicators, n_levels, n_outputs, bin_edges, known_values :
        As for `TabularNet` and `FeatureTokens`.
    importance : sequence of float or None, default=None
        What each column, numbers first and then categories, tells about the target.
        None: all alike, and every column reads every other one. The estimators give the
        mutual information in the training data.
    d_token : int, default=64
        Width of a token.
    n_blocks : int, default=2
    n_heads : int, default=4
    attention_dropout : float or None, default=None
        None: 0.2, and 0 for more than 32 columns, where it costs more than all the
        rest.
    dropout : float, default=0.1
        Of what the parts of a block add.
    init_scale : float, default=0.1
        By which the first weights of the blocks are smaller than usual.
    numeric_embedding : {"piecewise", "linear", "plr", "pbld"}, default="piecewise"
        See `FeatureTokens`; ``"linear"`` is that of the paper.

    Notes
    -----
    HID-MIX and FEAT-MIX (``mix="hid_mix"``, ``mix="feat_mix"``) are the mixing methods
    of its paper. A step costs about one and a half of `FTTransformer`'s.

    NOTE[DIFF]: the paper encodes categories by target statistics and orders the columns
    by their information; here categories are embedded, and a mask says who reads whom,
    which leaves the order alone and lets equals read each other. Numbers are embedded
    piecewise linearly before the gate. All missing indicators are one token, which
    everybody may read, since it says how to read the numbers. The net is smaller (the
    paper: three blocks of width 256), for a CPU.

    References
    ----------
    Chen et al.: Can a Deep Learning Model be a Sure Bet for Tabular Prediction?
    (ExcelFormer), KDD 2024.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.nets import ExcelFormer
    >>> net = ExcelFormer(2, 0, [5], 3, importance=[0.3, 0.0, 0.1])
    >>> net(torch.randn(4, 2), torch.zeros(4, 1, dtype=torch.int64)).shape
    torch.Size([4, 3])
    >>> net.allowed.int()
    tensor([[1, 0, 0],
            [1, 1, 1],
            [1, 0, 1]], dtype=torch.int32)
    """

    #: Whether the estimators find `importance`.
    needs_importance: ClassVar[bool] = True
    recipe_changes: ClassVar[dict[str, Any]] = TokenNet.recipe_changes | {"lr": 1e-3}
    allowed: Tensor | None

    def __init__(
        self,
        n_numeric: int,
        n_indicators: int,
        n_levels: Sequence[int],
        n_outputs: int,
        *,
        bin_edges: Sequence[Tensor] | None = None,
        known_values: Sequence[Tensor] | None = None,
        importance: Any = None,
        d_token: int = 64,
        n_blocks: int = 2,
        n_heads: int = 4,
        attention_dropout: float | None = None,
        dropout: float = 0.1,
        init_scale: float = 0.1,
        numeric_embedding: str = "piecewise",
    ) -> None:
        check_sizes(d_token=d_token, n_blocks=n_blocks, n_heads=n_heads)
        super().__init__(
            n_numeric,
            n_indicators,
            n_levels,
            width=2 * d_token,
            d_token=d_token,
            bin_edges=bin_edges,
            known_values=known_values,
            numeric_embedding=numeric_embedding,
        )
        n_tokens = self.tokens.n_tokens
        if attention_dropout is None:
            attention_dropout = 0.2 if n_tokens <= MOST_DROPPED_TOKENS else 0.0
        allowed = _allowed(importance, n_numeric, bool(n_indicators), len(n_levels))
        self.register_buffer("allowed", allowed)
        self.blocks = nn.ModuleList(
            ExcelFormerBlock(
                d_token,
                n_heads,
                attention_dropout=attention_dropout,
                dropout=dropout,
                init_scale=init_scale,
            )
            for _ in range(n_blocks)
        )
        self.head_columns = nn.Linear(n_tokens, n_outputs)
        self.activation = nn.PReLU()
        self.head = nn.Linear(d_token, 1)

    def embed(
        self, numeric: Tensor, categorical: Tensor, mix: Mix | None = None
    ) -> Tensor:
        """Return the gated (and mixed) tokens, of shape (B, n_tokens, d_token)."""
        value, gate = self.tokens(numeric, categorical).chunk(2, -1)
        tokens = value * gate.tanh()
        return tokens if mix is None else mix(tokens)

    def body(self, tokens: Tensor) -> Tensor:
        """Return outputs of (B, n_tokens, d_token)."""
        for block in self.blocks:
            tokens = block(tokens, self.allowed)
        joined = self.activation(self.head_columns(tokens.transpose(1, 2)))
        output: Tensor = self.head(joined.transpose(1, 2)).squeeze(2)
        return output


def _allowed(
    importance: Any, n_numeric: int, has_indicators: bool, n_categorical: int
) -> Tensor | None:
    """Return which token (row) may read which (column); None: every one."""
    if importance is None:
        return None
    values = torch.as_tensor(importance, dtype=torch.float64).cpu()
    n_columns = n_numeric + n_categorical
    if values.shape != (n_columns,) or bool(values.isnan().any()):
        raise ValueError(
            f"importance must hold one number for each of the {n_columns} columns; got"
            f" shape {tuple(values.shape)}."
        )
    if has_indicators:
        known = values.new_full((1,), torch.inf)
        values = torch.cat([values[:n_numeric], known, values[n_numeric:]])
    return values.unsqueeze(0) >= values.unsqueeze(1)
