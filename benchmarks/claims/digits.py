"""Cells on handwritten digits of 8 by 8 points: a perceptron, trained in seconds."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from benchmarks.claims import scores
from benchmarks.claims.cell import Cell, Place
from benchmarks.claims.images import fitted, with_wrong_labels
from benchmarks.claims.ways import OwnLabelsAlone, way
from sk_mixup import MixupClassifier
from sk_mixup.mixing import ManifoldMixup, MixContext, Mixup

N_TRAIN, N_TUNE = 700, 300


class Perceptron(nn.Module):
    """Three hidden layers of 128.

    Parameters
    ----------
    n_features, n_classes : int
    """

    mix_layers: ClassVar[list[str]] = ["layers.0", "layers.1", "layers.2"]

    def __init__(self, n_features: int = 64, n_classes: int = 10) -> None:
        super().__init__()
        sizes = (n_features, 128, 128, 128)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU())
                for n_in, n_out in itertools.pairwise(sizes)
            )
        )
        self.head = nn.Linear(128, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.head(self.layers(x))
        return logits


@dataclass(frozen=True)
class Digits:
    """Rows to train on, to fit a temperature on, and to test on."""

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_tune: NDArray[np.float32]
    y_tune: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


@functools.cache
def digits(seed: int, n_train: int = N_TRAIN) -> Digits:
    """Split the digits, anew with every seed: few test rows decide otherwise."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16.0).astype(np.float32)
    x, x_test, y, y_test = train_test_split(
        x, y, train_size=N_TRAIN + N_TUNE, stratify=y, random_state=seed
    )
    x, x_tune, y, y_tune = train_test_split(
        x, y, train_size=N_TRAIN, stratify=y, random_state=seed
    )
    if n_train < N_TRAIN:
        x, _, y, _ = train_test_split(
            x, y, train_size=n_train, stratify=y, random_state=seed
        )
    return Digits(x, y, x_tune, y_tune, x_test, y_test)


def small_model(
    mix: Any, seed: int, epochs: int, batch_size: int = 50, **settings: Any
) -> MixupClassifier:
    """Return the estimator, unfitted."""
    return MixupClassifier(
        Perceptron,
        mix=mix,
        max_epochs=epochs,
        batch_size=batch_size,
        lr=3e-3,
        schedule="one_cycle",
        early_stopping=False,
        calibration=None,
        random_state=seed,
        **settings,
    )


def digit_wrong(cell: Cell, place: Place) -> dict[str, Any]:
    """Train on wrong labels."""
    data, epochs = digits(cell.seed), place.scale.small_epochs
    return with_wrong_labels(
        small_model(way(cell.setting), cell.seed, epochs),
        data.x_train,
        data.y_train,
        data.x_test,
        data.y_test,
        share=dict(cell.of)["share"],
        seed=cell.seed,
    )


def digit_few(cell: Cell, place: Place) -> dict[str, Any]:
    """Train on a few rows of each class, as many steps whatever their number."""
    n_rows = 10 * dict(cell.of)["per_class"]
    # A hundred rows are a thousand: epochs of the larger set, in steps.
    epochs = place.scale.small_epochs * max(1, N_TRAIN // n_rows)
    data = digits(cell.seed, min(n_rows, N_TRAIN))
    return _measured(small_model(way(cell.setting), cell.seed, epochs), data)


#: Mistakes, and settings at their limits: what `mix` is.
MISTAKES: dict[str, Any] = {
    "own labels alone": OwnLabelsAlone(1.0, fold=False),
    "within classes": Mixup(1.0, pairing="within"),
    "no folding": Mixup(1.0, fold=False),
    "manifold, all layers": ManifoldMixup(1.0),
    "manifold, last layer": ManifoldMixup(1.0, layers=["layers.2"]),
}


def mistake(cell: Cell, place: Place) -> dict[str, Any]:
    """Train as one should not."""
    data, setting = digits(cell.seed), cell.setting
    mix = MISTAKES[setting] if setting in MISTAKES else way(setting)
    model = small_model(mix, cell.seed, place.scale.small_epochs)
    return _measured(model, data) | {"left_on": _left_on(model, data, cell.seed)}


def _measured(model: MixupClassifier, data: Digits) -> dict[str, Any]:
    found: dict[str, Any] = fitted(model, data.x_train, data.y_train)
    proba, tune = (model.predict_proba(x) for x in (data.x_test, data.x_tune))
    found |= scores.of_probabilities(data.y_test, proba, data.y_tune, tune)
    return found | scores.between(model, data.x_test, data.y_test)


def _left_on(model: MixupClassifier, data: Digits, seed: int) -> float:
    """Return the accuracy that is read off where mixing is left on in evaluation."""
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.from_numpy(data.x_test), torch.from_numpy(data.y_test)
    right = []
    for rows, labels in zip(x.split(50), y.split(50), strict=True):
        plan = Mixup(1.0, fold=False).draw(
            rows, labels, generator=generator, context=MixContext()
        )
        right.append(model.predict(plan.apply(rows).numpy()) == labels.numpy())
    return float(np.concatenate(right).mean())
