"""A table row and an image per case: two inputs, mixed by one plan.

    python examples/table_and_image.py

The images are scikit-learn's digits under heavy noise, and the table has noisy numbers
and a category that tell something of the digit too. `Rows` holds both, so that they can
be split like one array; the names are the arguments of the net's `forward`. With one
plan, an image and its table row get the same partner and the same lambda.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import Tensor, nn

from _common import compare, describe, make_parser, report, split_rows, start
from sk_mixup import MixupClassifier
from sk_mixup.inputs import Rows
from sk_mixup.mixing import CutMix, Mixup, PerKey

MIXES = {
    "none": None,
    "Mixup of both": Mixup(0.4),
    # Squares are pasted where there are places; the table is blended by their share.
    "CutMix and Mixup": PerKey(CutMix(1.0), {"image": "mix", "table": "blend"}),
}


class TwoBranches(nn.Module):
    """Convolutions for the image, a layer for the table, and a head for both."""

    def __init__(self, n_columns: int, n_classes: int, width: int = 32) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        self.read = nn.Sequential(nn.Linear(n_columns, 2 * width), nn.ReLU())
        self.head = nn.Linear(10 * width, n_classes)

    def forward(self, image: Tensor, table: Tensor) -> Tensor:
        """Compute logits; `Rows` has an entry for each argument."""
        return self.head(torch.cat((self.look(image), self.read(table)), 1))


def load() -> tuple[np.ndarray, pd.DataFrame, np.ndarray]:
    """Return noisy images, a table and the digits."""
    rng = np.random.default_rng(0)
    digits = load_digits()
    y = digits.target
    images = (digits.images / 16 + rng.normal(0, 0.5, digits.images.shape))[:, None]
    centres = rng.normal(0, 1, (10, 6))
    numbers = centres[y] + rng.normal(0, 1.6, (len(y), 6))
    table = pd.DataFrame(numbers, columns=[f"measure {i + 1}" for i in range(6)])
    guess = np.where(rng.random(len(y)) < 0.5, y, rng.integers(0, 10, len(y)))
    table["parity guessed"] = np.where(guess % 2, "odd", "even")
    return images.astype(np.float32), table, y


def run(args: argparse.Namespace) -> None:
    """Train with each way of mixing, and compare."""
    images, table, y = load()
    split = split_rows(Rows({"image": images, "table": np.arange(len(y))}), y, args)
    # Categories as shares can be blended, codes cannot; all is learnt from the
    # training part.
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["parity guessed"]),
        remainder=StandardScaler(),
        sparse_threshold=0,
    )
    encoder.fit(table.iloc[split.X_train["table"]])
    for part in ("X_train", "X_test"):
        rows = getattr(split, part)
        columns = encoder.transform(table.iloc[rows["table"]]).astype(np.float32)
        setattr(split, part, Rows({"image": rows["image"], "table": columns}))
    n_columns = split.X_train["table"].shape[1]
    describe("noisy digits", f"an image of 8 x 8 and {table.shape[1]} columns", split)

    def make(**settings: Any) -> MixupClassifier:
        return MixupClassifier(
            TwoBranches,
            lr=3e-3,
            batch_size=64,
            module__n_columns=n_columns,
            module__n_classes=len(np.unique(split.y_train)),
            **settings,
        )

    results = compare(make, MIXES, split, args)
    title = "noisy digits and a noisy table"
    report(results, title, args.output / "table_and_image.png")


if __name__ == "__main__":
    parser = make_parser(__doc__)
    parser.set_defaults(max_epochs=25)
    start(parser, run)
