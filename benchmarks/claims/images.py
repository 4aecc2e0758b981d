"""Cells on images: one net each, and all that is measured on it."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback

from benchmarks.claims import scores
from benchmarks.claims.cell import Cell, Place
from benchmarks.claims.image_net import Images, image_model, read_images
from benchmarks.claims.ways import way
from benchmarks.peers.trainers import EpochMarks
from sk_mixup import MixupClassifier
from sk_mixup.inspection import wrong_labels
from sk_mixup.mixing import ManifoldMixup

#: Of the net that black-box attacks are found on.
SOURCE_SEED = 1000
N_HELD_OUT = 2


def images_of(place: Place) -> Images:
    """Return the images of a scale."""
    scale = place.scale
    return read_images(place.data, scale.n_train, scale.n_tune, scale.n_test)


def fitted(model: MixupClassifier, x: Any, y: Any) -> dict[str, float]:
    """Fit a model without its warnings; return what it took."""
    marks = EpochMarks()
    model.set_params(callbacks=[*(model.callbacks or []), ("marks", marks)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y)
    noted = np.asarray(dict(model.net_.callbacks_)["marks"].marks_)
    return {
        "fit_seconds": float(noted[-1] - noted[0]),
        "epoch_seconds": float(np.median(np.diff(noted))),
    }


def trained(cell: Cell, place: Place) -> dict[str, Any]:
    """Train with augmentation; measure everything."""
    data, scale = images_of(place), place.scale
    mix = way(cell.setting) if cell.setting != "late layer" else _late()
    epochs = dict(cell.of)["epochs"]
    model = image_model(
        mix,
        cell.seed,
        net=scale.net,
        n_rows=len(data.y_train),
        n_classes=10,
        epochs=epochs,
    )
    found: dict[str, Any] = fitted(model, data.x_train, data.y_train)
    proba = model.predict_proba(data.x_test)
    tune = model.predict_proba(data.x_tune)
    found |= scores.of_probabilities(data.y_test, proba, data.y_tune, tune)
    # In turn, so that all classes are there.
    rows = np.argsort(np.arange(scale.n_test) % (scale.n_test // 10), kind="stable")
    rows = rows[: scale.n_attack]
    x, y = data.x_test[rows], data.y_test[rows]
    found |= scores.of_attacks(model, x, y)
    found |= scores.of_shifts(model, x, y, source_shifts(place, x, y))
    found |= scores.between(model, x, y)
    nothing = scores.noise_images(x)
    found |= scores.of_strangers(
        proba, {name: model.predict_proba(z) for name, z in nothing.items()}
    )
    return found | scores.at_test_time(model, x, y, data.x_train)


def _late() -> ManifoldMixup:
    return ManifoldMixup(2.0, layers=["stages.2"])


def source_shifts(
    place: Place, x: NDArray[np.float32], y: NDArray[np.int64]
) -> dict[str, NDArray[np.float16]]:
    """Return how attacks on a net of its own, trained without mixing, move images."""
    scale = place.scale
    file = place.work / f"source_{scale.name}.npz"
    if not file.is_file():
        data = images_of(place)
        model = image_model(
            None,
            SOURCE_SEED,
            net=scale.net,
            n_rows=len(data.y_train),
            n_classes=10,
            epochs=scale.short,
        )
        fitted(model, data.x_train, data.y_train)
        # Renamed when it is whole: a run may be cut off, and two may run.
        part = file.with_suffix(f".{os.getpid()}.npz")
        np.savez(part, **scores.shifts(model, x, y))
        part.replace(file)
    with np.load(file) as stored:
        return {name: stored[name] for name in stored.files}


def held_out(cell: Cell, place: Place) -> dict[str, Any]:
    """Train on some of the classes: can the confidence tell the others."""
    data, scale = images_of(place), place.scale
    n_known = 10 - N_HELD_OUT
    known, test = data.y_train < n_known, data.y_test < n_known
    model = image_model(
        way(cell.setting),
        cell.seed,
        net=scale.net,
        n_rows=int(known.sum()),
        n_classes=n_known,
        epochs=dict(cell.of)["epochs"],
    )
    found: dict[str, Any] = fitted(model, data.x_train[known], data.y_train[known])
    proba = model.predict_proba(data.x_test[test])
    found |= scores.of_probabilities(data.y_test[test], proba)
    strangers = {"held_out": model.predict_proba(data.x_test[~test])}
    return found | scores.of_strangers(proba, strangers)


def few(cell: Cell, place: Place) -> dict[str, Any]:
    """Train on a few images of each class, other ones for every seed."""
    data, scale = images_of(place), place.scale
    of = dict(cell.of)
    random = np.random.default_rng(cell.seed)
    rows = np.concatenate(
        [
            random.choice(np.flatnonzero(data.y_train == label), of["per_class"], False)
            for label in range(10)
        ]
    )
    model = image_model(
        way(cell.setting),
        cell.seed,
        net=scale.net,
        n_rows=len(rows),
        n_classes=10,
        epochs=of["epochs"],
    )
    found: dict[str, Any] = fitted(model, data.x_train[rows], data.y_train[rows])
    proba, tune = (model.predict_proba(x) for x in (data.x_test, data.x_tune))
    return found | scores.of_probabilities(data.y_test, proba, data.y_tune, tune)


class TestAccuracy(Callback):
    """Note the accuracy on clean test rows after every epoch.

    Parameters
    ----------
    x, y : Tensor
    """

    def __init__(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.x = x
        self.y = y

    def initialize(self) -> TestAccuracy:
        """Forget an earlier fit."""
        self.values_: list[float] = []
        return self

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Note it."""
        module = net.module_.eval()
        device = next(module.parameters()).device
        with torch.no_grad():
            right = [
                module(x.to(device)).argmax(1).cpu() == y
                for x, y in zip(self.x.split(500), self.y.split(500), strict=True)
            ]
        self.values_.append(float(torch.cat(right).float().mean()))


def wrong(cell: Cell, place: Place) -> dict[str, Any]:
    """Train on wrong labels; note the best and the last epoch, and what was learnt."""
    data, scale = images_of(place), place.scale
    x, y = data.x_train[: scale.noise_train], data.y_train[: scale.noise_train]
    share = dict(cell.of)["share"]
    model = image_model(
        way(cell.setting),
        cell.seed,
        net=scale.net,
        n_rows=len(y),
        n_classes=10,
        epochs=scale.noise_epochs,
        augmented=False,
    )
    return with_wrong_labels(
        model, x, y, data.x_test, data.y_test, share=share, seed=cell.seed
    )


def with_wrong_labels(
    model: MixupClassifier,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    x_test: NDArray[np.float32],
    y_test: NDArray[np.int64],
    *,
    share: float,
    seed: int,
) -> dict[str, Any]:
    """Fit a model to labels of which a share is wrong; return how it went."""
    labels = wrong_labels(y, share, random_state=seed)
    watch = TestAccuracy(torch.from_numpy(x_test), torch.from_numpy(y_test))
    model.set_params(callbacks=[("watch", watch)])
    found: dict[str, Any] = fitted(model, x, labels)
    curve = dict(model.net_.callbacks_)["watch"].values_
    predicted = model.predict(x)
    is_wrong = labels != y
    return found | {
        "best": max(curve),
        "last": curve[-1],
        "lost": max(curve) - curve[-1],
        "curve": [round(value, 4) for value in curve],
        "memorised": float((predicted == labels)[is_wrong].mean()),
        "right_on_wrong": float((predicted == y)[is_wrong].mean()),
    }
