"""A residual net small enough to be trained many times on a CPU."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional


class SmallResNet(nn.Module):
    """ResNet-8 for 32x32 images: a stem and three blocks of 16, 32 and 64 channels.

    In training it turns half of the images round, left to right: the one augmentation
    that all contestants share, mixed or not.

    Parameters
    ----------
    n_classes : int
    stride : int
        Of the first block: 2 takes a quarter of the time of 1.
    """

    #: Layers that methods for hidden layers may mix.
    mix_layers: ClassVar[list[str]] = ["stem", "blocks.0", "blocks.1", "blocks.2"]

    def __init__(self, n_classes: int = 10, stride: int = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.blocks = nn.Sequential(
            Block(16, 16, stride), Block(16, 32, 2), Block(32, 64, 2)
        )
        self.head = nn.Linear(64, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        if self.training:
            flip = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
            x = torch.where(flip, x.flip(3), x)
        features = self.blocks(self.stem(x))
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits


class Block(nn.Module):
    """Two convolutions and a way around them.

    Parameters
    ----------
    n_in, n_out, stride : int
    """

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.around = (
            nn.Identity()
            if stride == 1 and n_in == n_out
            else nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the features after the block."""
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(y)) + self.around(x))
