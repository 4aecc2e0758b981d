"""Suite ``image_loop``: seconds per epoch of a small image net, against other loops.

All contestants train the same net on the same images with the same optimizer, one after
the other in every round; a ratio compares neighbours of one round.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from benchmarks.harness.interleave import interleave
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import MedianInterval, median_interval, paired_ratio
from benchmarks.harness.targets import NO_TARGET, Target
from benchmarks.peers.image_trainers import (
    ImageTask,
    ImageTiming,
    OneLayer,
    train_by_hand,
    train_ours,
    train_ours_on_items,
    train_skorch_on_items,
)

Contestants = Mapping[str, Callable[[int], ImageTiming]]
Ratio = tuple[str, str, str, Target | None]
ALPHA = 0.2
WORKERS = (0, 1)


def run(options: Options, progress: Progress) -> Report:
    """Train on arrays of floats and of bytes, and on a data set with workers."""
    torch.set_num_threads(options.threads)
    rounds = options.pick(15, 2)
    n_rows, epochs = options.pick(640, 256), options.pick(4, 2)
    floats = images(n_rows, np.float32, epochs)
    # A step of it is short: more of them, or the clock would measure other programs.
    small = replace(images(2 * n_rows, np.float32, options.pick(9, 2)), net=OneLayer)
    small_bytes = replace(small, x=small.x.astype(np.uint8))
    tables: list[Table] = []
    measured: dict[str, Any] = {"rounds": rounds}
    for title, (contestants, ratios) in (
        ("ResNet, float32 in memory", in_memory(floats)),
        ("ResNet, Dataset and DataLoader", of_items(floats, WORKERS)),
        ("one layer, float32 in memory", in_memory(small)),
        ("one layer, uint8 in memory", in_memory(small_bytes)),
        ("one layer, Dataset and DataLoader", of_items(small, WORKERS)),
    ):
        found = interleave(
            contestants, rounds, task=title, progress=progress, collect=True
        )
        tables += tables_of(title, found, ratios)
        measured[title] = {
            name: [asdict(timing) for timing in timings]
            for name, timings in found.items()
        }
    tables[0] = Table(
        tables[0].title, tables[0].columns, tables[0].rows, [note(rounds, floats)]
    )
    return Report("image_loop", tables, measured)


def images(n_rows: int, dtype: Any, epochs: int) -> ImageTask:
    """Return noise of 3 x 32 x 32 in ten classes, of which the colour tells."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(n_rows) % 10)
    tint = rng.uniform(60, 190, (10, 3, 1, 1))
    x = np.clip(rng.normal(tint[y], 40.0, (n_rows, 3, 32, 32)), 0, 255).astype(dtype)
    return ImageTask(x, y, batch_size=128, epochs=epochs)


def in_memory(task: ImageTask) -> tuple[Contestants, Sequence[Ratio]]:
    """Return the trainings on arrays by name, and their ratios."""
    contestants: dict[str, Callable[[int], ImageTiming]] = {}
    ratios: list[Ratio] = []
    for alpha in (0.0, ALPHA):
        ours, hand = f"ours, alpha {alpha:g}", f"by hand, alpha {alpha:g}"
        contestants[ours] = functools.partial(train_ours, task, alpha=alpha)
        contestants[hand] = functools.partial(train_by_hand, task, alpha=alpha)
        title = f"ours / by hand, alpha {alpha:g}"
        ratios.append((title, ours, hand, Target("at most", 1.05)))
    return contestants, ratios


def of_items(
    task: ImageTask, workers: Sequence[int]
) -> tuple[Contestants, Sequence[Ratio]]:
    """Return the trainings on a data set by name, and their ratios."""
    contestants: dict[str, Callable[[int], ImageTiming]] = {}
    ratios: list[Ratio] = []
    for n in workers:
        label = f"{n} worker{'s' if n != 1 else ''}"
        ours, skorch = f"ours, {label}", f"skorch, {label}"
        contestants[ours] = functools.partial(
            train_ours_on_items, task, alpha=0.0, workers=n
        )
        contestants[skorch] = functools.partial(train_skorch_on_items, task, workers=n)
        target = Target("at most", 1.0)
        ratios.append((f"ours / skorch, {label}", ours, skorch, target))
    return contestants, ratios


def tables_of(
    title: str, found: Mapping[str, Sequence[ImageTiming]], ratios: Sequence[Ratio]
) -> list[Table]:
    """Return the table of times and the table of ratios."""
    times = [
        [
            name,
            *(
                with_range([1e3 * getattr(t, clock) for t in timings], 0)
                for clock in ("wall", "cpu")
            ),
            f"{np.median([t.loss for t in timings]):.3f}",
        ]
        for name, timings in found.items()
    ]
    rows = []
    for name, above, below, target in ratios:
        wall, cpu = (
            paired_ratio(
                *([getattr(t, clock) for t in found[n]] for n in (above, below))
            )
            for clock in ("wall", "cpu")
        )
        cells = target.cells(round(wall.median, 2)) if target else NO_TARGET
        rows.append([name, formatted(wall), *cells, formatted(cpu)])
    return [
        Table(
            f"Milliseconds per epoch, {title}",
            ["", "by the wall clock", "of its own work", "train loss"],
            times,
        ),
        Table(
            f"Ratios, {title}",
            ["", "wall clock", "target", "", "own work"],
            rows,
        ),
    ]


def with_range(values: Sequence[float], digits: int) -> str:
    """Return the median, the least and the most."""
    parts = (float(np.median(values)), min(values), max(values))
    middle, low, high = (f"{value:.{digits}f}" for value in parts)
    return f"{middle} ({low} to {high})"


def formatted(ratio: MedianInterval) -> str:
    """Return a ratio and its interval."""
    return ratio.format(2)


def note(rounds: int, task: ImageTask) -> str:
    """Return what a reader must know about all tables."""
    coverage = median_interval([0.0] * rounds).coverage
    return (
        f"{len(task.y):,} images of 3 x 32 x 32, batches of {task.batch_size}, fused"
        " AdamW, and two nets: a ResNet of 8 layers (16, 32, 64 channels), and one"
        " layer, beside which all that a loop does is seen (with twice as many images"
        f" and epochs). Medians of {rounds} interleaved rounds of {task.epochs} epochs,"
        " the first left out: times with their least and most, ratios of neighbours"
        f" with their interval (coverage {coverage:.0%}). Own work is the CPU time of"
        " the training process:"
        " other programs do not count, nor do workers of a loader."
    )
