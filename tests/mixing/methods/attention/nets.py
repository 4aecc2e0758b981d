"""Small vision transformers that compute attention in each of the usual ways."""

import math

import torch
from torch import nn
from torch.nn import functional


class Attention(nn.Module):
    """Attention of two heads; what it pays is kept for tests to look at."""

    def __init__(self, width, kind):
        super().__init__()
        self.kind = kind
        if kind == "multi_head":
            self.inner = nn.MultiheadAttention(width, 2, batch_first=True)
        self.qkv = nn.Linear(width, 3 * width)

    def forward(self, tokens):
        if self.kind == "multi_head":
            self.paid = self.inner(tokens, tokens, tokens, average_attn_weights=True)[1]
            return self.inner(tokens, tokens, tokens, need_weights=False)[0]
        n_rows, n, width = tokens.shape
        heads = self.qkv(tokens).view(n_rows, n, 3, 2, width // 2)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        score = q @ k.mT / math.sqrt(width // 2)
        if self.kind == "fused":
            # By hand, where nobody can see it.
            paid = score.exp() / score.exp().sum(-1, keepdim=True)
            out = functional.scaled_dot_product_attention(q, k, v)
        else:
            paid = score.softmax(-1)
            out = paid @ v
        self.paid = paid.detach().mean(1)
        return out.transpose(1, 2).reshape(n_rows, n, width)


class Vit(nn.Module):
    """Two blocks on patches of 4 pixels, with some tokens before the patches."""

    def __init__(self, kind="fused", prefix=1, n_classes=2, channels=1, width=8):
        super().__init__()
        torch.manual_seed(0)
        self.patches = nn.Conv2d(channels, width, 4, stride=4)
        self.prefix = nn.Parameter(torch.randn(1, prefix, width)) if prefix else None
        self.blocks = nn.ModuleList(Attention(width, kind) for _ in range(2))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, n_classes)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).mT
        if self.prefix is not None:
            tokens = torch.cat((self.prefix.expand(len(x), -1, -1), tokens), 1)
        for block in self.blocks:
            tokens = tokens + block(tokens)
        tokens = self.norm(tokens)
        pooled = tokens.mean(1) if self.prefix is None else tokens[:, 0]
        return self.head(pooled)


def paid_to_patches(net, x, prefix, block=1):
    """What the net pays to each patch in a block, from what it has kept."""
    with torch.no_grad():
        net(x)
    paid = net.blocks[block].paid
    row = paid[:, 0] if prefix else paid.mean(1)
    return row[:, prefix:].reshape(len(x), x.shape[2] // 4, x.shape[3] // 4)


def images(n_rows=4, size=(16, 16), channels=1, seed=0):
    draws = torch.Generator().manual_seed(seed)
    return torch.rand(n_rows, channels, *size, generator=draws)
