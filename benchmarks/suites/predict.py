"""Suite ``predict``: latency of one row, throughput and memory of a million.

The nets are the library's default, trained briefly: what they predict does not matter,
how long it takes does.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.data import census_like, two_classes
from benchmarks.harness.interleave import time_calls
from benchmarks.harness.memory import PeakIncrease, mebibytes
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import MedianInterval, median_interval, paired_ratio
from benchmarks.harness.targets import NO_TARGET, Target
from benchmarks.peers.bare_module import BareModule
from sk_mixup import MixupClassifier

ARRAY_LIMIT = Target("at most", 1.0, "ms")
FRAME_LIMIT = Target("at most", 5.0, "ms")
ARRAY_ROW, FRAME_ROW = "NumPy row, 20 features", "DataFrame row, 14 columns"
BARE = "bare module on prepared tensors"


def run(options: Options, progress: Progress) -> Report:
    """Fit on an array and on a frame, then predict one row and many."""
    torch.set_num_threads(options.threads)
    progress.say("fitting on 5000 x 20 numbers and on a frame of 14 columns")
    x, y = two_classes(5_000, 20)
    frame, labels = census_like(5_000)
    on_array, on_frame = fitted(x, y), fitted(frame, labels)
    # The large one first: memory that a small one leaves would hide part of the rise.
    many, many_numbers = many_rows(on_array, options, progress)
    one, one_numbers = one_row(on_array, on_frame, options, progress)
    return Report("predict", [one, many], {"one_row": one_numbers, **many_numbers})


def fitted(x: Any, y: Any) -> MixupClassifier:
    """Return the default classifier after five epochs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MixupClassifier(max_epochs=5, random_state=0, device="cpu")
        return model.fit(x, y)


def one_row(
    on_array: MixupClassifier,
    on_frame: MixupClassifier,
    options: Options,
    progress: Progress,
) -> tuple[Table, dict[str, Any]]:
    """Measure ``predict_proba`` of one row, after the first call."""
    rounds = options.pick(101, 15)
    x, _ = two_classes(1, 20, seed=1)
    row, _ = census_like(1, seed=1)
    calls: dict[str, Callable[[], Any]] = {
        ARRAY_ROW: lambda: on_array.predict_proba(x),
        FRAME_ROW: lambda: on_frame.predict_proba(row),
    }
    if (bare := BareModule.of(on_array, x)) is not None:
        calls[f"{BARE}, 20 features"] = bare
    if (bare_frame := BareModule.of(on_frame, row)) is not None:
        calls[f"{BARE}, 14 columns"] = bare_frame
    times = time_calls(calls, rounds, task="one row", progress=progress)
    limits = {ARRAY_ROW: ARRAY_LIMIT, FRAME_ROW: FRAME_LIMIT}
    rows = []
    for name, seconds in times.items():
        found = median_interval([1e3 * value for value in seconds])
        limit = limits.get(name)
        cells = limit.cells(found.median) if limit else NO_TARGET
        rows.append([name, found.format(3), *cells])
    table = Table(
        "Milliseconds of one row",
        ["", "ms per call", "target", ""],
        rows,
        [
            f"Median of {rounds} interleaved rounds and its 95 % interval; calls after"
            " the first. Five epochs of the default net."
        ],
    )
    return table, {"rounds": rounds, "seconds": times}


def many_rows(
    model: MixupClassifier, options: Options, progress: Progress
) -> tuple[Table, dict[str, Any]]:
    """Measure ``predict_proba`` of a million rows, its memory and the bare module."""
    n_rows = options.pick(1_000_000, 100_000)
    rounds = options.pick(7, 3)
    x, _ = two_classes(n_rows, 20, seed=2)
    progress.say(f"peak memory of {n_rows:,} rows")
    with PeakIncrease() as peak:
        result = model.predict_proba(x)
    result_size = result.nbytes
    del result
    ours = "predict_proba"
    calls: dict[str, Callable[[], Any]] = {ours: lambda: model.predict_proba(x)}
    bare = BareModule.of(model, x)
    if bare is not None:
        calls[BARE] = bare
    times = time_calls(
        calls, rounds, seconds_per_round=0.0, task=f"{n_rows} rows", progress=progress
    )
    rows = [
        [
            name,
            median_interval(seconds).format(3),
            rate(n_rows, median_interval(seconds)),
        ]
        for name, seconds in times.items()
    ]
    notes = [
        f"{n_rows:,} x 20 float32 ({mebibytes(x.nbytes)}). Peak memory rises by"
        f" {mebibytes(peak.bytes)}, of which the result is {mebibytes(result_size)}.",
    ]
    if bare is not None:
        ratio = paired_ratio(times[ours], times[BARE])
        notes.append(
            f"predict_proba / bare module: {ratio.format()} (coverage"
            f" {ratio.coverage:.0%}). The bare module gets its inputs encoded, in the"
            f" {bare.n_blocks} blocks that `predict_proba` makes, and stops at its"
            " output."
        )
    else:
        notes.append("The bare module could not be called apart from predict_proba.")
    table = Table(
        f"Many rows: {n_rows:,}",
        ["", "seconds", "million rows per second"],
        rows,
        notes,
    )
    numbers = {
        "many_rows": {
            "n_rows": n_rows,
            "seconds": times,
            "peak_increase_bytes": peak.bytes,
            "result_bytes": result_size,
        }
    }
    return table, numbers


def rate(n_rows: int, seconds: MedianInterval) -> str:
    """Return millions of rows per second."""
    return f"{n_rows / seconds.median / 1e6:.2f}"
