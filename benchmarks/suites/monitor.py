"""Suite ``monitor``: what `MixMonitor` adds to a training.

Fits with it and without, side by side, from tables of a hundred rows to images, in CPU
seconds: small trainings are where a fixed price per look shows most. The share of a fit
that its hooks took is the same quantity with less noise, and both are shown.
"""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
)

from benchmarks.data import two_classes
from benchmarks.harness.interleave import interleave
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import median_interval, paired_ratio
from benchmarks.harness.targets import Target
from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.callbacks import MixMonitor

LIMIT = Target("at most", 3.0, "%")


class Timed(MixMonitor):
    """A monitor that knows what CPU time it took."""

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start to count."""
        self.spent_ = 0.0
        self._timed(super().on_train_begin, args, kwargs)

    def on_batch_begin(self, *args: Any, **kwargs: Any) -> None:
        """Look at a batch."""
        self._timed(super().on_batch_begin, args, kwargs)

    def on_epoch_end(self, *args: Any, **kwargs: Any) -> None:
        """Look at rows."""
        self._timed(super().on_epoch_end, args, kwargs)

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        """Judge."""
        self._timed(super().on_train_end, args, kwargs)

    def _timed(self, hook: Callable[..., None], args: Any, kwargs: Any) -> None:
        start = time.process_time()
        hook(*args, **kwargs)
        self.spent_ += time.process_time() - start


def trainings(options: Options) -> dict[str, tuple[Any, Any, Any]]:
    """Return estimators with their rows and targets, by what a table calls them."""
    iris = load_iris(return_X_y=True)
    digits, labels = load_digits(return_X_y=True)
    images = (digits.reshape(-1, 1, 8, 8) / 16.0).astype("float32")
    many = two_classes(options.pick(10_000, 1_000), 20)
    seed = {"random_state": 0, "device": "cpu"}
    short = options.pick(20, 4)

    def mlp(n_epochs: int) -> MixupClassifier:
        return MixupClassifier("mlp", alpha=0.2, max_epochs=n_epochs, **seed)

    return {
        "`mlp`, iris, 50 epochs": (mlp(options.pick(50, 4)), *iris),
        "`mlp`, digits, 20 epochs": (mlp(short), digits, labels),
        "`mlp`, 10,000 x 20, 10 epochs": (mlp(options.pick(10, 2)), *many),
        "default, iris": (MixupClassifier(**seed), *iris),
        "default, breast cancer": (
            MixupClassifier(**seed),
            *load_breast_cancer(return_X_y=True),
        ),
        "default, diabetes": (
            MixupRegressor(**seed),
            *load_diabetes(return_X_y=True),
        ),
        "`convnet`, digits, 5 epochs": (
            MixupClassifier(
                "convnet", alpha=0.2, max_epochs=options.pick(5, 2), **seed
            ),
            images,
            labels,
        ),
    }


def fitted(model: Any, x: Any, y: Any, is_watched: bool, _: int) -> tuple[float, float]:
    """Fit once; return the CPU seconds, and those that the monitor took of them."""
    monitor = Timed()
    model.set_params(callbacks=[monitor] if is_watched else None)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y)
    seconds = time.process_time() - start
    return seconds, monitor.spent_ if is_watched else 0.0


def run(options: Options, progress: Progress) -> Report:
    """Fit all of them with a monitor and without, in turns."""
    torch.set_num_threads(options.threads)
    rounds = options.pick(11, 3)
    rows, numbers = [], {}
    for name, (model, x, y) in trainings(options).items():
        found = interleave(
            {
                "without": functools.partial(fitted, model, x, y, False),
                "with": functools.partial(fitted, model, x, y, True),
            },
            # The first round meets cold caches.
            rounds + 1,
            task=name,
            progress=progress,
            collect=True,
        )
        pairs = {side: values[1:] for side, values in found.items()}
        alone = [seconds for seconds, _ in pairs["without"]]
        together = [seconds for seconds, _ in pairs["with"]]
        shares = [100.0 * own / (all_ - own) for all_, own in pairs["with"]]
        ratio = paired_ratio(together, alone)
        share = median_interval(shares)
        rows.append(
            [
                name,
                median_interval(alone).format(2),
                share.format(2),
                *LIMIT.cells(share.median),
                f"{100 * (ratio.median - 1):+.1f}"
                f" [{100 * (ratio.low - 1):+.1f}, {100 * (ratio.high - 1):+.1f}]",
            ]
        )
        numbers[name] = {"seconds": alone, "with": together, "hooks_percent": shares}
    table = Table(
        "MixMonitor: per cent of a training",
        ["", "CPU seconds without", "its hooks, %", "target", "", "with / without, %"],
        rows,
        [
            f"Medians of {rounds} fits each, in turns, and their intervals (coverage"
            f" {share.coverage:.0%})."
        ],
    )
    return Report("monitor", [table], numbers)
