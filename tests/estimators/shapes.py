"""Images of shapes, with a class per pixel."""

import numpy as np
import torch
from torch import nn

from sk_mixup import MixupClassifier

IGNORED = 255


def shapes(n_rows=24, size=12, seed=0, dtype=np.uint8):
    """Return images (n, 1, size, size), masks of 0, 1 and 2, and 255 at outlines."""
    random = np.random.default_rng(seed)
    X = 0.3 * random.standard_normal((n_rows, 1, size, size))
    y = np.zeros((n_rows, size, size), dtype=dtype)
    for image, mask in zip(X[:, 0], y, strict=True):
        kind = int(random.integers(1, 3))
        side = int(random.integers(4, 6))
        top, left = random.integers(0, size - side + 1, 2)
        inside = slice(top, top + side), slice(left, left + side)
        image[inside] += 2.0 if kind == 1 else -2.0
        mask[inside] = IGNORED
        mask[top + 1 : top + side - 1, left + 1 : left + side - 1] = kind
    return X.astype(np.float32), y


class Net(nn.Module):
    """Two convolutions: logits of every pixel."""

    def __init__(self, n_outputs=3, scale=1):
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.last = nn.Conv2d(8, n_outputs, 3, padding=1)
        self.pool = nn.AvgPool2d(scale) if scale > 1 else nn.Identity()

    def forward(self, x):
        return self.pool(self.last(self.first(x).relu()))


def net(**arguments):
    torch.manual_seed(0)
    return Net(**arguments)


def segmenter(**params):
    defaults = {
        "module": net(),
        "max_epochs": 5,
        "batch_size": 8,
        "random_state": 0,
        "criterion__ignore_index": IGNORED,
        "mix": "cutmix",
    }
    return MixupClassifier(**(defaults | params))
