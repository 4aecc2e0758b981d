"""Attention among the tokens of a row."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class SelfAttention(nn.Module):
    """Attention with several heads.

    Parameters
    ----------
    d_token : int
        Width of a token, a multiple of `n_heads`.
    n_heads : int
    dropout : float
        Dropout rate of the weights of attention.

    Notes
    -----
    Vaswani et al.: Attention Is All You Need, NeurIPS 2017.
    """

    def __init__(self, d_token: int, n_heads: int, dropout: float = 0.0) -> None:
        if d_token % n_heads:
            raise ValueError(
                "d_token must be a multiple of n_heads; got"
                f" d_token={d_token}, n_heads={n_heads}."
            )
        super().__init__()
        self.n_heads = n_heads
        self.dropout = dropout
        self.query = nn.Linear(d_token, d_token)
        self.key_value = nn.Linear(d_token, 2 * d_token)
        self.out = nn.Linear(d_token, d_token)

    def forward(
        self, x: Tensor, allowed: Tensor | None = None, n_queries: int | None = None
    ) -> Tensor:
        """Attend.

        Parameters
        ----------
        x : Tensor of shape (B, n_tokens, d_token)
        allowed : Tensor of shape (n_tokens, n_tokens), bool, or None
            Whether a token (row) may read another one (column); None: all may.
        n_queries : int or None
            Only the first tokens ask; None: all.

        Returns
        -------
        out : Tensor of shape (B, n_queries, d_token)
        """
        asking = x if n_queries is None else x[:, :n_queries]
        key, value = self.key_value(x).chunk(2, -1)
        read = functional.scaled_dot_product_attention(
            self._heads(self.query(asking)),
            self._heads(key),
            self._heads(value),
            attn_mask=allowed,
            dropout_p=self.dropout if self.training else 0.0,
        )
        output: Tensor = self.out(read.transpose(1, 2).flatten(2))
        return output

    def _heads(self, x: Tensor) -> Tensor:
        output: Tensor = x.view(*x.shape[:2], self.n_heads, -1).transpose(1, 2)
        return output


def shrink(linear: nn.Linear, scale: float) -> None:
    """Scale the weights of a layer, and set its bias to zero."""
    with torch.no_grad():
        linear.weight.mul_(scale)
        linear.bias.zero_()
