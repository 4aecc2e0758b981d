"""Suite ``attacks``: FGSM and PGD of `sk_mixup.inspection` beside another library's.

One net for handwritten digits, the same rows and radii; by how much does the accuracy
differ that is left. Needs the adversarial-robustness-toolbox, in an environment of its
own: ``pip install adversarial-robustness-toolbox`` beside this package.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from benchmarks.harness.machine import package_version
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.targets import Target
from sk_mixup import MixupClassifier
from sk_mixup.inspection import robustness_curve

PACKAGE = "adversarial-robustness-toolbox"
#: By norm; pixels go from 0 to 1.
RADII: dict[Literal["inf", "l2"], tuple[float, ...]] = {
    "inf": (0.02, 0.05, 0.1, 0.2),
    "l2": (0.2, 0.5, 1.0, 2.0),
}
N_STEPS = 10
#: Starts of PGD are drawn: means over as many of them, ours and theirs.
N_STARTS = 5
TARGET = Target("at most", 1.0, "points")


class DigitNet(nn.Sequential):
    """A small convolutional net for 8 by 8 points."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(512, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )


def run(options: Options, progress: Progress) -> Report:
    """Train a net, attack it by both, and compare."""
    try:
        import art  # noqa: F401
    except ImportError as error:
        raise SystemExit(
            f"The suite attacks compares with {PACKAGE}, which is not installed here:"
            f" pip install {PACKAGE}, in an environment of its own."
        ) from error
    torch.set_num_threads(options.threads)
    x, y = load_digits(return_X_y=True)
    x = (x / 16.0).astype(np.float32).reshape(-1, 1, 8, 8)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.5, random_state=0)
    rows, raw = [], []
    for mix, name in ((None, "no mixing"), ("mixup", "mixup 0.2")):
        model = MixupClassifier(
            DigitNet,
            mix=mix,
            max_epochs=options.pick(20, 2),
            early_stopping=False,
            random_state=0,
        ).fit(x, y)
        for norm, radii in RADII.items():
            for attack in ("fgsm", "pgd"):
                progress.say(f"{name}, {attack}, {norm}")
                ours = accuracy_by_us(model, x_test, y_test, attack, norm)
                theirs = accuracy_by_them(model.module_, x_test, y_test, attack, norm)
                for radius, a, b in zip(radii, ours, theirs, strict=True):
                    gap = 100 * abs(a - b)
                    words = f"{name}: {attack.upper()}, {norm}, {radius:g}"
                    cells = [f"{100 * v:.2f}" for v in (a, b)] + [f"{gap:.2f}"]
                    rows.append([words, *cells, *TARGET.cells(gap)])
                    raw.append({"what": words, "ours": a, "theirs": b})
    notes = [
        f"Accuracy in % on {len(y_test)} test rows. {PACKAGE}"
        f" {package_version(PACKAGE)}. PGD: {N_STEPS} steps of 2.5 radius / {N_STEPS},"
        f" mean of {N_STARTS} random starts; starts are drawn by either library itself,"
        " theirs in the l2 ball by another law.",
    ]
    columns = ["", "ours", "theirs", "difference", "target", ""]
    table = Table("Accuracy under attack", columns, rows, notes)
    return Report("attacks", [table], {"cells": raw})


def accuracy_by_us(
    model: Any, x: NDArray[np.float32], y: NDArray[Any], attack: Any, norm: Any
) -> list[float]:
    """Return the accuracy at all radii, by this library."""
    curves = [
        robustness_curve(
            model,
            x,
            y,
            radii=RADII[norm],
            attack=attack,
            norm=norm,
            n_steps=N_STEPS,
            bounds=(0, 1),
            random_state=start,
        ).accuracy
        for start in range(N_STARTS if attack == "pgd" else 1)
    ]
    found: list[float] = np.mean(curves, axis=0).tolist()
    return found


def accuracy_by_them(
    module: nn.Module,
    x: NDArray[np.float32],
    y: NDArray[Any],
    attack: str,
    norm: str,
) -> list[float]:
    """Return the accuracy at all radii, by the other library."""
    from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescent
    from art.estimators.classification import PyTorchClassifier

    module.eval()
    classifier = PyTorchClassifier(
        model=module,
        loss=nn.CrossEntropyLoss(),
        input_shape=x.shape[1:],
        nb_classes=10,
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )
    order: Any = np.inf if norm == "inf" else 2
    found = []
    for radius in RADII["inf" if norm == "inf" else "l2"]:
        right = []
        for start in range(N_STARTS if attack == "pgd" else 1):
            # Theirs draws from the global generators.
            np.random.seed(start)  # noqa: NPY002
            torch.manual_seed(start)
            if attack == "fgsm":
                maker = FastGradientMethod(classifier, norm=order, eps=radius)
            else:
                maker = ProjectedGradientDescent(
                    classifier,
                    norm=order,
                    eps=radius,
                    eps_step=2.5 * radius / N_STEPS,
                    max_iter=N_STEPS,
                    num_random_init=1,
                    batch_size=256,
                    verbose=False,
                )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                moved = maker.generate(x, y)
            right.append(np.mean(classifier.predict(moved).argmax(1) == y))
        found.append(float(np.mean(right)))
    return found
