"""What is measured on a trained classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch.nn import functional

from sk_mixup.inspection import (
    expected_calibration_error,
    perturbed_rows,
    predict_mixed,
)
from sk_mixup.metrics import fit_temperature

N_BINS = 15
SMALLEST = 1e-7
#: Radii of pixels, in 255ths.
FGSM_RADII, PGD_RADII = (1, 2, 4, 8), (1, 2, 4)
PAIRS = 300


def of_probabilities(
    y: NDArray[Any],
    proba: NDArray[np.float64],
    y_tune: NDArray[Any] | None = None,
    proba_tune: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Return accuracy, log-loss and calibration, as they are and after a temperature.

    Parameters
    ----------
    y, y_tune : ndarray
        Class numbers from 0.
    proba, proba_tune : ndarray of shape (n, n_classes)
        Of the test rows; of the rows that the temperature is fitted on. None: as they
        are alone.
    """
    classes = np.arange(proba.shape[1])
    found = {"accuracy": float((proba.argmax(1) == y).mean())}
    versions = {"": proba}
    if y_tune is not None and proba_tune is not None:
        temperature = fit_temperature(_logs(proba_tune), y_tune)
        found["temperature"] = float(temperature)
        versions["_tempered"] = _softmax(_logs(proba) / temperature)
    for ending, p in versions.items():
        truth = np.clip(p[np.arange(len(y)), y], SMALLEST, 1.0)
        found[f"log_loss{ending}"] = float(-np.log(truth).mean())
        found[f"ece{ending}"] = expected_calibration_error(
            y, p, n_bins=N_BINS, classes=classes
        )
    return found


def of_attacks(
    model: Any, x: NDArray[np.float32], y: NDArray[np.int64]
) -> dict[str, float]:
    """Return the accuracy on images moved by FGSM, PGD and noise, white box."""
    found = {}
    for attack, radii in (("fgsm", FGSM_RADII), ("pgd", PGD_RADII), ("noise", (8, 16))):
        for radius in radii:
            moved = perturbed_rows(
                model, x, y, radius=radius / 255, attack=attack, bounds=(0, 1)
            )
            found[f"{attack}_{radius}"] = float((moved.proba.argmax(1) == y).mean())
    return found


def shifts(
    model: Any, x: NDArray[np.float32], y: NDArray[np.int64]
) -> dict[str, NDArray[np.float16]]:
    """Return by how much attacks on this model move images, for attacks on others."""
    return {
        f"{attack}_{radius}": perturbed_rows(
            model, x, y, radius=radius / 255, attack=attack, bounds=(0, 1)
        )
        .shift[0]
        .numpy()
        .astype(np.float16)
        for attack, radii in (("fgsm", FGSM_RADII), ("pgd", PGD_RADII))
        for radius in radii
    }


def of_shifts(
    model: Any,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    moved_by: dict[str, NDArray[np.float16]],
) -> dict[str, float]:
    """Return the accuracy on images that attacks on another net moved."""
    return {
        f"black_{name}": float(
            (model.predict(x + shift.astype(np.float32)) == y).mean()
        )
        for name, shift in moved_by.items()
    }


def between(
    model: Any, x: NDArray[np.float32], y: NDArray[np.int64], seed: int = 0
) -> dict[str, float]:
    """Return what the net does half-way between pairs of rows of different classes.

    As in the figure of Zhang et al.: the share of blends for which neither class is
    predicted, and the length of the gradient of the predicted class's loss there.
    """
    random = np.random.default_rng(seed)
    first = random.permutation(len(y))[:PAIRS]
    second = np.array([random.choice(np.flatnonzero(y != y[i])) for i in first])
    middle = (x[first] + x[second]) / np.float32(2)
    proba = model.predict_proba(middle)
    top = proba.argmax(1)
    ends = model.predict_proba(x[first]), model.predict_proba(x[second])
    bend = np.abs(proba - (ends[0] + ends[1]) / 2).sum(1) / 2
    return {
        "misses": float(((top != y[first]) & (top != y[second])).mean()),
        "bend": float(bend.mean()),
        "gradient_between": _gradient(model, middle, top),
        "gradient_at_rows": _gradient(model, x[first], y[first]),
    }


def _gradient(model: Any, x: NDArray[np.float32], y: NDArray[np.int64]) -> float:
    """Return the mean Euclidean length of the gradient of the loss by the input."""
    module = model.module_.eval()
    device = next(module.parameters()).device
    lengths = []
    for start in range(0, len(x), 100):
        rows = torch.from_numpy(x[start : start + 100]).to(device).requires_grad_()
        labels = torch.from_numpy(y[start : start + 100]).to(device)
        loss = functional.cross_entropy(module(rows), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, rows)
        lengths.append(gradient.flatten(1).norm(dim=1))
    return float(torch.cat(lengths).mean())


def of_strangers(
    proba: NDArray[np.float64], strangers: dict[str, NDArray[np.float64]]
) -> dict[str, float]:
    """Return how well the confidence tells known rows from strange ones (AUROC)."""
    known = proba.max(1)
    found = {}
    for name, other in strangers.items():
        ranks = rankdata(np.concatenate([known, other.max(1)]))[: len(known)].sum()
        above = ranks - len(known) * (len(known) + 1) / 2
        found[f"auroc_{name}"] = float(above / (len(known) * len(other)))
    return found


def noise_images(
    x: NDArray[np.float32], seed: int = 0
) -> dict[str, NDArray[np.float32]]:
    """Return images of nothing: uniform and Gaussian noise."""
    random = np.random.default_rng(seed)
    gauss = 0.47 + 0.25 * random.standard_normal(x.shape, dtype=np.float32)
    return {
        "uniform": random.random(x.shape, dtype=np.float32),
        "gaussian": np.clip(gauss, 0, 1),
    }


def at_test_time(
    model: Any,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    x_reference: NDArray[np.float32],
) -> dict[str, float]:
    """Return accuracies of mixed predictions, of clean and of attacked images."""
    moved = perturbed_rows(model, x, y, radius=4 / 255, attack="pgd", bounds=(0, 1))
    attacked = x + moved.shift[0].numpy()
    found = {}
    for name, rows in (("clean", x), ("pgd_4", attacked)):
        mixed = predict_mixed(model, rows, x_reference, lam=0.5, n=5, random_state=0)
        found[f"mixed_{name}"] = float((np.asarray(mixed).argmax(1) == y).mean())
        alone = model.predict_proba(rows)
        found[f"alone_{name}"] = float((alone.argmax(1) == y).mean())
    return found


def _logs(proba: NDArray[np.float64]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.clip(proba.astype(float), SMALLEST, 1.0))
    return logs


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    proba: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return proba
