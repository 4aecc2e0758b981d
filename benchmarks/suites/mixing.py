"""Suite ``mixing``: microseconds of one mixed batch.

One batch is everything a training step pays: the draw, the blend and the targets.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.harness.interleave import time_calls
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import median_interval, paired_ratio
from benchmarks.harness.targets import NO_TARGET, Target
from benchmarks.peers.textbook import TextbookMixup
from benchmarks.peers.timm_mixup import find_timm_file, load_timm_class, timm_mixer
from sk_mixup.mixing import CutMix, Mixup

N_CLASSES = 10
ALPHA = 0.2
SHAPES = ((256, 20), (256, 3, 32, 32))

Call = Callable[[], Any]
#: Title, numerator, denominator, target on images (tables have none).
Ratio = tuple[str, str, str, Target | None]
RATIOS: Sequence[Ratio] = (
    (
        "per batch: ours / timm",
        "Mixup per batch",
        "timm batch, on a clone",
        Target("at most", 1.0),
    ),
    (
        "per row: timm elem / ours",
        "timm elem, on a clone",
        "Mixup per row",
        Target("at least", 20.0),
    ),
    ("CutMix: ours / timm", "CutMix per batch", "timm CutMix, on a clone", None),
    ("per batch: ours / textbook", "Mixup per batch", "textbook five lines", None),
    ("per batch: ours / clone", "Mixup per batch", "clone (memory floor)", None),
    ("per row: ours / clone", "Mixup per row", "clone (memory floor)", None),
)


def run(options: Options, progress: Progress) -> Report:
    """Measure every way to mix on a table and on images."""
    torch.set_num_threads(options.threads)
    timm = find_timm_file(options.timm)
    timm_class = None if timm is None else load_timm_class(timm)
    if timm_class is None:
        progress.say("no timm: neither --timm FILE nor an installed package")
    rounds = options.pick(51, 9)
    times: dict[str, dict[str, list[float]]] = {}
    for shape in SHAPES:
        title = "x".join(map(str, shape))
        functions = contestants(shape, timm_class)
        times[title] = time_calls(
            functions, rounds, seconds_per_round=0.02, task=title, progress=progress
        )
    notes = [
        f"{N_CLASSES} classes; alpha {ALPHA} for Mixup, 1 for CutMix; float32. Median"
        f" of {rounds} interleaved rounds and its 95 % interval."
    ]
    if timm_class is None:
        notes.append("timm was not measured: its file was neither given nor installed.")
    return Report(
        suite="mixing",
        tables=[
            Table(
                "Microseconds of one mixed batch (draw, blend, targets)",
                ["", *times],
                time_rows(times),
                notes,
            ),
            Table(
                "Ratios within a round",
                ["", "batch", "ratio [95 % interval]", "target", ""],
                ratio_rows(times),
            ),
        ],
        measurements={"rounds": rounds, "seconds": times},
    )


def contestants(shape: Sequence[int], timm_class: type[Any] | None) -> dict[str, Call]:
    """Return the ways to mix a batch of this shape; ratio partners are neighbours."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(*shape, generator=generator)
    y = torch.randint(0, N_CLASSES, (shape[0],), generator=generator)
    images = len(shape) == 4

    def peer(**parameters: Any) -> Call:
        mix = timm_mixer(timm_class, n_classes=N_CLASSES, **parameters)  # type: ignore[arg-type]
        return functools.partial(mix, x, y)

    calls: dict[str, Call] = {
        "clone (memory floor)": x.clone,
        "textbook five lines": functools.partial(TextbookMixup(ALPHA, N_CLASSES), x, y),
        "Mixup per batch": ours(Mixup(ALPHA), x, y),
    }
    if timm_class is not None:
        calls["timm batch, on a clone"] = peer(alpha=ALPHA, mode="batch")
        calls["timm elem, on a clone"] = peer(alpha=ALPHA, mode="elem")
    calls["Mixup per row"] = ours(Mixup(ALPHA, per="row"), x, y)
    if images:
        calls["CutMix per batch"] = ours(CutMix(1.0), x, y)
        if timm_class is not None:
            calls["timm CutMix, on a clone"] = peer(
                alpha=1.0, mode="batch", cutmix=True
            )
    return calls


def ours(method: Mixup | CutMix, x: Tensor, y: Tensor) -> Call:
    """Return the one-line use of a method."""
    return functools.partial(method, x, y, n_classes=N_CLASSES)


def time_rows(times: dict[str, dict[str, list[float]]]) -> list[list[str]]:
    """Return a row per contestant, a column per shape."""
    names = list(dict.fromkeys(name for by_name in times.values() for name in by_name))
    return [
        [
            name,
            *(
                median_interval(by_name[name]).format(1, scale=1e6)
                if name in by_name
                else ""
                for by_name in times.values()
            ),
        ]
        for name in names
    ]


def ratio_rows(times: dict[str, dict[str, list[float]]]) -> list[list[str]]:
    """Return a row per ratio and shape, for those that were measured."""
    rows = []
    for title, above, below, target in RATIOS:
        for shape, by_name in times.items():
            if above not in by_name or below not in by_name:
                continue
            ratio = paired_ratio(by_name[above], by_name[below])
            asked = target is not None and "x32" in shape
            cells = target.cells(ratio.median) if asked and target else NO_TARGET
            rows.append([title, shape, ratio.format(), *cells])
    return rows
