"""One training of the suite ``methods``, and what it reached.

Every score is kept with its terms, one per row of the part it was taken on. Two
trainings judged on the same rows share the luck of these rows, and only the terms can
say how much of a difference is left to luck.
"""

from __future__ import annotations

import base64
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from skorch.callbacks import LRScheduler

from benchmarks.parts import Parts
from benchmarks.peers.resnet import SmallResNet
from benchmarks.peers.trainers import EpochMarks
from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.inspection import expected_calibration_error

N_BINS = 15
BATCH_SIZE = 128
PEAK_RATE = 1e-2
#: A probability of 0 for what happened counts as this.
SMALLEST = 1e-7
#: What a method cannot know of the image net. Aligning takes time with the square of
#: the places: meant for the last feature map, and the input, which is not aligned.
ON_IMAGES: dict[str, dict[str, Any]] = {
    "align_mix": {"mix__layers": ["input", "blocks.2"]},
    # Maps of a few places, where blocks of seven would leave nothing of the own row.
    "patch_up": {"mix__block_size": 3},
}


@dataclass(frozen=True)
class Training:
    """How the net of a data set is trained.

    Attributes
    ----------
    epochs : int or None
        None: as many as the estimator takes by itself.
    stride : int
        Of the first block of the image net.
    """

    epochs: int | None = None
    stride: int = 2


def why_unsuitable(parts: Parts, mix: str, training: Training) -> str | None:
    """Return what the library says against a method on such data, or None.

    A trial of one epoch on a few rows: the library itself knows what fits, and a list
    of methods kept here would grow old.
    """
    rows = slice(300)
    model = build(parts, mix, None, 0, training, n_rows=300)
    model.set_params(max_epochs=1, early_stopping=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(parts.x_fit[rows], parts.y_fit[rows])
    except (ValueError, TypeError) as error:
        return first_sentence(str(error))
    except Exception as error:
        return f"fails: {type(error).__name__}: {first_sentence(str(error))}"
    return None


def select_score(
    parts: Parts, mix: str | None, alpha: float | None, seed: int, training: Training
) -> dict[str, Any]:
    """Return the score on the part to choose on; lower is better."""
    found = _attempt(parts, mix, alpha, seed, training, test=False)
    if "error" in found:
        return found
    name = "log_loss" if parts.is_classification else "rmse"
    return {"score": found[name], "fit_seconds": found["fit_seconds"]}


def test_scores(
    parts: Parts, mix: str | None, alpha: float | None, seed: int, training: Training
) -> dict[str, Any]:
    """Return all scores on the test part, after training on both other parts."""
    return _attempt(parts, mix, alpha, seed, training, test=True)


def _attempt(
    parts: Parts,
    mix: str | None,
    alpha: float | None,
    seed: int,
    training: Training,
    *,
    test: bool,
) -> dict[str, Any]:
    x, y = parts.all_train() if test else (parts.x_fit, parts.y_fit)
    x_seen, y_seen = (
        (parts.x_test, parts.y_test) if test else (parts.x_select, parts.y_select)
    )
    model = build(parts, mix, alpha, seed, training, n_rows=len(y))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, y)
            if parts.is_classification:
                found = score_classes(y_seen, model.predict_proba(x_seen), model)
            else:
                found = score_numbers(y_seen, model.predict(x_seen))
    # One method that breaks must not end a run of an hour.
    except Exception as error:
        return {"error": f"{type(error).__name__}: {first_sentence(str(error))}"}
    marks = np.asarray(dict(model.net_.callbacks_)["marks"].marks_)
    epochs = np.diff(marks)
    return found | {
        "epoch_seconds": float(np.median(epochs[1:] if len(epochs) > 1 else epochs)),
        "fit_seconds": float(marks[-1] - marks[0]),
        "epochs": len(epochs),
    }


def build(
    parts: Parts,
    mix: str | None,
    alpha: float | None,
    seed: int,
    training: Training,
    *,
    n_rows: int,
) -> Any:
    """Return the estimator: the library's default for tables, a ResNet for images."""
    callbacks: list[tuple[str, Any]] = [("marks", EpochMarks())]
    settings: dict[str, Any] = {
        "mix": mix,
        "alpha": alpha,
        "random_state": seed,
        "max_epochs": training.epochs,
        "callbacks": callbacks,
    }
    if not isinstance(parts.x_fit, np.ndarray):
        return (MixupClassifier if parts.is_classification else MixupRegressor)(
            **settings
        )
    epochs = training.epochs or 1
    steps = epochs * -(-n_rows // BATCH_SIZE)
    cycle = LRScheduler(
        torch.optim.lr_scheduler.OneCycleLR,
        step_every="batch",
        max_lr=PEAK_RATE,
        total_steps=steps,
    )
    callbacks.append(("rate", cycle))
    return MixupClassifier(
        SmallResNet,
        module__n_classes=len(np.unique(parts.y_fit)),
        module__stride=training.stride,
        batch_size=BATCH_SIZE,
        early_stopping=False,
        **ON_IMAGES.get(mix or "", {}),
        **settings,
    )


def score_classes(y: NDArray[Any], proba: NDArray[Any], model: Any) -> dict[str, Any]:
    """Return accuracy, log-loss and calibration error, with their terms."""
    classes = np.asarray(model.classes_)
    proba = proba.astype(np.float64)
    truth = proba[np.arange(len(y)), np.searchsorted(classes, y)]
    hit = classes[proba.argmax(1)] == y
    terms = {
        "accuracy": hit.astype(float),
        "log_loss": -np.log(np.clip(truth, SMALLEST, 1.0)),
        "ece": calibration_terms(hit, proba.max(1)),
    }
    ece = expected_calibration_error(y, proba, n_bins=N_BINS, classes=classes)
    return {
        "accuracy": float(terms["accuracy"].mean()),
        "log_loss": float(terms["log_loss"].mean()),
        "ece": ece,
        "terms": {name: packed(values) for name, values in terms.items()},
    }


def score_numbers(y: NDArray[Any], predicted: NDArray[Any]) -> dict[str, Any]:
    """Return RMSE and R2; the terms are those of a small change of the RMSE."""
    squares = (np.asarray(y, float) - predicted) ** 2
    rmse = float(np.sqrt(squares.mean()))
    spread = float(np.mean((y - np.mean(y)) ** 2))
    # The root is straightened at its value: d sqrt(m) = dm / (2 sqrt(m)).
    return {
        "rmse": rmse,
        "r2": 1.0 - rmse**2 / spread,
        "terms": {"rmse": packed(squares / (2.0 * rmse))},
    }


def calibration_terms(
    hit: NDArray[np.bool_], confidence: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return terms whose mean is the calibration error.

    A bin adds |sum of (hit - confidence)|: with the sign of its bin in front, every
    row's own part of it.
    """
    bins = np.clip(np.ceil(confidence * N_BINS).astype(int) - 1, 0, N_BINS - 1)
    gaps = hit - confidence
    signs = np.sign(np.bincount(bins, weights=gaps, minlength=N_BINS))
    terms: NDArray[np.float64] = signs[bins] * gaps
    return terms


def packed(values: ArrayLike) -> str:
    """Return numbers as text, in a quarter of the room of their digits."""
    return base64.b64encode(np.asarray(values, dtype="<f4").tobytes()).decode()


def unpacked(text: str) -> NDArray[np.float64]:
    """Return the numbers of `packed`."""
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(float)


def first_sentence(text: str) -> str:
    """Return the first sentence of a message, on one line, and not too long."""
    line = " ".join(text.split())
    sentence = line.partition(". ")[0].partition("; ")[0].rstrip(".")
    return sentence if len(sentence) <= 160 else sentence[:157] + "..."
