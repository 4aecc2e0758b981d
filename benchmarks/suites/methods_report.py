"""Numbers and words of the suite ``methods``: differences, their errors, verdicts.

Every sentence about who helped is computed, so that it cannot outlive its numbers.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness.report import Report, Table
from benchmarks.parts import CIFAR
from benchmarks.suites.methods_training import unpacked

UNMIXED = "no mixing"


@dataclass(frozen=True)
class Metric:
    """A score.

    Attributes
    ----------
    key, title : str
    sense : int
        1: more is better; -1: less is better.
    scale : float
        From the score to what is printed.
    digits : int
    """

    key: str
    title: str
    sense: int
    scale: float = 1.0
    digits: int = 4

    @property
    def name(self) -> str:
        """The title without its unit."""
        return self.title.partition(",")[0]

    def better(self) -> str:
        """Return the word for an improvement."""
        return "higher" if self.sense > 0 else "lower"


CLASS_METRICS = (
    Metric("accuracy", "accuracy, %", 1, 100.0, 2),
    Metric("log_loss", "log-loss", -1),
    Metric("ece", "ECE, %", -1, 100.0, 2),
)
NUMBER_METRICS = (Metric("rmse", "RMSE", -1, 1.0, 0),)
#: Shown and not compared: it says what the RMSE says.
R2 = Metric("r2", "R2", 1)


@dataclass(frozen=True)
class Estimate:
    """A mean and its standard error; None where nothing tells it."""

    mean: float
    error: float | None

    def format(self, metric: Metric, sign: bool = False) -> str:
        """Return ``mean ± error``."""
        plus = "+" if sign else ""
        text = f"{self.mean * metric.scale:{plus}.{metric.digits}f}"
        if self.error is None:
            return text
        return f"{text} ± {self.error * metric.scale:.{metric.digits}f}"

    def beyond(self, sense: int, errors: float = 2.0) -> bool:
        """Whether it lies on one side of 0 by more than some standard errors."""
        return self.error is not None and sense * self.mean > errors * self.error


@dataclass
class Found:
    """What was found on one data set.

    Attributes
    ----------
    name, sizes : str
    metrics : sequence of Metric
    alphas : dict of str to float or None
        Chosen alpha by contestant.
    cells : dict of str to list of dict
        Test scores by contestant, one per seed.
    left_out : dict of str to str
        Reason by method.
    choices : dict of str to dict
        Scores on the rows to choose on, by contestant and alpha.
    """

    name: str
    sizes: str
    metrics: Sequence[Metric]
    alphas: dict[str, float | None]
    cells: dict[str, list[dict[str, Any]]]
    left_out: dict[str, str]
    choices: dict[str, dict[str, float]]


# --- numbers -------------------------------------------------------------------------


def estimate(
    key: str,
    cells: Sequence[dict[str, Any]],
    minus: Sequence[dict[str, Any]] | None = None,
) -> Estimate:
    """Return the mean score, or mean difference, with its standard error.

    Two sources of luck are added up: the seeds (weights, batches, draws), and the rows
    that happen to be in the test part. Differences are taken seed by seed and row by
    row, so that what both trainings share drops out.

    Parameters
    ----------
    key : str
        Score.
    cells : sequence of dict
        One per seed.
    minus : sequence of dict or None
        Those to compare with, of the same seeds.
    """
    values = [cell[key] for cell in cells]
    terms = [_terms(cell, key) for cell in cells]
    if minus is not None:
        values = [a - b[key] for a, b in zip(values, minus, strict=True)]
        terms = [
            None if a is None else a - _terms(b, key)
            for a, b in zip(terms, minus, strict=True)
        ]
    variance, known = 0.0, False
    if len(values) > 1:
        variance += statistics.variance(values) / len(values)
        known = True
    rows = [row for row in terms if row is not None]
    if len(rows) == len(values) and len(rows[0]) > 1:
        mean = np.mean(rows, axis=0)
        variance += float(np.var(mean, ddof=1)) / len(mean)
        known = True
    return Estimate(statistics.mean(values), math.sqrt(variance) if known else None)


def _terms(cell: dict[str, Any], key: str) -> Any:
    text = cell["terms"].get(key)
    return None if text is None else unpacked(text)


# --- the report ----------------------------------------------------------------------


def report_of(found: Sequence[Found], device: str) -> Report:
    """Return the tables of all data sets, and what left methods out."""
    tables = [verdict_table(found, device)] if found else []
    for data in found:
        tables += [scores_table(data), differences_table(data)]
    if any(data.left_out for data in found):
        tables.append(left_out_table(found))
    measurements = {
        "device": device,
        "data_sets": {
            data.name: {
                "sizes": data.sizes,
                "alphas": data.alphas,
                "choices": data.choices,
                "tests": {
                    mix: [
                        {k: v for k, v in cell.items() if k != "terms"}
                        for cell in cells
                    ]
                    for mix, cells in data.cells.items()
                },
                "left_out": data.left_out,
            }
            for data in found
        },
    }
    return Report("methods", tables, measurements)


def verdict_table(found: Sequence[Found], device: str) -> Table:
    """Count who helped and who hurt; say it in a sentence per data set below."""
    rows = []
    for data in found:
        for metric in data.metrics:
            differences = differences_of(data, metric)
            helped = [d for d in differences.values() if d.beyond(metric.sense)]
            hurt = [d for d in differences.values() if d.beyond(-metric.sense)]
            counts = [len(differences), len(helped), len(hurt)]
            rows.append([f"{data.name}: {metric.title}", *map(str, counts)])
    notes = [
        "Better and worse than no mixing by more than 2 standard errors, for the same"
        " seeds and test rows. Standard errors hold the luck of the seeds and of the"
        " test rows; few seeds tell them only roughly, and of 40 methods that do"
        " nothing one would be expected on either side by chance.",
        f"Computed on: {device}. Test rows were looked at once per seed, after"
        " alpha was chosen (log-loss or RMSE of one seed, on rows that were trained on"
        " afterwards). Epochs are planned alike for all; methods that put more rows"
        " into a batch see more rows per epoch and take longer.",
        *(sentence(data) for data in found),
    ]
    return Table("Does mixing help?", ["", "methods", "better", "worse"], rows, notes)


def sentence(data: Found) -> str:
    """Say in words whether any mixing helped on a data set."""
    parts = []
    for metric in data.metrics:
        helped = {
            mix: difference
            for mix, difference in differences_of(data, metric).items()
            if difference.beyond(metric.sense)
        }
        if not helped:
            continue
        best = sorted(helped, key=lambda mix: metric.sense * helped[mix].mean)[::-1]
        listed = ", ".join(
            f"{mix} ({helped[mix].format(metric, sign=True)})" for mix in best
        )
        parts.append(f"{metric.better()} {metric.name} with {listed}")
    label = f"**{data.name}**: "
    n_methods = len(differences_of(data, data.metrics[0]))
    if n_methods == 0:
        return f"{label}nothing was compared."
    if not parts:
        return (
            f"{label}mixing did not help: none of {n_methods} methods is better in"
            f" {' or '.join(m.name for m in data.metrics)} by more than 2 standard"
            " errors."
        )
    missing = [
        metric.name
        for metric in data.metrics
        if not any(
            difference.beyond(metric.sense)
            for difference in differences_of(data, metric).values()
        )
    ]
    none = f" No method is better in {' or '.join(missing)}." if missing else ""
    return (
        f"{label}mixing helped by more than 2 standard errors: {'; '.join(parts)}."
        f"{none}"
    )


def differences_of(data: Found, metric: Metric) -> dict[str, Estimate]:
    """Return the paired difference of every method to no mixing."""
    if UNMIXED not in data.cells:
        return {}
    clean = data.cells[UNMIXED]
    return {
        mix: estimate(metric.key, cells, clean)
        for mix, cells in data.cells.items()
        if mix != UNMIXED
    }


def scores_table(data: Found) -> Table:
    """Return scores with standard errors, and seconds per epoch."""
    shown = (*data.metrics, *((R2,) if data.metrics is NUMBER_METRICS else ()))
    rows = []
    for mix, cells in data.cells.items():
        seconds = statistics.median(cell["epoch_seconds"] for cell in cells)
        rows.append(
            [
                mix,
                alpha_text(data, mix),
                *(estimate(m.key, cells).format(m) for m in shown),
                f"{seconds:.3f}",
            ]
        )
    n_seeds = max(map(len, data.cells.values()), default=0)
    notes = [f"Rows: {data.sizes}. Mean of {n_seeds} seeds ± standard error."]
    if data.name == CIFAR:
        notes.append(
            "A part of CIFAR-10 and a ResNet of 8 layers, random flips: compare side by"
            " side, not with published accuracies. Methods for hidden layers draw from"
            " the input, the stem and the three blocks; align_mix from the input and"
            " the last block."
        )
    columns = ["", "alpha", *(m.title for m in shown), "seconds per epoch"]
    return Table(f"{data.name}: scores on the test part", columns, rows, notes)


def alpha_text(data: Found, mix: str) -> str:
    """Return the alpha of a contestant, its choice or the method's default."""
    alpha = data.alphas[mix]
    return "" if alpha is None else f"{alpha:g}"


def differences_table(data: Found) -> Table:
    """Return what every method adds to no mixing."""
    by_metric = {m: differences_of(data, m) for m in data.metrics}
    rows = []
    for mix in data.cells:
        if mix == UNMIXED:
            continue
        cells = []
        for metric, differences in by_metric.items():
            found = differences[mix]
            mark = "better" if found.beyond(metric.sense) else ""
            mark = "worse" if found.beyond(-metric.sense) else mark
            cells += [found.format(metric, sign=True), mark]
        rows.append([mix, *cells])
    columns = [""]
    for metric in data.metrics:
        columns += [metric.title, ""]
    return Table(f"{data.name}: difference to no mixing", columns, rows)


def left_out_table(found: Sequence[Found]) -> Table:
    """Return which method was not compared where, and why."""
    rows = [
        [mix, data.name, reason]
        for data in found
        for mix, reason in data.left_out.items()
    ]
    return Table(
        "Not compared",
        ["", "data", "reason"],
        rows,
        ["What the library said on a trial of one epoch, or where a training broke."],
    )
