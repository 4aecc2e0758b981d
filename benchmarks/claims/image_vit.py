"""A small vision transformer, for methods that read what a net attends to."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.claims.image_net import MEAN, STD, image_classifier
from sk_mixup import MixupClassifier

#: Sides of images and of patches.
SIDE, PATCH = 32, 4
#: Share of the training in which the learning rate rises.
WARM_UP = 0.125


class VitBlock(nn.Module):
    """Attention and a perceptron, each behind a norm and beside an identity.

    Parameters
    ----------
    width, n_heads : int
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.ReLU(),
            nn.Linear(2 * width, width),
        )

    def forward(self, tokens: Tensor, first: Tensor | None = None) -> Tensor:
        """Return tokens of shape (B, n, width), or the class token alone.

        Parameters
        ----------
        tokens : Tensor of shape (B, n, width)
        first : Tensor of shape (B, 1, width) or None
            The class token, which attends to itself and to `tokens`.
        """
        asks = tokens if first is None else first
        seen = tokens if first is None else torch.cat((first, tokens), 1)
        seen = self.norm(seen)
        query = self._heads(self.query(seen[:, : asks.shape[1]]))
        key, value = map(self._heads, self.key_value(seen).chunk(2, 2))
        found = functional.scaled_dot_product_attention(query, key, value)
        asks = asks + self.out(found.transpose(1, 2).flatten(2))
        return asks + self.mlp(asks)

    def _heads(self, vectors: Tensor) -> Tensor:
        return vectors.unflatten(2, (self.n_heads, -1)).transpose(1, 2)


class SmallVit(nn.Module):
    """A transformer on patches that scales its channels by itself.

    The class token enters with the last block, as in CaiT (Touvron et al., ICCV 2021):
    what it attends to there is what the methods read.

    Parameters
    ----------
    n_classes, width, n_heads, n_blocks : int
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, n_classes: int = 10, width: int = 32, n_heads: int = 2, n_blocks: int = 3
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.patches = nn.Conv2d(3, width, PATCH, PATCH)
        n_patches = (SIDE // PATCH) ** 2
        self.places = nn.Parameter(0.02 * torch.randn(1, n_patches, width))
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.blocks = nn.ModuleList(VitBlock(width, n_heads) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        tokens = self.patches((x - self.mean) / self.std).flatten(2).mT + self.places
        *early, last = self.blocks
        for block in early:
            tokens = block(tokens)
        first = last(tokens, self.first.expand(len(x), -1, -1))
        logits: Tensor = self.head(self.norm(first[:, 0]))
        return logits


def vit_model(
    mix: Any, seed: int, *, n_rows: int, n_classes: int, epochs: int
) -> MixupClassifier:
    """Return the estimator, unfitted."""
    return image_classifier(
        SmallVit,
        mix,
        seed,
        n_rows=n_rows,
        module__n_classes=n_classes,
        max_epochs=epochs,
        optimizer="adamw",
        optimizer__weight_decay=0.05,
        lr=3e-3,
        schedule="cosine",
        warmup=WARM_UP,
    )
