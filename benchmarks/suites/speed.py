"""Suite ``speed``: seconds per epoch and per fit, against other ways to train.

All contestants train the same net on the same rows with the same optimizer, one after
the other in every round; a ratio compares neighbours of one round.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from benchmarks.data import two_classes
from benchmarks.harness.interleave import interleave
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import median_interval, paired_ratio
from benchmarks.harness.targets import NO_TARGET, Target
from benchmarks.peers.trainers import (
    Task,
    Timing,
    train_by_hand,
    train_ours,
    train_sklearn,
    train_skorch,
)

OURS, OURS_MIXED = "MixupClassifier, alpha 0", "MixupClassifier, alpha 0.2"
HAND, HAND_MIXED = "hand-written loop, alpha 0", "hand-written loop, alpha 0.2"
SKORCH, SKORCH_SHUFFLED = "skorch", "skorch, shuffled"
SKLEARN = "scikit-learn MLP"

#: Title, numerator, denominator, target (for the medium size alone).
RATIOS: Sequence[tuple[str, str, str, Target | None]] = (
    ("ours / by hand, alpha 0", OURS, HAND, Target("at most", 1.10)),
    ("ours / by hand, alpha 0.2", OURS_MIXED, HAND_MIXED, Target("at most", 1.10)),
    ("skorch / ours", SKORCH, OURS, Target("at least", 1.8)),
    ("skorch shuffled / ours", SKORCH_SHUFFLED, OURS, None),
    ("ours: alpha 0.2 / alpha 0", OURS_MIXED, OURS, Target("at most", 1.15)),
    ("scikit-learn / ours", SKLEARN, OURS, None),
)


@dataclass(frozen=True)
class Size:
    """A size of data and how long to train on it."""

    name: str
    n_rows: int
    n_features: int
    batch_size: int
    epochs: int

    @property
    def title(self) -> str:
        """Name, shape and batch size."""
        shape = f"{self.n_rows} x {self.n_features}"
        return f"{self.name}: {shape}, batch {self.batch_size}"

    def shortened(self) -> Size:
        """Return what a quick run trains: enough to see that all works."""
        rows, epochs = min(self.n_rows, 5_000), min(self.epochs, 4)
        return replace(self, n_rows=rows, epochs=epochs)


MEDIUM = Size("medium", 50_000, 20, 256, 4)
SIZES = (MEDIUM, Size("small", 1_000, 20, 32, 21), Size("wide", 5_000, 500, 256, 11))


def run(options: Options, progress: Progress) -> Report:
    """Train everything on every size."""
    torch.set_num_threads(options.threads)
    rounds = options.pick(15, 3)
    tables = []
    measurements: dict[str, Any] = {"rounds": rounds}
    for size in SIZES:
        size = size.shortened() if options.quick else size
        timings = measure(size, rounds, progress)
        tables += tables_of(size, timings, rounds)
        measurements[size.name] = {
            "size": asdict(size),
            "timings": {
                name: [asdict(timing) for timing in found]
                for name, found in timings.items()
            },
        }
    return Report("speed", tables, measurements)


def measure(size: Size, rounds: int, progress: Progress) -> dict[str, list[Timing]]:
    """Return the timings of all contestants on one size, the warm-up left out."""
    x, y = two_classes(size.n_rows, size.n_features)
    task = Task(x, y, size.batch_size, size.epochs)
    warm_up = Task(x[:2000], y[:2000], size.batch_size, 2)
    for contestant in contestants(warm_up).values():
        contestant(0)
    return interleave(
        contestants(task), rounds, task=size.name, progress=progress, collect=True
    )


def contestants(task: Task) -> dict[str, Callable[[int], Timing]]:
    """Return the trainings by name; those of one ratio are neighbours."""
    return {
        HAND_MIXED: functools.partial(train_by_hand, task, alpha=0.2),
        OURS_MIXED: functools.partial(train_ours, task, alpha=0.2),
        OURS: functools.partial(train_ours, task, alpha=0.0),
        HAND: functools.partial(train_by_hand, task, alpha=0.0),
        SKORCH: functools.partial(train_skorch, task, shuffle=False),
        SKORCH_SHUFFLED: functools.partial(train_skorch, task, shuffle=True),
        SKLEARN: functools.partial(train_sklearn, task),
    }


def tables_of(size: Size, timings: dict[str, list[Timing]], rounds: int) -> list[Table]:
    """Return the table of times and the table of ratios of one size."""
    times = [
        [
            name,
            median_interval([t.epoch for t in found]).format(1, scale=1e3),
            median_interval([t.fit for t in found]).format(2),
            f"{median_interval([t.accuracy for t in found]).median:.3f}",
        ]
        for name, found in timings.items()
    ]
    ratios = []
    for title, above, below, target in RATIOS:
        epoch, fit = (
            paired_ratio(
                [getattr(timing, what) for timing in timings[above]],
                [getattr(timing, what) for timing in timings[below]],
            )
            for what in ("epoch", "fit")
        )
        asked = target is not None and size == MEDIUM
        cells = target.cells(epoch.median) if asked and target else NO_TARGET
        ratios.append([title, epoch.format(), *cells, fit.format()])
    return [
        Table(
            f"Times, {size.title}",
            ["", "ms per epoch", "seconds per fit", "train accuracy"],
            times,
            [note(rounds)] if size.name == MEDIUM.name else [],
        ),
        Table(
            f"Ratios, {size.title}",
            ["", "per epoch", "target", "", "per fit"],
            ratios,
        ),
    ]


def note(rounds: int) -> str:
    """Return what a reader must know about all sizes."""
    coverage = median_interval([0.0] * rounds).coverage
    return (
        f"Medians of {rounds} interleaved rounds and their intervals (coverage"
        f" {coverage:.0%}). MLP 128-128 with ReLU, AdamW (fused), learning rate 1e-3;"
        " scikit-learn's MLP has plain Adam, and its whole fit divided by the"
        " iterations stands for an epoch. skorch: `train_split=None`, default"
        " callbacks; it does not shuffle unless told to, the others do."
    )
