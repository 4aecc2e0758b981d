"""Images of CIFAR-10 and the nets that are trained on them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.modality_data import load_cifar
from benchmarks.peers.resnet import Block
from sk_mixup import MixupClassifier
from sk_mixup.augment import RandomCrop, RandomFlip

#: Mean and standard deviation of the channels, from 0 to 1.
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)
GREY = 0.47
#: Channels of the stages, blocks in each, strides of the stem and of the first stage.
SHAPES: dict[str, tuple[tuple[int, ...], int, int, int]] = {
    # Halved twice at once: six times as fast on a CPU as without.
    "narrow": ((16, 32, 64), 1, 2, 2),
    "small": ((16, 32, 64), 1, 2, 1),
    "resnet18": ((64, 128, 256, 512), 2, 1, 1),
}


@dataclass(frozen=True)
class Images:
    """Images from 0 to 1, to train on, to fit a temperature on, and to test on."""

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_tune: NDArray[np.float32]
    y_tune: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


@functools.cache
def read_images(folder: Path, n_train: int, n_tune: int, n_test: int) -> Images:
    """Read as many images of each class, always the same ones."""
    split = load_cifar(folder, n_train + n_tune, n_test)
    classes, _ = np.unique(split.y_test, return_inverse=True)
    x = np.concatenate([split.x_fit, split.x_tune])
    y = np.searchsorted(classes, np.concatenate([split.y_fit, split.y_tune]))
    # In an order that takes classes in turn, so that any start of it is balanced.
    order = np.lexsort((np.arange(len(y)), _place_in_class(y)))
    x, y = x[order], y[order]
    last = n_train + n_tune
    return Images(
        _scaled(x[:n_train]),
        y[:n_train],
        _scaled(x[n_train:last]),
        y[n_train:last],
        _scaled(split.x_test),
        np.searchsorted(classes, split.y_test),
    )


def _place_in_class(y: NDArray[np.int64]) -> NDArray[np.int64]:
    place = np.empty(len(y), dtype=np.int64)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        place[rows] = np.arange(len(rows))
    return place


def _scaled(x: NDArray[np.uint8]) -> NDArray[np.float32]:
    return x.astype(np.float32) / np.float32(255.0)


class ImageNet(nn.Module):
    """A residual net that scales its channels by itself.

    Parameters
    ----------
    n_classes : int
    shape : str
        A key of `SHAPES`.
    """

    #: What Manifold Mixup draws from beside the input: the stem and the early stages.
    mix_layers: ClassVar[list[str]] = ["stem", "stages.0", "stages.1"]

    def __init__(self, n_classes: int = 10, shape: str = "narrow") -> None:
        super().__init__()
        widths, n_blocks, stem, stride = SHAPES[shape]
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, stem, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        stages, n_in = [], widths[0]
        for i, width in enumerate(widths):
            first = Block(n_in, width, stride if i == 0 else 2)
            rest = [Block(width, width, 1) for _ in range(n_blocks - 1)]
            stages.append(nn.Sequential(first, *rest))
            n_in = width
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(n_in, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        features = self.stages(self.stem((x - self.mean) / self.std))
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits


def image_model(
    mix: Any,
    seed: int,
    *,
    net: str,
    n_rows: int,
    n_classes: int,
    epochs: int,
    augmented: bool = True,
    callbacks: list[tuple[str, Any]] | None = None,
) -> MixupClassifier:
    """Return the estimator, unfitted."""
    recipe: dict[str, Any] = {"lr": 1e-2, "schedule": "one_cycle"}
    if net == "resnet18":
        recipe = {"optimizer": "sgd", "lr": 0.1, "schedule": "cosine", "warmup": 5}
        recipe |= {"optimizer__momentum": 0.9, "optimizer__weight_decay": 5e-4}
    return image_classifier(
        ImageNet,
        mix,
        seed,
        n_rows=n_rows,
        augmented=augmented,
        module__n_classes=n_classes,
        module__shape=net,
        max_epochs=epochs,
        callbacks=callbacks or [],
        **recipe,
    )


def image_classifier(
    module: type[nn.Module],
    mix: Any,
    seed: int,
    *,
    n_rows: int,
    augmented: bool = True,
    **recipe: Any,
) -> MixupClassifier:
    """Return what trains any net on images: what all nets here share."""
    return MixupClassifier(
        module,
        mix=mix,
        augment=[RandomCrop(4, fill=GREY), RandomFlip()] if augmented else None,
        batch_size=min(128, max(10, n_rows // 8)),
        early_stopping=False,
        calibration=None,
        channels_last=True,
        random_state=seed,
        **recipe,
    )
