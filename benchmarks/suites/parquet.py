"""Suite ``parquet``: an epoch from files, beside an epoch of the same rows in memory.

The suite makes its files in a temporary folder (that of ``--work``, if given). Every
run has a process of its own, so that the peak of its memory is its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.harness.interleave import interleave
from benchmarks.harness.memory import mebibytes
from benchmarks.harness.options import Options
from benchmarks.harness.processes import run_python
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import median_interval, paired_ratio
from benchmarks.harness.targets import NO_TARGET, Target
from benchmarks.suites.parquet_worker import ask

FILES, MEMORY = "ParquetRows", "DataFrame"
SPEED_ROWS, LARGE_ROWS = 2_000_000, 20_000_000
#: Speed from files over that from memory; bytes.
SPEED = Target("at least", 0.5)
PEAK = Target("at most", 2 * 2**30)
_FILE_ROWS = 2_500_000
_WORDS = (4, 12, 60, 900)


def run(options: Options, progress: Progress) -> Report:
    """Make files and train on them."""
    parts = options.only or ("speed", "large")
    tables: list[Table] = []
    measured: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        place = Path(folder)
        if "speed" in parts:
            n_rows = options.pick(SPEED_ROWS, 60_000)
            write_files(place / "speed", n_rows, progress)
            runs = speed(place / "speed", options, progress)
            tables.append(speed_table(n_rows, runs))
            measured["speed"] = {"rows": n_rows, "runs": runs}
        if "large" in parts:
            n_rows = options.pick(LARGE_ROWS, 120_000)
            size = write_files(place / "large", n_rows, progress)
            progress.step("large", 1, 1, FILES)
            found = run_python(
                ask(FILES, place / "large", 1, options.threads), timeout=7200
            )
            tables.append(large_table(n_rows, size, found))
            measured["large"] = {"rows": n_rows, "bytes": size, "run": found}
    # Parts that run by themselves have files of their own.
    name = "parquet" if len(parts) > 1 else f"parquet_{parts[0]}"
    return Report(name, tables, measured)


def write_files(folder: Path, n_rows: int, progress: Progress) -> int:
    """Write rows of 20 columns, numbers and words, and return their bytes."""
    folder.mkdir()
    starts = range(0, n_rows, _FILE_ROWS)
    for number, start in enumerate(starts):
        progress.step("file", number + 1, len(starts), folder.name)
        rows = made_up(min(_FILE_ROWS, n_rows - start), seed=number)
        rows.to_parquet(folder / f"part-{number:02}.parquet", index=False)
    return sum(path.stat().st_size for path in folder.iterdir())


def made_up(n_rows: int, seed: int) -> pd.DataFrame:
    """Return 12 floats, some missing, 4 counts, 4 words, and a class."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for j in range(12):
        values = rng.standard_normal(n_rows, dtype=np.float32)
        if j % 4 == 3:
            values[rng.random(n_rows) < 0.05] = np.nan
        columns[f"number_{j}"] = values
    for j in range(4):
        columns[f"count_{j}"] = rng.poisson(3.0 + 4 * j, n_rows).astype(np.int16)
    for j, n_words in enumerate(_WORDS):
        codes = rng.integers(0, n_words, n_rows)
        words = [f"word-{j}-{k}" for k in range(n_words)]
        columns[f"word_{j}"] = pd.Categorical.from_codes(codes, words)
    score = columns["number_0"] * columns["number_1"] + columns["number_2"]
    score = score + 0.3 * (columns["count_0"] - 3) + rng.standard_normal(n_rows)
    columns["y"] = (score > 0).astype(np.int8)
    return pd.DataFrame(columns)


def speed(
    folder: Path, options: Options, progress: Progress
) -> dict[str, list[dict[str, Any]]]:
    """Train from files and from memory, in turns."""

    def contestant(name: str) -> Callable[[int], dict[str, Any]]:
        arguments = ask(name, folder, options.pick(2, 1), options.threads)
        return lambda index: run_python(arguments, timeout=7200)

    return interleave(
        {name: contestant(name) for name in (FILES, MEMORY)},
        options.seeds or options.pick(2, 1),
        task="speed",
        progress=progress,
    )


def speed_table(n_rows: int, runs: dict[str, list[dict[str, Any]]]) -> Table:
    """Return seconds of an epoch and of a fit, and the speed relative to memory."""
    rows = []
    for name, repeats in runs.items():
        for what, key in (("an epoch", "epoch_seconds"), ("the fit", "fit_seconds")):
            own = [run[key] for run in repeats]
            ratio, cells = "", NO_TARGET
            if name == FILES:
                memory = [run[key] for run in runs[MEMORY]]
                found = paired_ratio(memory, own)
                ratio = found.format(2)
                if what == "an epoch":
                    cells = SPEED.cells(found.median)
            rows.append(
                [
                    f"{name}: {what}",
                    median_interval(own).format(1),
                    ratio,
                    *cells,
                    mebibytes(max(run["peak_bytes"] for run in repeats)),
                ]
            )
    return Table(
        f"{n_rows:,} rows of 20 columns, module='mlp'",
        ["", "seconds", "speed of memory", "target", "", "peak of the process"],
        rows,
        [
            "An epoch: the fastest of its run. The fit: encoding, a pass over all rows"
            " and all epochs; in memory, the frame is read before the clock starts."
            " The peak counts Python, torch and all libraries."
        ],
    )


def large_table(n_rows: int, size: int, found: dict[str, Any]) -> Table:
    """Return what an epoch of the large files took."""
    peak = found["peak_bytes"]
    return Table(
        f"{n_rows:,} rows of 20 columns, module='mlp', one epoch",
        ["", "files", "seconds of the epoch", "of the fit", "peak", "target", ""],
        [
            [
                FILES,
                mebibytes(size),
                f"{found['epoch_seconds']:.0f}",
                f"{found['fit_seconds']:.0f}",
                mebibytes(peak),
                "at most 2048 MiB",
                PEAK.cells(peak)[1],
            ]
        ],
        [
            "As float64 the rows would take"
            f" {mebibytes(8 * 20 * n_rows)}, and a fit on a frame a multiple of it."
        ],
    )
