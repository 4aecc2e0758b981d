"""Suite ``digits``: the sweep of the README, timed, and which alpha it chooses.

It runs `examples/sweep_together.py`: nine alphas and five folds of handwritten digits,
by `GridSearchCV` and by `MixupSearchCV`, in this process, in turns.
"""

from __future__ import annotations

import contextlib
import io
import runpy
import time
from pathlib import Path
from typing import Any

from sklearn.model_selection import GridSearchCV

from benchmarks.harness.interleave import interleave
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import median_interval, paired_ratio
from sk_mixup import MixupSearchCV

EXAMPLE = Path(__file__).parents[2] / "examples" / "sweep_together.py"


def run(options: Options, progress: Progress) -> Report:
    """Time both searches, and look at the scores of ours."""
    example = runpy.run_path(str(EXAMPLE))
    epochs = options.pick(30, 2)

    def searched(kind: type, **settings: Any) -> tuple[float, Any]:
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            search = example["sweep"](kind, epochs, **settings)
        return time.perf_counter() - start, search

    found = interleave(
        {
            "GridSearchCV": lambda _: searched(GridSearchCV, refit=False),
            "MixupSearchCV": lambda _: searched(
                MixupSearchCV, ensemble="mean", store_oof=True
            ),
        },
        options.seeds or options.pick(3, 1),
        task="search",
        progress=progress,
    )
    seconds = {name: [one for one, _ in pairs] for name, pairs in found.items()}
    ratio = paired_ratio(seconds["GridSearchCV"], seconds["MixupSearchCV"])
    rows = [[name, median_interval(s).format(1)] for name, s in seconds.items()]
    search = found["MixupSearchCV"][0][1]
    return Report(
        "digits",
        [
            Table(
                "45 nets, trained and scored",
                ["", "seconds [interval]"],
                rows,
                [f"Round by round, GridSearchCV takes {ratio.format(1)} times."],
            ),
            alphas_table(search, example["ALPHAS"]),
        ],
        {"seconds": seconds},
    )


def alphas_table(search: Any, alphas: list[float]) -> Table:
    """Return the losses of every alpha, as they are and after a temperature."""
    from sk_mixup.inspection import AlphaSweepDisplay

    curves = AlphaSweepDisplay.from_search(search).curves
    after = curves.scores["after temperature"]
    table = [
        [f"{alpha:g}", f"{raw:.4f}", f"{repaired:.4f}"]
        for alpha, raw, repaired in zip(
            alphas, curves.scores["as predicted"].mean, after.mean, strict=True
        )
    ]
    return Table(
        "Log-loss of five folds",
        ["alpha", "as predicted", "after temperature"],
        table,
        ["The temperature is the best one for the out-of-fold predictions."],
    )
